"""Writing TIFF with 8 or 16 bits: one image, deflated strips, and what must survive beside it."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin, TiffTags

from redraw.image.exif import with_kinds
from redraw.image.picture import Pixels

_STRIP_BYTES: Final = 1 << 20
_DEFLATE, _RGB, _HORIZONTAL, _UNASSOCIATED, _INCH = 8, 2, 2, 2, 2
_OWN_TAGS: Final = (254, 256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 282, 283, 284, 296, 317, 338, 700, 34675)
_DIRECTORIES: Final = (0x8769, 0x8825)


def encode_tiff(
    pixels: Pixels, *, icc: bytes | None, exif: bytes | None, xmp: bytes | None, dpi: tuple[float, float] | None
) -> bytes:
    """Return `pixels` ([h, w, 3|4], uint8 or uint16) as a TIFF file.

    Args:
        pixels: RGB, or RGBA with straight alpha.
        icc: profile of the pixels.
        exif: block without its header; its descriptive tags go into the file's own directory.
        xmp: packet.
        dpi: horizontal and vertical pixels an inch.
    """
    height, width, channels = pixels.shape
    row_bytes = width * channels * pixels.dtype.itemsize
    rows = max(1, _STRIP_BYTES // row_bytes)
    strips = [_strip(pixels[y : y + rows]) for y in range(0, height, rows)]
    offsets = np.cumsum([0, *(len(s) for s in strips[:-1])]).tolist()
    ifd = TiffImagePlugin.ImageFileDirectory_v2(b"II*\x00\x08\x00\x00\x00")
    _describe(ifd, exif)
    bits = pixels.dtype.itemsize * 8
    values: dict[int, Any] = {256: width, 257: height, 258: (bits,) * channels, 259: _DEFLATE, 262: _RGB}
    values |= {273: tuple(offsets), 277: channels, 278: rows, 279: tuple(len(s) for s in strips), 284: 1}
    values[317] = _HORIZONTAL
    if channels == 4:
        values[338] = (_UNASSOCIATED,)
    if dpi is not None:
        values |= {282: dpi[0], 283: dpi[1], 296: _INCH}
    for tag, value in values.items():
        ifd[tag] = value
    ifd.tagtype[273] = ifd.tagtype[279] = TiffTags.LONG
    for tag, data, kind in ((700, xmp, TiffTags.BYTE), (34675, icc, TiffTags.UNDEFINED)):
        if data is not None:
            ifd.tagtype[tag] = kind
            ifd[tag] = data
    return b"".join([with_kinds(struct.pack("<2sHI", b"II", 42, 8) + ifd.tobytes(8)), *strips])


def _strip(pixels: Pixels) -> bytes:
    """Return rows deflated, each value as its difference from the one on the left."""
    differences: NDArray[Any] = np.array(pixels, dtype=pixels.dtype.newbyteorder("<"))
    differences[:, 1:] -= pixels[:, :-1]
    return zlib.compress(differences.tobytes(), 1)


def _describe(ifd: TiffImagePlugin.ImageFileDirectory_v2, block: bytes | None) -> None:
    """Copy an EXIF block's entries, but those that say how pixels are stored."""
    if block is None:
        return
    exif = Image.Exif()
    exif.load(block)
    for tag, value in exif.items():
        if tag not in _OWN_TAGS and tag not in _DIRECTORIES:
            ifd[tag] = value
    for tag in _DIRECTORIES:
        entries = exif.get_ifd(tag)
        if entries:
            ifd.tagtype[tag] = TiffTags.LONG
            ifd[tag] = dict(entries)
