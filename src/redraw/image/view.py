"""A picture as browsers should show it: upright, sRGB, 8 bits, a format every browser reads."""

from __future__ import annotations

import io
from typing import Any, Final

from PIL import Image

from redraw.image import exif as exif_block
from redraw.image import png
from redraw.image.container import DAMAGE, carried, open_file
from redraw.image.picture import Picture
from redraw.image.profile import colour_space, is_srgb, model_rgb

_AS_IT_IS: Final = ("PNG", "JPEG", "WEBP")
_MODES: Final = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})
# PNG chunks by which browsers shift colors, and Redraw does not.
_SHIFTING: Final = frozenset({b"gAMA", b"cHRM", b"cICP"})
_PNG_LEVEL: Final = 1
_QUALITY: Final = 82


def shows_as_it_is(data: bytes, name: str = "picture") -> bool:
    """Return whether every browser shows this file's pixels as Redraw reads them, so that it needs no other copy.

    Raises:
        PictureError: it is no picture.
    """
    with open_file(data, name) as image:
        if image.format not in _AS_IT_IS or image.mode not in _MODES:
            return False
        try:
            frames = int(getattr(image, "n_frames", 1))
        except DAMAGE:
            return False
        found = carried(image, data)
    if frames > 1 or exif_block.orientation(found.exif) != 1:
        return False
    if found.icc is not None and not (colour_space(found.icc) == "RGB" and is_srgb(found.icc)):
        return False
    return image.format != "PNG" or _is_plain_png(data)


def view_png(picture: Picture) -> bytes:
    """Return the whole picture as a PNG that is quickly made: 8-bit sRGB, alpha kept."""
    out = io.BytesIO()
    model_rgb(picture).save(out, "PNG", compress_level=_PNG_LEVEL)
    return out.getvalue()


def view_webp(picture: Picture, side: int) -> bytes:
    """Return a WebP whose longer side has at most `side` pixels: 8-bit sRGB, alpha kept."""
    image = model_rgb(picture)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2)
    options: dict[str, Any] = {"quality": _QUALITY, "method": 2}
    out = io.BytesIO()
    image.save(out, "WEBP", **options)
    return out.getvalue()


def _is_plain_png(data: bytes) -> bool:
    """Return whether a PNG has 8 bits or fewer and says nothing of colors but sRGB."""
    head = png.header(data)
    kinds = {chunk.kind for chunk in png.chunks(data)}
    shifted = bool(kinds & _SHIFTING) and not kinds & {b"sRGB", b"iCCP"}
    return head is not None and head.depth <= 8 and not shifted and b"cICP" not in kinds
