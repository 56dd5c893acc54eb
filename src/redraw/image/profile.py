"""Colour profiles: a picture in sRGB for the model, and repainted pixels back in the picture's own profile."""

from __future__ import annotations

from PIL import Image

from redraw.image.picture import Picture, Pixels


def model_rgb(picture: Picture) -> Image.Image:
    """Return the picture as 8-bit sRGB for the model: "RGB", or "RGBA" if it has alpha (not flattened)."""
    raise NotImplementedError


def from_srgb(pixels: Pixels, picture: Picture) -> Pixels:
    """Return sRGB `pixels` ([h, w, 3|4], uint8 or uint16) in the profile and depth of `picture`."""
    raise NotImplementedError
