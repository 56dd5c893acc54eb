"""Masked content "fill": the colors around the mask, flowing into it."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageFilter

from redraw.image.composite import premultiplied_without
from redraw.image.mask import Mask

# Radius in pixels, and how often the picture blurred by it is laid over what is there: from far to near.
PASSES: Final = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))


def fill(image: Image.Image, mask: Mask) -> Image.Image:
    """Return `image` (RGB) with what `mask` ([h, w], the image's size) repaints filled from its surroundings.

    Ever smaller blurs of the unmasked part are laid over each other, so the nearest color wins. A mask that covers
    everything gives black, as in A1111 [Q].
    """
    kept = premultiplied_without(image, mask)
    filled = Image.new("RGBA", image.size)
    for radius, times in PASSES:
        blurred = kept.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            filled.alpha_composite(blurred)
    return filled.convert("RGB")
