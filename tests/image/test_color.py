"""Colors made to agree with the source."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from redraw.image.color import ColorMatch, color_distance, correct_color, match_color
from redraw.image.mask import Mask

Change = Callable[[NDArray[np.float64]], NDArray[np.float64]]
HEIGHT, WIDTH = 60, 67


@pytest.mark.golden
def test_color_correction_equals_a1111s(goldens: Path) -> None:
    recorded = np.load(goldens / "pure/color_correction.npz")
    assert len(recorded) == 2
    for key in recorded:
        target, image = (
            np.asarray(Image.open(goldens / "inputs" / f"{part.split()[-1]}.png").convert("RGB"))
            for part in key.split("|")
        )
        np.testing.assert_array_equal(correct_color(image, target), recorded[key], err_msg=key)


def test_color_correction_keeps_the_luma_of_the_image() -> None:
    image, target = _scene(20, 30).astype(np.uint8), np.full((9, 9, 3), (200, 90, 40), np.uint8)
    corrected = correct_color(image, target).astype(float)
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs(corrected @ luma - image @ luma).max() <= 1
    assert np.abs(corrected - image).max() > 20


def test_the_color_distance_is_zero_for_equal_colors_and_100_from_black_to_white() -> None:
    black, white = np.zeros((1, 3)), np.full((1, 3), 255)
    assert color_distance(black, black).tolist() == [0]
    assert color_distance(black, white) == pytest.approx(100, abs=0.01)


def _scene(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.float64]:
    """Colors between 50 and 200 with texture."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [125 + 45 * np.sin(x / 17 + c) * np.cos(y / 23 + c) + 25 * ((x // 9 + y // 11 + c) % 2) for c in range(3)]
    return np.stack(planes, -1) + np.random.default_rng(0).normal(0, 2, (height, width, 3))


def _mask(height: int = HEIGHT, width: int = WIDTH) -> Mask:
    weight = np.zeros((height, width), np.uint8)
    weight[height // 3 : height * 2 // 3, width // 3 : width * 2 // 3] = 255
    return weight


def _slope(shape: tuple[int, ...]) -> NDArray[np.float64]:
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    slope: NDArray[np.float64] = (12 * x + 7 * y)[..., None]
    return slope


CHANGES: dict[str, Change] = {
    "gain": lambda s: s * np.array([1.12, 0.9, 1.05]),
    "offset": lambda s: s + np.array([9, -7, 4]),
    "gain and offset": lambda s: s * 0.9 + np.array([9, -7, 14]),
    "slope": lambda s: s + _slope(s.shape),
    "slope and gain": lambda s: s * 0.95 + _slope(s.shape),
}


def _pixels(values: NDArray[np.float64], dtype: Any) -> NDArray[Any]:
    top = np.iinfo(dtype).max
    return np.rint(np.clip(values * (top / 255), 0, top)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("scene", ["textured", "flat"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_known_error_is_undone_inside_the_mask_from_outside_of_it(dtype: Any, scene: str, change: str) -> None:
    truth = _scene() if scene == "textured" else np.full((HEIGHT, WIDTH, 3), (120.0, 90.0, 160.0))
    weight, level = _mask(), np.iinfo(dtype).max / 255
    source, new = _pixels(truth, dtype), _pixels(CHANGES[change](truth), dtype)
    source[weight > 0] = 0  # what was under the mask is not looked at
    matched, found = match_color(new, source, weight)
    left = matched[weight > 0] / level - truth[weight > 0]
    assert matched.dtype == dtype
    assert np.abs(left.mean(0)).max() < 0.5
    assert np.abs(left).mean() < 1
    assert found.before is not None
    assert found.after is not None
    assert found.after < found.before / 3


def test_what_was_done_is_reported() -> None:
    truth = _scene()
    _, found = match_color(_pixels(truth / 1.1, np.uint8), _pixels(truth, np.uint8), _mask())
    assert found.gain == pytest.approx((1.1, 1.1, 1.1), abs=0.01)
    _, found = match_color(_pixels(truth - (3, 0, -5), np.uint8), _pixels(truth, np.uint8), _mask())
    assert found.gain == pytest.approx((1, 1, 1), abs=0.01)
    assert found.offset == pytest.approx((3, 0, -5), abs=0.3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_nothing_changes_where_the_model_was_right(dtype: Any) -> None:
    source, weight = _pixels(_scene(), dtype), _mask()
    new = source.copy()
    new[weight > 0] = 77
    matched, found = match_color(new, source, weight)
    assert np.array_equal(matched, new)
    assert found == ColorMatch(before=0.0, after=0.0)


def test_alpha_and_what_lies_around_the_mask_stay() -> None:
    truth, weight = np.dstack([_scene(), _scene()[..., 0]]), _mask()
    new, source = _pixels(truth + 9, np.uint8), _pixels(truth, np.uint8)
    matched, _ = match_color(new, source, weight)
    assert np.array_equal(matched[..., 3], new[..., 3])
    assert np.array_equal(matched[weight == 0], new[weight == 0])
    assert not np.array_equal(matched, new)


@pytest.mark.parametrize("left", [0, 63])
def test_too_few_unmasked_pixels_tell_nothing(left: int) -> None:
    weight = np.full((HEIGHT, WIDTH), 255, np.uint8)
    weight.flat[:left] = 0
    new = _pixels(_scene(), np.uint8)
    assert match_color(new, new // 2, weight) == (new, ColorMatch())


def test_an_empty_mask_changes_nothing() -> None:
    new = _pixels(_scene(), np.uint8)
    assert match_color(new, new // 2, _mask() * 0)[0] is new


def test_what_the_model_painted_beyond_the_mask_does_not_tint_it() -> None:
    truth, weight = np.full((HEIGHT, WIDTH, 3), 120.0), _mask()
    new = truth + np.array([6, 0, 0])
    new[16:20, 22:44] = (250, 20, 20)  # a stroke that runs over the mask's edge
    matched, _ = match_color(_pixels(new, np.uint8), _pixels(truth, np.uint8), weight)
    assert np.abs(matched[25:40, 22:44].astype(float) - 120).max() <= 1


def test_a_mask_at_the_pictures_edge_is_not_pulled_beyond_what_was_seen() -> None:
    truth, weight = _scene(40, 120), np.zeros((40, 120), np.uint8)
    weight[:, 40:] = 255
    x = np.linspace(0, 30, 120)[None, :, None]
    new = _pixels(truth + np.where(x < 10, x, 10), np.uint8)
    matched, _ = match_color(new, _pixels(truth, np.uint8), weight)
    assert np.abs((matched.astype(float) - truth)[:, 40:].mean((0, 1))).max() < 4


def test_two_megapixels_are_matched_at_once() -> None:
    truth = np.tile(_scene(120, 160), (10, 10, 1))
    new, source = _pixels(truth * 0.95 + 5, np.uint8), _pixels(truth, np.uint8)
    weight = _mask(*truth.shape[:2])
    match_color(new[:64, :64], source[:64, :64], _mask(64, 64))
    start = time.process_time()
    match_color(new, source, weight)
    assert time.process_time() - start < 2
