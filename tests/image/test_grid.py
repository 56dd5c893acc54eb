"""Grids of a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from redraw.image.grid import GridShape, grid_shape, image_grid

# The pictures of the recorded grids, in order.
INPUTS = ("img64x64", "img100x70", "img96x64", "img64x64", "img80x72")


@pytest.mark.golden
def test_grid_shapes_equal_a1111s(goldens: Path) -> None:
    for key, shape in json.loads((goldens / "pure/image_grid_shapes.json").read_text()).items():
        prevent, rows, count, batch_size = key.split("|")
        found = grid_shape(int(count), int(batch_size), int(rows), prevent_empty_spots=prevent == "True")
        assert list(found) == shape, key


@pytest.mark.golden
@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("rows", [-1, 1])
def test_grids_equal_a1111s(goldens: Path, count: int, rows: int) -> None:
    recorded = np.load(goldens / "pure/grids.npz")[f"image_grid{count}" + ("_rows1" if rows == 1 else "")]
    images = [Image.open(goldens / "inputs" / f"{name}.png") for name in INPUTS[:count]]
    np.testing.assert_array_equal(np.asarray(image_grid(images, grid_shape(count, rows=rows))), recorded)


def test_a_grid_needs_a_picture() -> None:
    with pytest.raises(ValueError, match="at least one"):
        image_grid([], GridShape(1, 1))
