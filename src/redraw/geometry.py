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
        sx, sy = target.width / box.size.width, target.height / box.size.height
        return cls(sx, sy, -box.x1 * sx, -box.y1 * sy)

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
