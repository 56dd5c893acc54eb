"""The demo's picture, drawn by hand in code: `python -m training.demo --out src/redraw/starter/demo.png`.

A quick, wobbly drawing such as a person makes with a mouse. Redraw turns it into a clean one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

BIG = 1024
"""Drawing side; the picture is reduced to an eighth of it or less."""

Point = tuple[float, float]


def wobbly(points: list[Point], rng: np.random.Generator, amount: float = 10.0) -> list[Point]:
    """A closed outline through points given as fractions of the picture, unsteady as if drawn by hand."""
    corners = np.array(points) * BIG
    finer = np.concatenate([corners + (np.roll(corners, -1, 0) - corners) * t for t in np.linspace(0, 1, 6)[:-1]], 1)
    finer = finer.reshape(-1, 2) + rng.normal(0, amount, (len(points) * 5, 2))
    return [(float(x), float(y)) for x, y in finer]


def ring(x: float, y: float, rx: float, ry: float, count: int = 14) -> list[Point]:
    """Points on an ellipse."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return [(float(x + rx * np.cos(a)), float(y + ry * np.sin(a))) for a in angles]


def apple(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """A round red fruit with a stalk and a leaf on blue."""
    draw.rectangle((0, 0, BIG, BIG), fill=(60, 110, 205))
    draw.polygon(wobbly(ring(0.5, 0.57, 0.33, 0.3), rng), fill=(205, 45, 40))
    draw.line([(0.5 * BIG, 0.32 * BIG), (0.54 * BIG, 0.14 * BIG)], fill=(96, 60, 36), width=36)
    draw.polygon(wobbly(ring(0.65, 0.2, 0.12, 0.06), rng), fill=(70, 150, 60))


def cat(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """A cat's head with two ears, eyes and a nose on green."""
    draw.rectangle((0, 0, BIG, BIG), fill=(70, 165, 90))
    for side in (-1, 1):
        ear = [(0.5 + side * 0.36, 0.14), (0.5 + side * 0.08, 0.32), (0.5 + side * 0.36, 0.5)]
        draw.polygon(wobbly(ear, rng), fill=(225, 150, 40))
    draw.polygon(wobbly(ring(0.5, 0.57, 0.37, 0.31), rng), fill=(235, 165, 50))
    for side in (-1, 1):
        draw.polygon(wobbly(ring(0.5 + side * 0.15, 0.52, 0.04, 0.055), rng, 4), fill=(40, 30, 30))
    draw.polygon(wobbly(ring(0.5, 0.63, 0.045, 0.03), rng, 4), fill=(225, 110, 130))


def house(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    """A house with a roof, a door and a window on a meadow."""
    draw.rectangle((0, 0, BIG, BIG), fill=(140, 200, 245))
    draw.polygon(wobbly([(0, 0.7), (1, 0.66), (1, 1), (0, 1)], rng, 6), fill=(86, 170, 70))
    draw.polygon(wobbly([(0.2, 0.45), (0.8, 0.45), (0.8, 0.86), (0.2, 0.86)], rng), fill=(235, 205, 150))
    draw.polygon(wobbly([(0.12, 0.48), (0.5, 0.12), (0.88, 0.48)], rng), fill=(190, 60, 45))
    draw.polygon(wobbly([(0.54, 0.58), (0.68, 0.58), (0.68, 0.86), (0.54, 0.86)], rng, 6), fill=(110, 70, 45))
    draw.polygon(wobbly([(0.28, 0.55), (0.44, 0.55), (0.44, 0.7), (0.28, 0.7)], rng, 6), fill=(90, 150, 210))


DRAWINGS: dict[str, Callable[[ImageDraw.ImageDraw, np.random.Generator], None]] = {
    "apple": apple,
    "cat": cat,
    "house": house,
}
"""What can be drawn."""


def drawing(name: str, side: int = 128, seed: int = 0) -> Image.Image:
    """One of `DRAWINGS` as an RGB picture."""
    picture = Image.new("RGB", (BIG, BIG))
    DRAWINGS[name](ImageDraw.Draw(picture), np.random.default_rng(seed))
    return picture.filter(ImageFilter.GaussianBlur(2)).resize((side, side), Image.Resampling.LANCZOS)


def main() -> None:
    """Draw one picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", choices=DRAWINGS, default="apple")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--out", type=Path, default=Path("build/training/demo.png"))
    options = parser.parse_args()
    drawing(options.name, options.side).save(options.out)


if __name__ == "__main__":
    main()
