"""Pictures that teach the VAE what the world of subjects does not contain: overlapping shapes, soft noise, any colour.

The dead-leaves pictures (shapes of random size and colour that occlude each other, after Lee, Mumford and Huang 2001)
have edge and scale statistics close to those of photographs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.scenes import BACKGROUNDS, SIDE, Placement, background, paste, placement


def soft_noise(rng: np.random.Generator, side: int = SIDE) -> NDArray[np.float32]:
    """Noise whose amplitude falls with frequency (power 1 to 2), each channel with mean 0, deviation 1; [s, s, 3]."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((3, side, side))) / frequency ** rng.uniform(1, 2)
    spectrum[:, 0, 0] = 0
    noise = np.fft.irfft2(spectrum, s=(side, side)).transpose(1, 2, 0)
    mixed = noise @ (np.eye(3) * rng.uniform(0.1, 1) + 0.6)
    return np.asarray(mixed / mixed.std((0, 1)), dtype=np.float32)


def colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """A random colour; saturated ones and greys are about equally frequent."""
    grey, saturation = rng.uniform(0, 255), rng.random() ** 0.7
    mixed = grey + saturation * (rng.uniform(0, 255, 3) - grey)
    r, g, b = (int(c) for c in np.clip(mixed, 0, 255))
    return r, g, b


def dead_leaves(rng: np.random.Generator, side: int = SIDE) -> Image.Image:
    """Overlapping ellipses, boxes and triangles of random colour on a gradient."""
    big = side * 2
    a, b = np.array(colour(rng)), np.array(colour(rng))
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:big, 0:big] / big - 0.5
    ramp = np.clip(x * np.cos(angle) + y * np.sin(angle) + 0.5, 0, 1)[..., None]
    picture = Image.fromarray((a + (b - a) * ramp).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(2, 40))):
        r = big * np.clip(0.03 / rng.random() ** 0.8, 0.02, 0.4)
        cx, cy = rng.uniform(0, big, 2)
        kind, fill = rng.integers(0, 4), colour(rng)
        if kind == 0:
            draw.ellipse((cx - r, cy - r * 0.8, cx + r, cy + r * 0.8), fill=fill)
        elif kind == 1:
            draw.rectangle((cx - r, cy - r * 0.7, cx + r, cy + r * 0.7), fill=fill)
        elif kind == 2:
            draw.polygon([(cx + r * np.cos(t), cy + r * np.sin(t)) for t in rng.uniform(0, 2 * np.pi, 3)], fill=fill)
        else:
            ex, ey = rng.uniform(0, big, 2)
            draw.line((cx, cy, ex, ey), fill=fill, width=int(rng.integers(2, 10)))
    return picture.reduce(2)


def other_icon(others: NDArray[np.uint8], rng: np.random.Generator, side: int = SIDE) -> Image.Image:
    """Any icon of any size, anywhere, on any colour or scene."""
    if rng.random() < 0.4:
        picture = background(str(rng.choice(BACKGROUNDS)), rng, side)
    else:
        picture = Image.new("RGB", (side, side), colour(rng))
    scale, (x, y) = rng.uniform(0.4, 1.0), rng.uniform(0.35, 0.65, 2)
    place = Placement(float(scale), float(x), float(y), bool(rng.random() < 0.5))
    return paste(picture, others[rng.integers(len(others))], place)


def varied(
    subjects: NDArray[np.uint8], others: NDArray[np.uint8], rng: np.random.Generator, side: int = SIDE
) -> NDArray[np.uint8]:
    """One picture for the VAE, uint8 [side, side, 3]: half of them of the world, the rest anything."""
    kind = rng.random()
    if kind < 0.5:
        picture = background(str(rng.choice(BACKGROUNDS)), rng, side)
        picture = paste(picture, subjects[rng.integers(len(subjects))], placement(rng))
    elif kind < 0.75:
        picture = other_icon(others, rng, side)
    else:
        picture = dead_leaves(rng, side)
    pixels = np.asarray(picture)
    if rng.random() < 0.2:
        noise = soft_noise(rng, side) * rng.uniform(5, 40)
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return pixels
