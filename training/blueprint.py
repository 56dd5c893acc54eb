"""A style the starter does not have: a blueprint, made from any picture by the same fixed steps, without chance.

White lines where color changes, on a blue that keeps a little of the picture's light and dark. Lines are as wide as
the starter's VAE can carry at 128 pixels: finer hatching was tried and comes back from it as gray.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.scenes import SIDE, Placement, background, paste

PAPER = np.array((24, 66, 152), np.float32)
"""The paper's color, sRGB."""

INK = np.array((242, 249, 255), np.float32)
"""The lines' color, sRGB."""

RANGE = np.array((36, 60, 84), np.float32)
"""By how much the paper changes from the darkest to the lightest part of the picture."""

LEAST, FULL = 2.0, 7.0
"""Change of color per pixel (CIELAB) where a line begins to show, and where it is full."""


def lines(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much of a line each pixel of a picture uint8 [h, w, c] is, 0 to 1; channels after the third count too."""
    soft = cv2.GaussianBlur(pixels, (0, 0), 1.2).astype(np.float32) / 255
    channels = [cv2.cvtColor(np.ascontiguousarray(soft[..., :3]), cv2.COLOR_RGB2Lab), 100 * soft[..., 3:]]
    color = np.concatenate(channels, -1)
    across, down = (cv2.Sobel(color, cv2.CV_32F, dx, 1 - dx, ksize=3) / 8 for dx in (1, 0))
    change = np.sqrt((across.reshape(*color.shape) ** 2 + down.reshape(*color.shape) ** 2).sum(-1))
    found = np.clip((change - LEAST) / (FULL - LEAST), 0, 1).astype(np.float32)
    wider = cv2.dilate(found, np.ones((2, 2), np.uint8))
    return np.asarray(cv2.GaussianBlur(wider, (0, 0), 0.5), np.float32)


def blueprint(pixels: NDArray[np.uint8], mask: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """A picture uint8 [h, w, 3] as a blueprint; the outline of a `mask` [h, w] is drawn even where no color changes."""
    seen = pixels if mask is None else np.concatenate([pixels, mask[..., None]], -1)
    ink = lines(seen)[..., None]
    light = (pixels @ np.array((0.299, 0.587, 0.114)) / 255)[..., None] - 0.5
    drawn = (PAPER + light * RANGE) * (1 - ink) + INK * ink
    return np.asarray(np.clip(drawn, 0, 255).round().astype(np.uint8))


def composed(
    subject: NDArray[np.uint8], backdrop: str, place: Placement, rng: np.random.Generator, side: int = SIDE
) -> NDArray[np.uint8]:
    """A subject's render (RGBA) before a background, as a blueprint, uint8 [side, side, 3]."""
    alone = subject.copy()
    alone[..., :3] = 255
    mask = np.asarray(paste(Image.new("RGB", (side, side)), alone, place))[..., 0]
    return blueprint(np.asarray(paste(background(backdrop, rng, side), subject, place)), mask)
