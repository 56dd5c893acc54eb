"""Masked content "fill"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from redraw.image.fill import fill

Noise = Callable[..., NDArray[Any]]


@pytest.mark.golden
def test_every_fill_equals_a1111s(goldens: Path) -> None:
    recorded = np.load(goldens / "pure/masking_fill.npz")
    assert len(recorded) == 6
    for key in recorded:
        image, mask = (Image.open(goldens / "inputs" / f"{name}.png") for name in key.split("|"))
        found = fill(image.convert("RGB"), np.asarray(mask.convert("L")))
        assert found.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(found), recorded[key], err_msg=key)


def test_what_is_masked_does_not_shine_through(noise: Noise) -> None:
    mask = np.zeros((20, 31), np.uint8)
    mask[5:15, 8:20] = 255
    one = noise(20, 31, 3)
    other = one.copy()
    other[mask > 0] = 255 - other[mask > 0]
    assert fill(Image.fromarray(one), mask) == fill(Image.fromarray(other), mask)
    assert np.array_equal(np.asarray(fill(Image.fromarray(one), mask))[mask == 0], one[mask == 0])


def test_the_hole_takes_the_color_of_its_nearest_edge() -> None:
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:, :32], pixels[:, 32:] = (200, 0, 0), (0, 0, 200)
    mask = np.zeros((32, 64), np.uint8)
    mask[8:24, 8:56] = 255
    filled = np.asarray(fill(Image.fromarray(pixels), mask)).astype(int)
    assert filled[16, 12, 0] > 150 > 50 > filled[16, 12, 2]
    assert filled[16, 52, 2] > 150 > 50 > filled[16, 52, 0]
