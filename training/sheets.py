"""Sheets of generated pictures to look at: `python -m training.sheets --build build/training --out sheet.png`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from training.sample import Studio, checkpoint, draw, pixels
from training.scenes import BACKGROUNDS, article, setting
from training.subjects import subjects

PROMPTS = (
    "a dog on a blue background", "a red heart on a pink background", "a fox in the snow", "a rocket in the night sky",
    "an apple on a teal background", "a house on a meadow", "a sailboat at the beach", "a cat at sunset",
    "a strawberry on a white background", "an orange on a purple background", "a car on a yellow background",
    "a frog on a black background", "a palm tree at the beach", "a robot on a gray background",
    "a snowman in the snow", "a banana on a light blue background",
)  # fmt: skip
"""What a sheet shows unless it is told otherwise."""


def grid(pictures: NDArray[np.uint8], columns: int) -> Image.Image:
    """Pictures [n, h, w, 3] side by side, row by row."""
    missing = -len(pictures) % columns
    full = np.concatenate([pictures, np.zeros((missing, *pictures.shape[1:]), np.uint8)])
    rows = full.reshape(-1, columns, *pictures.shape[1:]).transpose(0, 2, 1, 3, 4)
    return Image.fromarray(rows.reshape(-1, columns * pictures.shape[2], 3))


@torch.no_grad()
def sheet(studio: Studio, texts: list[str], seed: int, scale: float, steps: int = 20) -> NDArray[np.uint8]:
    """One picture for each caption, uint8 [n, 128, 128, 3]."""
    parts = [texts[i : i + 16] for i in range(0, len(texts), 16)]
    made = [studio.decode(draw(studio, part, seed=seed + i, scale=scale, steps=steps)) for i, part in enumerate(parts)]
    return pixels(torch.cat(made))


def main() -> None:
    """Draw one sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build/training"))
    parser.add_argument("--packages", type=Path, default=Path("node_modules"))
    parser.add_argument("--out", type=Path, default=Path("build/training/sheet.png"))
    parser.add_argument("--all", action="store_true", help="every subject once, before changing backgrounds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=5.0, help="guidance")
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    texts = list(PROMPTS)
    if options.all:
        known = subjects(options.packages)
        texts = [f"{article(s.words)} {setting(BACKGROUNDS[i % len(BACKGROUNDS)])}" for i, s in enumerate(known)]
    made = sheet(checkpoint(options.build), texts, options.seed, options.scale, options.steps)
    grid(made, 13 if options.all else 8).save(options.out)


if __name__ == "__main__":
    main()
