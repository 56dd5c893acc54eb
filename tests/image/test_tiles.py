"""Tiles: cutting up and putting together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from redraw.geometry import Size
from redraw.image.tiles import combine_tiles, plan_tiles, split_tiles


@pytest.mark.golden
def test_tiles_lie_and_combine_as_in_a1111(goldens: Path) -> None:
    combined = np.load(goldens / "pure/grids.npz")
    for key, expected in json.loads((goldens / "pure/split_grid.json").read_text()).items():
        name, width, height, overlap = key.split("|")
        image = Image.open(goldens / "inputs" / f"{name}.png").convert("RGB")
        plan = plan_tiles(Size(*image.size), Size(int(width), int(height)), int(overlap))
        rows = [[r.y, plan.tile.height, [[b.x1, b.size.width] for b in r.boxes]] for r in plan.rows]
        assert rows == expected, key
        tiles = split_tiles(image, plan)
        if overlap == "8":  # in this recording the middle column was cut to three bits a channel
            tiles = [ImageOps.posterize(t, 3) if i % 3 == 1 else t for i, t in enumerate(tiles)]
        np.testing.assert_array_equal(np.asarray(combine_tiles(tiles, plan)), combined[f"{key}|combined"], err_msg=key)


@given(st.integers(16, 90), st.integers(16, 90), st.integers(16, 40), st.integers(0, 15))
def test_untouched_tiles_give_the_picture_back(width: int, height: int, tile: int, overlap: int) -> None:
    if width < tile or height < tile:
        return
    rng = np.random.default_rng(width * height)
    image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    plan = plan_tiles(Size(width, height), Size(tile, tile), overlap)
    assert np.array_equal(np.asarray(combine_tiles(split_tiles(image, plan), plan)), np.asarray(image))


def test_a_picture_smaller_than_a_tile_lies_at_its_end(noise: Callable[..., NDArray[Any]]) -> None:
    image = Image.fromarray(noise(20, 30))
    plan = plan_tiles(Size(30, 20), Size(64, 64), 8)
    assert plan.boxes[0][:2] == (-34, -44)
    assert np.array_equal(np.asarray(combine_tiles(split_tiles(image, plan), plan)), np.asarray(image))


@pytest.mark.parametrize("overlap", [-1, 32, 40])
def test_an_overlap_of_a_whole_tile_is_refused(overlap: int) -> None:
    with pytest.raises(ValueError, match="overlap"):
        plan_tiles(Size(64, 64), Size(32, 32), overlap)


def test_the_number_of_tiles_must_fit_the_plan() -> None:
    with pytest.raises(ValueError, match="tiles"):
        combine_tiles([], plan_tiles(Size(64, 64), Size(32, 32), 8))
