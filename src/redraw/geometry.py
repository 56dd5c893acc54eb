"""Sizes, boxes and the one transform that carries pictures, masks and results between them.

Coordinates are pixels, x to the right and y down; a box's right and bottom edges are exclusive.
"""

from __future__ import annotations

from typing import NamedTuple


class Size(NamedTuple):
    """A width and a height in pixels, both at least 1."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    def floor(self, step: int) -> Size:
        """Return the largest size, at least one step, whose sides are multiples of `step` and not above these."""
        return Size(max(step, self.width // step * step), max(step, self.height // step * step))

    def ceil(self, step: int) -> Size:
        """Return the smallest size whose sides are multiples of `step` and not below these."""
        return Size(-(-self.width // step) * step, -(-self.height // step) * step)

    def scaled(self, factor: float) -> Size:
        """Return this size times `factor`, truncated as A1111's "Resize by" does, at least 1x1."""
        return Size(max(1, int(self.width * factor)), max(1, int(self.height * factor)))

    def within_area(self, area: int) -> Size:
        """Return the largest size of the same aspect with at most `area` pixels; this size if it already fits."""
        if self.area <= area:
            return self
        factor = (area / self.area) ** 0.5
        return self.scaled(factor)


class Box(NamedTuple):
    """A rectangle `x1 <= x < x2`, `y1 <= y < y2`."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def size(self) -> Size:
        """Width and height of the box."""
        return Size(self.x2 - self.x1, self.y2 - self.y1)

    def padded(self, padding: int, within: Size) -> Box:
        """Return the box with `padding` pixels more on every side, cut off at the edges of a picture of size `within`.

        Any padding of 0 or more is right; one larger than the picture gives the whole picture.
        """
        return Box(
            max(self.x1 - padding, 0),
            max(self.y1 - padding, 0),
            min(self.x2 + padding, within.width),
            min(self.y2 + padding, within.height),
        )

    def expanded(self, aspect: Size, within: Size) -> Box:
        """Return the box, grown along its short side to the aspect of `aspect`, moved so that it stays in `within`.

        This is A1111's "only masked" box. Where the picture is too small the box keeps another aspect; the lengths
        are truncated to whole pixels [Q].
        """
        width, height = self.size
        wanted = aspect.width / aspect.height
        if width / height > wanted:
            y1, y2 = _grown(self.y1, self.y2, int(width / wanted - height), within.height)
            return self._replace(y1=y1, y2=y2)
        x1, x2 = _grown(self.x1, self.x2, int(height * wanted - width), within.width)
        return self._replace(x1=x1, x2=x2)


def _grown(low: int, high: int, more: int, limit: int) -> tuple[int, int]:
    """Return `low..high` longer by `more`, evenly on both sides, shifted and then cut to stay in `0..limit`."""
    low, high = low - more // 2, high + more - more // 2
    beyond = max(high - limit, 0)
    low, high = low - beyond, high - beyond
    before = max(-low, 0)
    return low + before, min(high + before, limit)


class Transform(NamedTuple):
    """A scaling followed by a shift: `target = source * scale + offset`, per axis.

    Pixel boxes map edge to edge, so `apply` of the whole source is where it lies on the target.
    """

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float

    @classmethod
    def stretch(cls, source: Size, target: Size) -> Transform:
        """Fill the target exactly, each axis by itself."""
        return cls(target.width / source.width, target.height / source.height, 0.0, 0.0)

    @classmethod
    def cover(cls, source: Size, target: Size) -> Transform:
        """Keep the aspect and cover the target; what sticks out is cut off evenly on both sides."""
        return cls._centred(source, target, max(target.width / source.width, target.height / source.height))

    @classmethod
    def fit(cls, source: Size, target: Size) -> Transform:
        """Keep the aspect and stay inside the target; what is left over lies evenly on both sides."""
        return cls._centred(source, target, min(target.width / source.width, target.height / source.height))

    @classmethod
    def crop(cls, box: Box, target: Size) -> Transform:
        """Map `box` of the source onto the whole target."""
        return cls.onto(box, Box(0, 0, *target))

    @classmethod
    def onto(cls, source: Box, target: Box) -> Transform:
        """Map one box onto another, edge to edge."""
        sx, sy = target.size.width / source.size.width, target.size.height / source.size.height
        return cls(sx, sy, target.x1 - source.x1 * sx, target.y1 - source.y1 * sy)

    @classmethod
    def _centred(cls, source: Size, target: Size, scale: float) -> Transform:
        return cls(scale, scale, (target.width - source.width * scale) / 2, (target.height - source.height * scale) / 2)

    def invert(self) -> Transform:
        """Return the transform from target to source."""
        return Transform(
            1 / self.scale_x, 1 / self.scale_y, -self.offset_x / self.scale_x, -self.offset_y / self.scale_y
        )

    def then(self, after: Transform) -> Transform:
        """Return the transform that does this one first and `after` second."""
        return Transform(
            self.scale_x * after.scale_x,
            self.scale_y * after.scale_y,
            self.offset_x * after.scale_x + after.offset_x,
            self.offset_y * after.scale_y + after.offset_y,
        )

    def apply(self, box: Box) -> Box:
        """Return where `box` lies after the transform, its edges rounded to whole pixels."""
        return Box(
            round(box.x1 * self.scale_x + self.offset_x),
            round(box.y1 * self.scale_y + self.offset_y),
            round(box.x2 * self.scale_x + self.offset_x),
            round(box.y2 * self.scale_y + self.offset_y),
        )
