"""Overlapping tiles: cutting a picture up and putting it together again, as A1111's upscaling scripts do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from redraw.geometry import Box, Size


class TileRow(NamedTuple):
    """One row of tiles: where it starts, and the boxes in it from left to right."""

    y: int
    boxes: tuple[Box, ...]


class TilePlan(NamedTuple):
    """How a picture is cut: all tiles have the size `tile`, and neighbours share at least `overlap` pixels."""

    size: Size
    tile: Size
    overlap: int
    rows: tuple[TileRow, ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Every tile's box, row by row."""
        return tuple(box for row in self.rows for box in row.boxes)


def plan_tiles(size: Size, tile: Size, overlap: int) -> TilePlan:
    """Return where tiles of `tile` lie on a picture of `size`; `overlap` must be smaller than both tile sides.

    A picture smaller than a tile gets a box that starts before 0, as in A1111.
    """
    if not 0 <= overlap < min(tile):
        raise ValueError(f"overlap must be at least 0 and below the tile's {min(tile)} pixels, not {overlap}")
    xs = _starts(size.width, tile.width, overlap)
    rows = tuple(
        TileRow(y, tuple(Box(x, y, x + tile.width, y + tile.height) for x in xs))
        for y in _starts(size.height, tile.height, overlap)
    )
    return TilePlan(size, tile, overlap, rows)


def split_tiles(image: Image.Image, plan: TilePlan) -> list[Image.Image]:
    """Return the tiles of `image` in the plan's order; what lies outside the picture is black."""
    return [image.crop(box) for box in plan.boxes]


def combine_tiles(tiles: Sequence[Image.Image], plan: TilePlan) -> Image.Image:
    """Return the RGB picture made of `tiles` (in the plan's order, each of the plan's tile size).

    Each tile's first `overlap` columns, and each row's first `overlap` lines, fade in over what is there. The ramp is
    cut to whole levels [Q], so that tiles blend as A1111's do.
    """
    if len(tiles) != len(plan.boxes):
        raise ValueError(f"the plan has {len(plan.boxes)} tiles, not {len(tiles)}")
    width, height = plan.size
    ramp = (np.arange(plan.overlap, dtype=np.float32) * 255 / max(1, plan.overlap)).astype(np.uint8)
    across = Image.fromarray(np.tile(ramp, (plan.tile.height, 1))) if plan.overlap else None
    down = Image.fromarray(np.tile(ramp[:, None], (1, width))) if plan.overlap else None
    result = Image.new("RGB", (width, height))
    remaining = iter(tiles)
    for row in plan.rows:
        strip = Image.new("RGB", (width, plan.tile.height))
        for box in row.boxes:
            tile = next(remaining)
            if box.x1 == row.boxes[0].x1 or across is None:
                strip.paste(tile, (box.x1, 0))
                continue
            strip.paste(tile.crop((0, 0, plan.overlap, tile.height)), (box.x1, 0), mask=across)
            strip.paste(tile.crop((plan.overlap, 0, tile.width, tile.height)), (box.x1 + plan.overlap, 0))
        if row.y == plan.rows[0].y or down is None:
            result.paste(strip, (0, row.y))
            continue
        result.paste(strip.crop((0, 0, width, plan.overlap)), (0, row.y), mask=down)
        result.paste(strip.crop((0, plan.overlap, width, strip.height)), (0, row.y + plan.overlap))
    return result


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    count = max(1, math.ceil((length - overlap) / (tile - overlap)))
    step = (length - tile) / (count - 1) if count > 1 else 0
    return [length - tile if int(i * step) + tile >= length else int(i * step) for i in range(count)]
