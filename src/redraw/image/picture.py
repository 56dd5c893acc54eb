"""A picture in memory, and the limits on opening one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redraw.geometry import Size

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class Limits:
    """What a picture file may be at most; checked before pixels are decoded.

    Attributes:
        max_bytes: size of the file.
        max_pixels: width times height.
        max_side: width and height.
    """

    max_bytes: int = 512 * 1024 * 1024
    max_pixels: int = 200_000_000
    max_side: int = 65_535


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright picture and what must survive beside its pixels.

    Attributes:
        pixels: [h, w, 3] RGB or [h, w, 4] RGBA with straight alpha, uint8 or uint16, in the profile `icc`.
        name: the source's file name, for people.
        sha256: hex digest of the source's bytes.
        format: the source's format as Pillow names it ("PNG", "JPEG", "HEIF").
        mode: the source's mode before it became RGB(A), as Pillow names it ("P", "CMYK", "L", "RGB", "I;16", "RGB;16").
        icc: the embedded RGB profile, None if there is none or it could not be kept.
        exif: EXIF as a TIFF structure without the "Exif" header, orientation reset, thumbnail dropped;
            a UserComment with infotext is still in it, and saving replaces it.
        xmp: the XMP packet, orientation reset.
        dpi: horizontal and vertical pixels an inch.
        text: the text entries of the file but infotext and recipe (PNG text chunks, comments).
        infotext: A1111's infotext, if the file carries one.
        recipe: Redraw's recipe, if the file carries one.
        weak_alpha: the alpha comes from a grey picture or from one transparent colour; A1111 does not see such.
        notes: plain sentences about what was done to the source on the way in.
    """

    pixels: Pixels
    name: str = "picture"
    sha256: str = ""
    format: str = "PNG"
    mode: str = "RGB"
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    infotext: str | None = None
    recipe: Mapping[str, Any] | None = None
    weak_alpha: bool = False
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return Size(self.pixels.shape[1], self.pixels.shape[0])

    @property
    def depth(self) -> int:
        """Bits of one channel: 8 or 16."""
        return self.pixels.dtype.itemsize * 8

    @property
    def has_alpha(self) -> bool:
        """Whether there is an alpha channel."""
        return bool(self.pixels.shape[2] == 4)
