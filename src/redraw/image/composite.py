"""Putting a repainted part back into its picture: A1111's overlay, and the exact way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from redraw.geometry import Box
from redraw.image.mask import Mask, bounding_box, invert
from redraw.image.picture import Pixels

_BAND: Final = 256  # rows that are computed at once, so that a huge picture needs little memory beside itself


def premultiplied_without(image: Image.Image, mask: Mask) -> Image.Image:
    """Return `image` as premultiplied RGBA ("RGBa") with what `mask` ([h, w], the image's size) repaints taken out."""
    taken = Image.new("RGBa", image.size)
    taken.paste(image.convert("RGBA").convert("RGBa"), mask=Image.fromarray(invert(mask)))
    return taken


def make_overlay(image: Image.Image, overlay_mask: Mask) -> Image.Image:
    """Return `image` as RGBA with a hole, soft where `overlay_mask` is: what is laid over the result later.

    It goes through Pillow's premultiplied 8-bit colors, so it rounds as A1111's does.

    Args:
        image: the source, RGB or RGBA.
        overlay_mask: [h, w] of the image's size, 255 = nothing of the source shows.
    """
    return premultiplied_without(image, overlay_mask).convert("RGBA")


def paste_overlay(
    result: Image.Image, overlay: Image.Image, box: Box | None, carry_back: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    """Return the picture A1111 gives: `overlay` over `result`, RGB.

    An overlay of another size than the result is composited at the upper left corner and cut off there [Q].

    Args:
        result: what the model painted, on the canvas.
        overlay: of `make_overlay`.
        box: where the canvas lies on the overlay; None if it covers the whole picture.
        carry_back: brings the result to the size of `box` (`Placement.carry_back`); not called without a box.
    """
    if box is None:
        canvas = result.convert("RGBA")
    else:
        canvas = Image.new("RGBA", overlay.size)
        canvas.paste(carry_back(result), (box.x1, box.y1))
    canvas.alpha_composite(overlay)
    return canvas.convert("RGB")


def blend(base: Pixels, new: Pixels, weight: Mask) -> Pixels:
    """Return `base` with `new` painted in by `weight`; where the weight is 0, every bit of `base` is kept.

    Weight 255 gives `new`'s bits, in between lies the linear interpolation, rounded. Only the box around the
    weight is computed, so a small change of a huge picture costs little more than copying it.

    Args:
        base, new: [h, w, 3|4], both uint8 or both uint16, of one size. The alpha of the answer is `base`'s.
        weight: [h, w].

    Raises:
        ValueError: the sizes or the depths differ.
    """
    if base.dtype != new.dtype or base.shape[:2] != new.shape[:2] or base.shape[:2] != weight.shape:
        raise ValueError(f"cannot blend {base.dtype} {base.shape} and {new.dtype} {new.shape} by {weight.shape}")
    result = base.copy()
    for part in _parts(weight):
        result[part][..., :3] = _mixed(base[part][..., :3], new[part][..., :3], weight[part][..., None])
    return result


def opaque(base: Pixels, weight: Mask) -> Pixels:
    """Return `base` ([h, w, 4], uint8 or uint16) with alpha rising towards opaque by `weight` ([h, w]).

    For masks that are the picture's own transparency: what was painted into a hole must be seen. Colors, and
    everything where the weight is 0, keep their bits. A picture without alpha is returned as a copy.
    """
    result = base.copy()
    if base.shape[2] == 4:
        for part in _parts(weight):
            alpha = base[part][..., 3]
            result[part][..., 3] = _mixed(alpha, np.full_like(alpha, np.iinfo(base.dtype).max), weight[part])
    return result


def _parts(weight: Mask) -> Iterator[tuple[slice, slice]]:
    """Cut the box around everything above 0 into bands of rows."""
    box = bounding_box(weight)
    if box is not None:
        for y in range(box.y1, box.y2, _BAND):
            yield slice(y, min(y + _BAND, box.y2)), slice(box.x1, box.x2)


def _mixed(base: NDArray[Any], new: NDArray[Any], weight: NDArray[np.uint8]) -> NDArray[Any]:
    """Return `(base * (255 - weight) + new * weight) / 255`, rounded, in integers that hold it exactly."""
    w = weight.astype(np.uint32)
    mixed: NDArray[Any] = ((base * (255 - w) + new * w + 127) // 255).astype(base.dtype)
    return mixed
