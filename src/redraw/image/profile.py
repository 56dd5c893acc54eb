"""Colour profiles: a picture in sRGB for the model, and repainted pixels back in the picture's own profile."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from redraw.image.picture import Picture, Pixels
from redraw.image.shaper import Shaper, read_shaper

_INTENT: Final = ImageCms.Intent.RELATIVE_COLORIMETRIC
# Without NOCACHE a transform remembers its last pixel and must not be shared between threads.
_FLAGS: Final = ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOCACHE
_NEAR: Final = 1


def model_rgb(picture: Picture, *, use_profile: bool = True, weak_alpha: bool = True) -> Image.Image:
    """Return the picture as 8-bit sRGB for the model: "RGB", or "RGBA" if it has alpha (not flattened).

    Args:
        picture: upright, 8 or 16 bits.
        use_profile: convert from the embedded profile; A1111 ignores profiles.
        weak_alpha: keep the alpha of grey pictures and of single transparent colours; A1111 drops both.
    """
    pixels = to_eight_bits(picture.pixels)
    if pixels.shape[2] == 4 and picture.weak_alpha and not weak_alpha:
        pixels = pixels[..., :3]
    if not use_profile or picture.icc is None or is_srgb(picture.icc):
        return Image.fromarray(pixels)
    return Image.fromarray(_applied(pixels, _transform(picture.icc, to_srgb=True)))


def from_srgb(pixels: Pixels, picture: Picture, *, use_profile: bool = True) -> Pixels:
    """Return sRGB `pixels` ([h, w, 3|4], uint8 or uint16) in the profile and depth of `picture`.

    Alpha passes through. With a matrix profile (cameras, displays and editors have such) 16-bit pictures are computed
    in floats; with a table profile they have the 8-bit transform's levels.
    """
    deep = picture.depth == 16
    if not use_profile or picture.icc is None or is_srgb(picture.icc):
        return to_sixteen_bits(pixels) if deep else to_eight_bits(pixels)
    shaper = _shaper(picture.icc) if deep else None
    if shaper is not None:
        wide = to_sixteen_bits(pixels)
        colour = shaper.from_srgb(wide[..., :3].astype(np.float32) / 65535)
        result = np.rint(colour * 65535).astype(np.uint16)
        return np.dstack([result, wide[..., 3]]) if wide.shape[2] == 4 else result
    converted = _applied(to_eight_bits(pixels), _transform(picture.icc, to_srgb=False))
    return to_sixteen_bits(converted) if deep else converted


@lru_cache(maxsize=16)
def colour_space(icc: bytes) -> str | None:
    """Return what the profile's pixels are ("RGB", "GRAY", "CMYK", ...), None if it cannot be used.

    An RGB profile must work both ways: to sRGB for the model, and back for what was repainted.
    """
    try:
        space = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.xcolor_space.strip()
        if space == "RGB":
            _transform(icc, to_srgb=True)
            _transform(icc, to_srgb=False)
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None
    return space


def to_eight_bits(pixels: Pixels) -> NDArray[np.uint8]:
    """Return `pixels` with 8 bits: the high byte of 16, as Pillow reads such files and so A1111 sees them [Q]."""
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels.astype(np.uint8, copy=False)


def to_sixteen_bits(pixels: Pixels) -> NDArray[np.uint16]:
    """Return `pixels` with 16 bits; 255 becomes 65535, and `to_eight_bits` gives the same bytes back."""
    return pixels.astype(np.uint16) * np.uint16(257) if pixels.dtype == np.uint8 else pixels.astype(np.uint16)


@lru_cache(maxsize=16)
def is_srgb(icc: bytes) -> bool:
    """Whether the profile means sRGB: no colour moves by more than a level."""
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    moved = _applied(cube, _transform(icc, to_srgb=True)).astype(np.int16) - cube
    return int(np.abs(moved).max()) <= _NEAR


@lru_cache(maxsize=16)
def _transform(icc: bytes, *, to_srgb: bool) -> ImageCms.ImageCmsTransform:
    own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    source, target = (own, srgb) if to_srgb else (srgb, own)
    return ImageCms.buildTransform(source, target, "RGB", "RGB", _INTENT, _FLAGS)


@lru_cache(maxsize=16)
def _shaper(icc: bytes) -> Shaper | None:
    return read_shaper(icc)


def _applied(pixels: NDArray[np.uint8], transform: ImageCms.ImageCmsTransform) -> NDArray[np.uint8]:
    colour = np.asarray(transform.apply(Image.fromarray(np.ascontiguousarray(pixels[..., :3]))))
    return np.dstack([colour, pixels[..., 3]]) if pixels.shape[2] == 4 else colour
