"""Transparency laid over a background colour."""

from __future__ import annotations

from typing import Final

from PIL import Image

WHITE: Final = "#ffffff"


def flatten(image: Image.Image, background: str = WHITE) -> Image.Image:
    """Return `image` as RGB; an RGBA image is laid over `background` (a colour as Pillow spells it).

    Modes other than RGBA are converted plainly: LA and P lose their transparency, as they do in A1111 [Q], because
    the same seed must see the same pixels.
    """
    if image.mode == "RGBA":
        canvas = Image.new("RGBA", image.size, background)
        # Paste, not alpha_composite: the two round differently, and A1111's pictures were made by pasting.
        canvas.paste(image, mask=image)
        image = canvas
    return image.convert("RGB")
