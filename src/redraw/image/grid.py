"""The overview of a run: its pictures in rows and columns, as A1111 lays them out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image


class GridShape(NamedTuple):
    """Columns and rows of a grid."""

    columns: int
    rows: int


def grid_shape(count: int, batch_size: int = 1, rows: int = -1, *, prevent_empty_spots: bool = False) -> GridShape:
    """Return how `count` pictures are laid out.

    Args:
        count: number of pictures, at least 1.
        batch_size: the rows when `rows` is 0.
        rows: -1 automatic (about square), 0 one row for each place in a batch, above 0 that many.
        prevent_empty_spots: for automatic rows, take the largest divisor of `count` that is not above its root.
    """
    if rows > 0:
        chosen = rows
    elif rows == 0:
        chosen = batch_size
    elif prevent_empty_spots:
        chosen = next(n for n in range(math.isqrt(count), 0, -1) if count % n == 0)
    else:
        chosen = round(math.sqrt(count))
    chosen = max(1, min(chosen, count))
    return GridShape(-(-count // chosen), chosen)


def image_grid(images: Sequence[Image.Image], shape: GridShape, background: str = "#ffffff") -> Image.Image:
    """Return the pictures in reading order as one RGB image; at least one picture is needed.

    A cell is as wide as the widest and as high as the highest picture; smaller ones stand in its middle.
    """
    if not images:
        raise ValueError("a grid needs at least one picture")
    width, height = max(i.width for i in images), max(i.height for i in images)
    sheet = Image.new("RGB", (shape.columns * width, shape.rows * height), background)
    for index, image in enumerate(images):
        row, column = divmod(index, shape.columns)
        x, y = column * width + (width - image.width) // 2, row * height + (height - image.height) // 2
        sheet.paste(image, (x, y))
    return sheet
