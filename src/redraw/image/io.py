"""Opening pictures: every format, upright, as RGB or RGBA, with what must survive."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from PIL import ImageFile

from redraw.errors import PictureError
from redraw.image import exif as exif_block
from redraw.image import xmp
from redraw.image.container import Carried, carried, open_file
from redraw.image.decode import Decoded, decode
from redraw.image.picture import Limits, Picture, Pixels
from redraw.request.picture import PictureRef

Source: TypeAlias = PictureRef | str | Path | bytes | BinaryIO


def open_picture(source: Source, limits: Limits | None = None, *, profiles: bool = True) -> Picture:
    """Return the picture in `source`, upright, as 8- or 16-bit RGB or RGBA, with what must survive.

    Of an animation or a file of several pages the first is taken; `Picture.notes` says so.

    Args:
        source: a reference, a path, a file's bytes, or an open binary file.
        limits: what the file may be at most; checked before its pixels are decoded.
        profiles: use color profiles; without, the numbers stay as they are, which is what a mask needs.

    Raises:
        PictureError: there is no such file, it is no picture, it is damaged, or it is larger than the limits.
    """
    limits = limits or Limits()
    ref = _referred(source)
    if ref.path is not None and ref.path.is_file() and ref.path.stat().st_size > limits.max_bytes:
        raise _too_large(ref.name, limits)
    data = ref.open_bytes()
    if len(data) > limits.max_bytes:
        raise _too_large(ref.name, limits)
    image = open_file(data, ref.name)
    with image:
        _check_size(image, ref.name, limits)
        found = carried(image, data)
        decoded = decode(image, data, ref.name, found.icc if profiles else None)
    if ref.sha256 is None or ref.path is not None:
        ref = ref.model_copy(update={"sha256": hashlib.sha256(data).hexdigest()})
    return _assemble(ref, image.format or "", found, decoded)


def turn(pixels: Pixels, orientation: int) -> Pixels:
    """Return `pixels` ([h, w, c]) as EXIF orientation 1..8 wants them seen."""
    turned: Any = pixels.transpose(1, 0, 2) if orientation in (5, 6, 7, 8) else pixels
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    result: Pixels = np.ascontiguousarray(turned)
    return result


def _referred(source: Source) -> PictureRef:
    if isinstance(source, PictureRef | str | Path | bytes):
        return PictureRef.of(source)
    name = getattr(source, "name", None)
    return PictureRef.from_bytes(source.read(), Path(name).name if isinstance(name, str) else "picture")


def _too_large(name: str, limits: Limits) -> PictureError:
    return PictureError(name, f"the file is larger than the limit of {limits.max_bytes:,} bytes")


def _check_size(image: ImageFile.ImageFile, name: str, limits: Limits) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise PictureError(name, "the picture has no pixels")
    if width > limits.max_side or height > limits.max_side:
        raise PictureError(name, f"{width}x{height} is more than the limit of {limits.max_side:,} pixels a side")
    if width * height > limits.max_pixels:
        raise PictureError(name, f"{width}x{height} is more than the limit of {limits.max_pixels:,} pixels")


def _assemble(ref: PictureRef, kind: str, found: Carried, decoded: Decoded) -> Picture:
    notes, block = list(decoded.notes), found.exif
    pixels = decoded.pixels if decoded.turned else turn(decoded.pixels, exif_block.orientation(block))
    if block is not None:
        try:
            block = exif_block.upright(block)
        except exif_block.ExifError:
            notes.append("the EXIF data is damaged and was left out")
            block = None
    return Picture(
        pixels=pixels,
        name=ref.name,
        sha256=ref.sha256 or "",
        format=kind,
        mode=decoded.mode,
        icc=decoded.icc,
        exif=block,
        xmp=None if found.xmp is None else xmp.without_recipe(xmp.upright(found.xmp)),
        dpi=found.dpi,
        text=found.text,
        infotext=found.infotext,
        recipe=found.recipe,
        weak_alpha=decoded.weak_alpha and pixels.shape[2] == 4,
        notes=tuple(notes),
    )
