"""Transparency over a background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from redraw.image.flatten import flatten


@pytest.mark.golden
def test_flattening_equals_a1111s(goldens: Path) -> None:
    recorded = np.load(goldens / "pure/flatten.npz")
    for key in recorded:
        name, background = key.split("|")
        result = flatten(Image.open(goldens / "inputs" / f"{name}.png"), background)
        np.testing.assert_array_equal(np.asarray(result), recorded[key], err_msg=key)


def test_grey_with_alpha_loses_its_alpha_as_in_a1111() -> None:
    assert flatten(Image.new("LA", (1, 1), (10, 0))).getpixel((0, 0)) == (10, 10, 10)
