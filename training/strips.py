"""Show what the demonstration networks do, drawn by Redraw itself: `python -m training.strips --out docs/images`.

Each strip has a row for strength 0, 0.5 and 1 of the network, and equal seeds in a column.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redraw import Studio
from training.demo import drawing
from training.inversion import THING
from training.lora import NAME
from training.sheets import grid

STRENGTHS = (0.0, 0.5, 1.0)
"""Of the network, one row each."""

WORDS = (
    "a rocket on a yellow background", "an apple on a red background", "a house on a meadow",
    "a castle at sunset", "a star on a purple background", "a skull on a black background",
)  # fmt: skip
"""Prompts of the LoRA's strip from words."""

DRAWINGS = (
    ("house", "a house on a meadow"),
    ("cat", "a cat on a green background"),
    ("apple", "an apple on a blue background"),
)
"""Drawings of `training.demo` and prompts of the LoRA's strip from pictures."""

PLACES = ("on a blue background", "on a red background", "at the beach", "in the snow", "at sunset")
"""Where the textual inversion's thing is put."""

Picture = NDArray[np.uint8]


def from_words(studio: Studio, prompt: str, seed: int) -> Picture:
    """A picture from words alone."""
    return np.asarray(studio.txt2img(prompt, seed=seed, cfg_scale=3.0).result().picture.pixels, np.uint8)[..., :3]


def redrawn(studio: Studio, name: str, prompt: str, seed: int) -> Picture:
    """A drawing redrawn half way and a bit."""
    made = studio.img2img(drawing(name), prompt, strength=0.6, seed=seed, cfg_scale=2.0).result()
    return np.asarray(made.picture.pixels, np.uint8)[..., :3]


def save(rows: Sequence[Sequence[Picture]], out: Path) -> None:
    """Write rows of pictures as one small PNG."""
    sheet = grid(np.stack([picture for row in rows for picture in row]), len(rows[0]))
    sheet.quantize(160).save(out, optimize=True)
    print(f"{out}: {out.stat().st_size:,} bytes", flush=True)


def main() -> None:
    """Draw the strips."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--models", type=Path, nargs="*", default=[], help="folders with networks, besides those that ship"
    )
    parser.add_argument("--lora", default=NAME)
    parser.add_argument("--inversion", nargs="*", default=[THING.name])
    parser.add_argument("--instead", default="a polar bear", help="what the row without the inversion says")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build/training"))
    options = parser.parse_args()
    studio, seed = Studio(models_dirs=[str(path) for path in options.models], device="cpu"), options.seed
    if options.lora:
        tags = [f" <lora:{options.lora}:{strength}>" for strength in STRENGTHS]
        save(
            [[from_words(studio, words + tag, seed) for words in WORDS] for tag in tags],
            options.out / "network-lora-words.png",
        )
        rows = [
            [redrawn(studio, name, words + tag, seed + i) for name, words in DRAWINGS for i in (0, 1)] for tag in tags
        ]
        save(rows, options.out / "network-lora-pictures.png")
    for name in options.inversion:
        said = (options.instead, f"({name}:0.5)", f"a {name}")
        rows = [[from_words(studio, f"{words} {place}", seed) for place in PLACES] for words in said]
        for row, words in zip(rows, said, strict=True):
            row.append(redrawn(studio, "cat", f"{words} on a green background", seed))
        save(rows, options.out / f"network-{name}.png")


if __name__ == "__main__":
    main()
