"""Putting a repainted part back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from redraw.geometry import Box
from redraw.image.composite import blend, make_overlay, opaque, paste_overlay
from redraw.image.mask import Mask

Noise = Callable[..., NDArray[Any]]
DEPTHS = [np.uint8, np.uint16]


def _weight() -> Mask:
    weight = np.zeros((20, 31), np.uint8)
    weight[4:16, 6:22] = 255
    weight[9, 6:22] = np.arange(16) * 16 + 1
    return weight


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("channels", [3, 4])
def test_blending_keeps_the_bits_where_the_weight_is_0_and_gives_the_new_ones_where_it_is_255(
    noise: Noise, dtype: Any, channels: int
) -> None:
    base, weight = noise(20, 31, channels, dtype), _weight()
    new = (base // 3 + 7).astype(dtype)
    result = blend(base, new, weight)
    assert result.dtype == dtype
    assert np.array_equal(result[weight == 0], base[weight == 0])
    assert np.array_equal(result[weight == 255][:, :3], new[weight == 255][:, :3])
    assert np.array_equal(result[..., 3:], base[..., 3:])
    assert not np.shares_memory(result, base)


@pytest.mark.parametrize("dtype", DEPTHS)
def test_between_lies_the_rounded_linear_interpolation_for_every_weight(noise: Noise, dtype: Any) -> None:
    base, new = noise(256, 40, 3, dtype), noise(256, 40, 3, dtype)[::-1, ::-1]
    base[0], new[0], base[1], new[1] = 0, np.iinfo(dtype).max, np.iinfo(dtype).max, 0
    weight = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 40, 1)
    share = weight[..., None] / 255
    exact = base.astype(np.float64) * (1 - share) + new.astype(np.float64) * share
    assert np.abs(blend(base, new, weight) - exact).max() <= 0.5 + 1e-6


def test_tall_pictures_are_blended_to_the_last_row(noise: Noise) -> None:
    base, new = noise(1000, 3, 3), noise(1000, 3, 3)[::-1]
    weight = np.full((1000, 3), 255, np.uint8)
    weight[0] = 0
    assert np.array_equal(blend(base, new, weight), np.concatenate([base[:1], new[1:]]))


def test_an_empty_weight_gives_a_copy(noise: Noise) -> None:
    base = noise(20, 31, 3)
    result = blend(base, 255 - base, _weight() * 0)
    assert np.array_equal(result, base)
    assert not np.shares_memory(result, base)


@pytest.mark.parametrize(
    "change",
    [
        lambda base, new, weight: (base, new.astype(np.uint16), weight),
        lambda base, new, weight: (base, new[:-1], weight),
        lambda base, new, weight: (base, new, weight[:, :-1]),
    ],
)
def test_what_does_not_fit_together_is_refused(noise: Noise, change: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="cannot blend"):
        blend(*change(noise(20, 31, 3), noise(20, 31, 3), _weight()))


def test_a_small_change_of_a_huge_picture_costs_little_more_than_a_copy() -> None:
    base = np.zeros((1500, 2000, 3), np.uint8)
    weight = np.zeros((1500, 2000), np.uint8)
    weight[500:564, 1000:1064] = 200
    everywhere = np.full_like(weight, 200)

    def fastest(work: Callable[[], object]) -> float:
        times = []
        for _ in range(3):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
        return min(times)

    small = fastest(lambda: blend(base, base, weight))
    whole = fastest(lambda: blend(base, base, everywhere))
    assert small < whole / 5


@pytest.mark.parametrize("dtype", DEPTHS)
def test_painted_holes_become_opaque_and_nothing_else_changes(noise: Noise, dtype: Any) -> None:
    base, weight = noise(20, 31, 4, dtype), _weight()
    result = opaque(base, weight)
    assert np.array_equal(result[..., :3], base[..., :3])
    assert np.array_equal(result[weight == 0], base[weight == 0])
    assert (result[weight == 255][:, 3] == np.iinfo(dtype).max).all()
    assert (result[..., 3] >= base[..., 3]).all()
    assert np.array_equal(opaque(base[..., :3], weight), base[..., :3])


def test_an_overlay_keeps_the_picture_outside_of_the_mask_and_has_a_hole_inside(noise: Noise) -> None:
    pixels, weight = noise(20, 31, 3), _weight()
    overlay = np.asarray(make_overlay(Image.fromarray(pixels), weight))
    assert np.array_equal(overlay[weight == 0][:, :3], pixels[weight == 0])
    assert np.array_equal(overlay[..., 3], 255 - weight)


def test_an_overlay_of_premultiplied_bytes_loses_levels_where_it_is_thin() -> None:
    overlay = make_overlay(Image.new("RGB", (1, 1), (100, 101, 255)), np.array([[250]], np.uint8))
    # 100 * 5 / 255 is 1.96, 2 in a byte, and 2 * 255 / 5 is 102: this is A1111's rounding.
    assert overlay.getpixel((0, 0)) == (102, 102, 255, 5)


def _no_way_back(image: Image.Image) -> Image.Image:
    raise RuntimeError("asked for the way back without a box")


def test_a_whole_picture_is_pasted_under_its_overlay(noise: Noise) -> None:
    pixels, weight = noise(20, 31, 3), _weight()
    result = Image.new("RGB", (31, 20), (1, 2, 3))
    pasted = np.asarray(paste_overlay(result, make_overlay(Image.fromarray(pixels), weight), None, _no_way_back))
    assert np.array_equal(pasted[weight == 0], pixels[weight == 0])
    assert (pasted[weight == 255] == (1, 2, 3)).all()


def test_a_box_is_pasted_at_its_place(noise: Noise) -> None:
    pixels, weight = noise(20, 31, 3), _weight()
    box = Box(5, 3, 23, 17)
    result = Image.new("RGB", (64, 64), (1, 2, 3))
    overlay = make_overlay(Image.fromarray(pixels), weight)
    pasted = np.asarray(paste_overlay(result, overlay, box, lambda image: image.resize(box.size)))
    assert np.array_equal(pasted[weight == 0], pixels[weight == 0])
    assert (pasted[weight == 255] == (1, 2, 3)).all()


@pytest.mark.parametrize("size", [(31, 10), (40, 30)])
def test_an_overlay_of_another_size_is_cut_at_the_upper_left_corner(noise: Noise, size: tuple[int, int]) -> None:
    pixels, weight = noise(20, 31, 3), _weight()
    result = Image.new("RGB", size, (1, 2, 3))
    pasted = np.asarray(paste_overlay(result, make_overlay(Image.fromarray(pixels), weight), None, _no_way_back))
    assert pasted.shape == (size[1], size[0], 3)
    common = np.s_[: min(20, size[1]), : min(31, size[0])]
    kept = weight[common] == 0
    assert np.array_equal(pasted[common][kept], pixels[common][kept])
    assert (pasted[20:] == (1, 2, 3)).all()
