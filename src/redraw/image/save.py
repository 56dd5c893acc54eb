"""Writing pictures: whole or not at all, and never over an existing file unless asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from redraw.image.picture import Picture, Pixels

FORMATS: Final = ("png", "jpg", "webp", "avif", "tiff")


@dataclass(frozen=True)
class Extras:
    """What goes into the file beside the pixels.

    Attributes:
        icc: profile the pixels are in.
        exif: TIFF structure, without the "Exif" header.
        xmp: XMP packet; the recipe is added to it where the format has no text chunks.
        dpi: horizontal and vertical pixels an inch.
        text: further text entries (PNG text chunks; dropped in other formats).
        infotext: A1111's infotext.
        recipe: Redraw's recipe; must be JSON.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    infotext: str | None = None
    recipe: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls,
        picture: Picture,
        *,
        infotext: str | None = None,
        recipe: Mapping[str, Any] | None = None,
        keep_metadata: bool = True,
    ) -> Extras:
        """Take over the picture's profile and DPI and, if `keep_metadata`, its EXIF, XMP and text."""
        raise NotImplementedError


class Saved(NamedTuple):
    """Where a picture was written, and plain sentences about what differs from what was asked."""

    path: Path
    notes: tuple[str, ...] = ()


def save_picture(
    pixels: Pixels,
    path: str | Path,
    *,
    format: str | None = None,
    quality: int = 80,
    lossless: bool = False,
    extras: Extras | None = None,
    overwrite: bool = False,
) -> Saved:
    """Write `pixels` to `path`; see the module.

    Args:
        pixels: [h, w, 3|4] uint8 or uint16.
        path: the file; its suffix is replaced by the format's when that differs.
        format: one of `FORMATS`; None takes it from the suffix, else png.
        quality: 1..100 for jpg, webp and avif.
        lossless: for webp and avif.
        extras: what goes into the file beside the pixels.
        overwrite: replace an existing file; else `-1`, `-2`, ... is appended to the name.

    Raises:
        OutputError: the folder is missing, read-only or full, or the format is unknown.
    """
    raise NotImplementedError


def write_picture(
    pixels: Pixels,
    stream: BinaryIO,
    *,
    format: str = "png",
    quality: int = 80,
    lossless: bool = False,
    extras: Extras | None = None,
) -> tuple[str, ...]:
    """Write `pixels` to an open binary stream (standard output, say); return notes as `Saved` has them."""
    raise NotImplementedError


def encode_picture(
    pixels: Pixels, *, format: str = "png", quality: int = 80, lossless: bool = False, extras: Extras | None = None
) -> tuple[bytes, str, tuple[str, ...]]:
    """Return the file's bytes, the format really used (png where another cannot hold the picture), and notes."""
    raise NotImplementedError
