"""Soft inpainting's overlay, from latents to the canvas."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from redraw.geometry import Size
from redraw.image.mask import Mask
from redraw.image.soft import soft_overlay, soft_overlay_image

DEFAULTS = {"influence": 0.0, "threshold": 0.5, "contrast": 2.0, "preservation": 0.5}


def latents(seed: int, h: int = 8, w: int = 8) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((4, h, w)).astype(np.float32)


def mask(h: int = 8, w: int = 8) -> NDArray[np.float32]:
    """A mask from 0 to 1."""
    return np.linspace(0, 1, h * w, dtype=np.float32).reshape(h, w)


def overlay(before: NDArray[Any], after: NDArray[Any], repaint: NDArray[Any], **options: float) -> Mask:
    return soft_overlay(before, after, repaint, **(DEFAULTS | options))


def stacked_mean(values: NDArray[Any], y: int, x: int, low: float, high: float) -> float:
    """The weighted percentile filter at one place, by hand: a pile of slabs, and a window cut out of its height."""
    floor = math.exp(-9 / 2.25)
    slabs = []
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            if 0 <= y + dy < values.shape[0] and 0 <= x + dx < values.shape[1]:
                weight = (math.exp(-(dy * dy + dx * dx) / 2.25) - floor) / (1 - floor)
                slabs.append((float(values[y + dy, x + dx]), weight))
    slabs.sort()
    height = sum(weight for _, weight in slabs)
    bottom, lid = height * low, height * high
    if lid - bottom < 1:
        middle = (bottom + lid) / 2
        bottom, lid = middle - 0.5, middle + 0.5
        if lid > height:
            bottom, lid = height - 1, height
    at = total = cut_out = 0.0
    for value, weight in slabs:
        cut = max(0.0, min(lid, at + weight) - max(bottom, at))
        total, cut_out, at = total + value * cut, cut_out + cut, at + weight
    return total / cut_out


def by_hand(
    before: NDArray[Any],
    after: NDArray[Any],
    repaint: NDArray[Any],
    influence: float,
    threshold: float,
    contrast: float,
    preservation: float,
) -> NDArray[np.int64]:
    """The overlay, place by place."""
    values = np.linalg.norm(after.astype(float) - before, axis=0)
    for low, high in ((0.9, 1.0), (0.25, 0.75)):
        values = np.array([[stacked_mean(values, y, x, low, high) for x in range(8)] for y in range(8)])
    out = np.zeros((8, 8), np.int64)
    for (y, x), distance in np.ndenumerate(values):
        a = 0.5 * (1 - influence) + (1 - float(repaint[y, x]) ** (preservation / 2)) * influence
        k = 1 / (1 + (distance / (threshold * a / (1.00001 - a))) ** contrast)
        out[y, x] = int(255 * (1 - k**3 * (k * (6 * k - 15) + 10)))
    return out


@pytest.mark.parametrize("influence", [0.0, 0.3, 0.9])
@pytest.mark.parametrize(("threshold", "contrast", "preservation"), [(0.5, 2.0, 0.5), (3.0, 4.0, 1.0), (8.0, 1.0, 0.0)])
def test_the_overlay_is_the_one_made_by_hand(
    influence: float, threshold: float, contrast: float, preservation: float
) -> None:
    before = latents(1)
    after = before + latents(2) * np.geomspace(0.01, 2, 8, dtype=np.float32)
    options = {"influence": influence, "threshold": threshold, "contrast": contrast, "preservation": preservation}
    got = overlay(before, after, mask(), **options)
    expected = by_hand(before, after, mask(), **options)
    assert got.dtype == np.uint8
    assert int(got.max()) - int(got.min()) > 50
    assert np.abs(got.astype(int) - expected).max() <= 1


def test_what_changed_shows_and_what_did_not_is_the_original() -> None:
    before = latents(1, 16, 16)
    after = before.copy()
    after[:, :, 8:] += 10
    got = overlay(before, after, mask(16, 16))
    assert not got[:, :5].any()
    assert got[:, 8:].min() == 254
    assert (np.diff(got.astype(int), axis=1) >= 0).all()


def test_a_lone_speck_does_not_tear_a_hole_into_what_changed() -> None:
    before = latents(1, 9, 9)
    after = before + 10
    after[:, 4, 4] = before[:, 4, 4]
    assert overlay(before, after, mask(9, 9)).min() == 254


@pytest.mark.parametrize(
    ("repaint", "influence", "expected"),
    [(0.0, 1.0, 0), (1.0, 1.0, 255), (0.0, 0.0, 254), (1.0, 0.0, 254)],
    ids=["black decides", "white decides", "black is not asked", "white is not asked"],
)
def test_a_mask_of_one_level_decides_as_far_as_it_has_influence(
    repaint: float, influence: float, expected: int
) -> None:
    before = latents(1)
    got = overlay(before, before + 10, np.full((8, 8), repaint, np.float32), influence=influence)
    assert (got == expected).all()


@pytest.mark.parametrize("repaint", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("influence", [0.0, 1.0])
@pytest.mark.parametrize("contrast", [0.25, 8.0])
@pytest.mark.parametrize("threshold", [0.0, 8.0])
@pytest.mark.parametrize("preservation", [0.0, 8.0])
def test_without_change_the_original_shows_whatever_the_settings(
    repaint: float, influence: float, contrast: float, threshold: float, preservation: float
) -> None:
    before = latents(1)
    options = {"influence": influence, "threshold": threshold, "contrast": contrast, "preservation": preservation}
    assert not overlay(before, before, np.full((8, 8), repaint, np.float32), **options).any()


def test_threshold_0_shows_every_change_and_contrast_0_shows_both_alike() -> None:
    before = latents(1)
    assert (overlay(before, before + 1e-3, mask(), threshold=0.0) == 255).all()
    assert (overlay(before, before + latents(2), mask(), contrast=0.0) == 127).all()
    assert (overlay(before, before + 1e-3, mask(), threshold=0.0, contrast=0.0) == 127).all()


def test_a_higher_contrast_makes_the_transition_sudden() -> None:
    before, ramp = latents(1, 8, 32), np.linspace(0, 0.5, 32, dtype=np.float32)
    between = [
        int(np.isin(overlay(before, before + ramp, mask(8, 32), contrast=contrast), range(26, 230)).sum())
        for contrast in (1.0, 2.0, 8.0)
    ]
    assert between[0] > 1.5 * between[1] > 3 * between[2] > 0


@pytest.mark.parametrize(("h", "w"), [(1, 1), (1, 7), (2, 3), (8, 8), (13, 64)])
def test_latents_of_any_size_give_an_overlay_of_that_size(h: int, w: int) -> None:
    assert overlay(latents(1, h, w), latents(2, h, w), mask(h, w)).shape == (h, w)


@pytest.mark.parametrize(
    ("before", "after", "repaint"),
    [((4, 8, 8), (4, 8, 9), (8, 8)), ((4, 8, 8), (4, 8, 8), (8, 9)), ((8, 8), (8, 8), (8,))],
)
def test_shapes_that_do_not_fit_are_refused(before: Any, after: Any, repaint: Any) -> None:
    zeros = [np.zeros(shape, np.float32) for shape in (before, after, repaint)]
    with pytest.raises(ValueError, match="do not fit"):
        overlay(*zeros)


def test_a_picture_of_a_megapixel_takes_well_under_a_second() -> None:
    before, after = latents(1, 128, 128), latents(2, 128, 128)
    since = time.process_time()
    overlay(before, after, mask(128, 128))
    assert time.process_time() - since < 0.8


@pytest.mark.parametrize("canvas", [Size(64, 64), Size(96, 40), Size(61, 83)])
def test_on_the_canvas_the_overlay_keeps_its_place_with_blurred_edges(canvas: Size) -> None:
    small = np.zeros((canvas.height // 8, canvas.width // 8), np.uint8)
    small[:, : small.shape[1] // 2] = 255
    got = soft_overlay_image(small, canvas)
    assert got.shape == (canvas.height, canvas.width)
    assert got.dtype == np.uint8
    row = got[canvas.height // 2].astype(int)
    assert row[0] == 255
    assert row[-1] == 0
    assert np.abs(np.diff(row)).max() < 30
    edge = int((row > 127).sum())
    assert abs(edge - canvas.width * (small.shape[1] // 2) / small.shape[1]) <= 3


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_flat_overlay_stays_flat(level: int) -> None:
    assert (soft_overlay_image(np.full((8, 8), level, np.uint8), Size(64, 64)) == level).all()
