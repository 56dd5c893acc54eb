"""Masks in whole runs: what they are read from, what is wrong with some, and what strength 0 gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from redraw.errors import PictureError, RequestError
from redraw.geometry import Size
from redraw.image.mask import blur
from redraw.image.resize import resize_pixels
from redraw.models.model import Model
from redraw.pipeline import Result
from redraw.request import Img2Img, PictureRef

Array = np.ndarray[Any, Any]
Make = Callable[..., Array]
Redraw = Callable[..., list[Result]]
SHARP: dict[str, Any] = {"mask_blur": 0}


def changed(result: Result, source: Array) -> Array:
    """Where any channel differs, [h, w]."""
    assert result.picture.pixels.shape == source.shape
    return np.asarray((result.picture.pixels != source).any(-1))


def with_alpha(color: Array, alpha: Array) -> Array:
    return np.dstack([color, alpha])


@pytest.mark.parametrize("area", [{}, {"only_masked": True, "width": 32, "height": 32}], ids=["whole", "only masked"])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_mask_that_marks_nothing_is_refused(
    random_model: Model, redrawn: Redraw, colors: Make, area: dict[str, Any], inverted: bool
) -> None:
    mask = np.full((32, 40), 255 if inverted else 0, np.uint8)
    with pytest.raises(RequestError, match="marks nothing") as caught:
        redrawn(random_model, colors(), mask, invert_mask=inverted, **area)
    assert caught.value.field == "mask"


def test_a_mask_that_the_blur_makes_vanish_is_refused_with_the_blur_as_the_reason(
    random_model: Model, redrawn: Redraw, colors: Make
) -> None:
    mask = np.zeros((32, 40), np.uint8)
    mask[10, 10] = 255
    with pytest.raises(RequestError, match="vanish") as caught:
        redrawn(random_model, colors(), mask, mask_blur=32)
    assert caught.value.field == "mask_blur"


def test_a_white_mask_redraws_everything(random_model: Model, redrawn: Redraw, colors: Make) -> None:
    source, white = colors(), np.full((32, 40), 255, np.uint8)
    for fields in ({}, {"only_masked": True, "width": 40, "height": 32}):
        result = redrawn(random_model, source, white, **fields)[0]
        assert changed(result, source).mean() > 0.95
        assert result.edge is None, "there is no edge to report"


@pytest.mark.parametrize("size", [(40, 40), (20, 32), (400, 100)])
def test_a_mask_of_another_aspect_is_refused(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make, size: tuple[int, int]
) -> None:
    with pytest.raises(RequestError, match="40x32") as caught:
        redrawn(random_model, colors(), part(*size))
    assert caught.value.field == "mask"


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_mask_that_is_no_image_is_refused_by_name(
    random_model: Model, redrawn: Redraw, colors: Make, data: bytes
) -> None:
    with pytest.raises(PictureError, match=r"mask\.png"):
        redrawn(random_model, colors(), PictureRef.from_bytes(data, "mask.png"))


@pytest.mark.parametrize("padding", [0, 5, 4000, 16384])
def test_any_padding_works_and_one_larger_than_the_picture_shows_all_of_it(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make, padding: int
) -> None:
    source, mask = colors(), part()
    result = redrawn(random_model, source, mask, only_masked=True, padding=padding, width=40, height=32, **SHARP)[0]
    np.testing.assert_array_equal(changed(result, source) & (mask == 0), False)
    assert result.pasted is not None
    box = result.pasted.scene.placement.box
    assert box is not None
    assert (box == (0, 0, 40, 32)) == (padding >= 4000)


@pytest.mark.parametrize("color", ["black", "white", "red"])
def test_the_opaque_part_of_a_mask_with_transparency_is_redrawn_whatever_its_color(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make, as_ref: Callable[..., PictureRef], color: str
) -> None:
    rgb = np.zeros((32, 40, 3), np.uint8) + np.array(
        {"black": [0, 0, 0], "white": [255] * 3, "red": [255, 0, 0]}[color]
    )
    source, mask = colors(), part()
    result = redrawn(random_model, source, as_ref(with_alpha(rgb.astype(np.uint8), mask), "mask.png"), **SHARP)[0]
    np.testing.assert_array_equal(changed(result, source), mask == 255)
    assert any("opaque is redrawn" in note for note in result.notes)


def test_a_mask_with_an_opaque_alpha_is_read_by_its_brightness(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make
) -> None:
    source, mask = colors(), part()
    opaque = with_alpha(np.repeat(mask[..., None], 3, 2), np.full_like(mask, 255))
    result = redrawn(random_model, source, opaque, **SHARP)[0]
    np.testing.assert_array_equal(changed(result, source), mask == 255)


def test_a_sixteen_bit_mask_is_read_as_eight(random_model: Model, redrawn: Redraw, colors: Make, part: Make) -> None:
    source, mask = colors(), part()
    deep = np.repeat((mask.astype(np.uint16) * 257)[..., None], 3, 2)
    np.testing.assert_array_equal(changed(redrawn(random_model, source, deep, **SHARP)[0], source), mask == 255)


@pytest.mark.parametrize("hidden", ["black", "white", "the picture"])
def test_a_wiped_hole_is_filled_from_its_surroundings_and_this_is_said(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make, hidden: str
) -> None:
    hole = part() == 255
    source = with_alpha(colors(), np.where(hole, 0, 255).astype(np.uint8))
    if hidden != "the picture":
        source[hole, :3] = 0 if hidden == "black" else 255
    result = redrawn(random_model, source, "alpha", **SHARP)[0]
    assert result.pasted is not None
    shown = np.asarray(result.pasted.scene.image)
    filled = any("filled" in note for note in result.notes)
    assert filled == (hidden != "the picture")
    assert (shown[hole] == source[hole][:, :3]).all() != filled
    np.testing.assert_array_equal(changed(result, source) & ~hole, False)


def test_alpha_as_the_mask_of_a_picture_without_it_is_refused(
    random_model: Model, redrawn: Redraw, colors: Make
) -> None:
    with pytest.raises(RequestError, match="no transparency"):
        redrawn(random_model, colors(), "alpha")


def test_alpha_as_the_mask_of_an_opaque_picture_marks_nothing(
    random_model: Model, redrawn: Redraw, colors: Make
) -> None:
    with pytest.raises(RequestError, match="marks nothing"):
        redrawn(random_model, with_alpha(colors(), np.full((32, 40), 255, np.uint8)), "alpha")


def test_an_inverted_mask_redraws_the_rest(random_model: Model, redrawn: Redraw, colors: Make, part: Make) -> None:
    source, mask = colors(), part()
    result = redrawn(random_model, source, mask, invert_mask=True, **SHARP)[0]
    np.testing.assert_array_equal(changed(result, source), mask == 0)
    assert "Mask mode: Inpaint not masked" in result.infotext


def test_inverting_comes_before_the_blur(random_model: Model, redrawn: Redraw, colors: Make, part: Make) -> None:
    source, mask = colors(80, 64), part(80, 64)
    result = redrawn(random_model, source, mask, invert_mask=True, mask_blur=3)[0]
    soft = blur(~mask, 3, 3)
    assert not (changed(result, source) & (soft == 0)).any()
    assert changed(result, source)[soft >= 128].mean() > 0.95


@pytest.mark.parametrize("rounded", [True, False])
def test_grey_masks_are_weights_and_act_while_sampling_only_without_rounding(
    random_model: Model, redrawn: Redraw, colors: Make, rounded: bool
) -> None:
    source = colors(64, 64)
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 16:32], mask[:, 32:48] = 80, 180
    result = redrawn(random_model, source, mask, round_mask=rounded, **SHARP)[0]
    assert result.pasted is not None
    assert result.mask is not None
    repaint = result.pasted.scene.repaint
    assert repaint is not None
    levels = set(np.unique(repaint))
    assert levels == {0.0, 1.0} if rounded else len(levels) > 2
    assert [int(result.mask.pixels[30, x, 0]) for x in (5, 24, 40, 60)] == [0, 160, 255, 0]
    close = redrawn(random_model, source, mask, only_masked=True, width=64, height=64, **SHARP)[0]
    assert close.mask is not None
    assert [int(close.mask.pixels[30, x, 0]) for x in (5, 24, 40, 60)] == [0, 80, 180, 0]


@pytest.mark.parametrize(("x", "y"), [(6, 0), (0, 6), (3, 9)])
def test_the_blur_acts_along_each_axis_by_itself(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make, x: int, y: int
) -> None:
    source, mask = colors(120, 100), part(120, 100)
    result = redrawn(random_model, source, mask, mask_blur=1, mask_blur_x=x, mask_blur_y=y)[0]
    soft = blur(mask, x, y)
    differs = changed(result, source)
    assert not (differs & (soft == 0)).any()
    assert differs[soft > 25].mean() > 0.9
    assert result.pasted is not None
    assert result.pasted.scene.source.mask is not None
    np.testing.assert_array_equal(result.pasted.scene.source.mask, soft)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"paint_is_mask": True}, "paint_is_mask"),
        ({"paint_is_mask": True, "paint": b"p", "mask": b"m"}, "mask"),
        ({"paint_is_mask": True, "paint": b"p", "mask": "alpha"}, "mask"),
        ({"only_masked": True}, "only_masked"),
        ({"only_masked": True, "paint": b"p"}, "only_masked"),
    ],
)
def test_contradictions_of_mask_and_paint_are_refused_before_anything_runs(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        Img2Img(images=(b"x",), **fields)
    assert caught.value.field == field


def test_one_mask_serves_all_sources_of_its_size_and_names_the_first_it_does_not_fit(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make
) -> None:
    first, mask = colors(), part()
    second = first[::-1].copy()
    results = redrawn(random_model, [first, second], mask, **SHARP)
    for result, source in zip(results, (first, second), strict=True):
        np.testing.assert_array_equal(changed(result, source), mask == 255)
    with pytest.raises(RequestError, match="30x32"):
        redrawn(random_model, [first, colors(30, 32)], mask)


def test_sources_of_other_sizes_share_a_close_up(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make
) -> None:
    first, second = colors(80, 64), colors(160, 128)
    fields = {"only_masked": True, "width": 48, "height": 40, **SHARP}
    results = redrawn(random_model, [first, second], part(80, 64), **fields)
    assert [result.picture.size for result in results] == [(80, 64), (160, 128)]
    near = np.zeros((128, 160), bool)
    near[30:98, 38:122] = True
    assert not (changed(results[1], second) & ~near).any()
    assert changed(results[1], second)[part(160, 128) == 255].mean() > 0.9


def test_loose_rules_take_any_mask_and_give_eight_bit_rgb(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make
) -> None:
    source = with_alpha(colors(), np.full((32, 40), 200, np.uint8))
    with pytest.raises(RequestError, match="aspect"):
        redrawn(random_model, source, part(40, 40))
    loose = redrawn(random_model, source, part(40, 40), mask_rules="loose")[0]
    assert loose.picture.pixels.shape == (32, 40, 3)
    empty = np.zeros((32, 40), np.uint8)
    nothing = redrawn(random_model, source, empty, mask_rules="loose")[0].picture.pixels
    white = np.rint(source[..., :3] * (200 / 255) + 255 * (55 / 255))
    assert np.abs(nothing - white).max() <= 2, "an empty mask with loose rules gives the flattened source"
    close = redrawn(random_model, source, empty, mask_rules="loose", only_masked=True, width=40, height=32)[0]
    assert np.abs(close.picture.pixels[..., :3] - white).mean() > 20, "an empty close-up redraws everything"


ZERO: dict[str, dict[str, Any]] = {
    "plain": {},
    "masked": {"mask": True},
    "close-up": {"mask": True, "only_masked": True, "width": 16, "height": 16},
    "soft": {"mask": True, "soft": True},
    "corrected": {"color_correction": True},
}


@pytest.mark.parametrize(("channels", "depth"), [(3, 8), (4, 8), (3, 16), (4, 16)])
@pytest.mark.parametrize("options", ZERO.values(), ids=ZERO.keys())
def test_strength_zero_gives_the_source_back_bit_for_bit(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make, options: dict[str, Any], channels: int, depth: int
) -> None:
    source = colors(40, 32, channels, depth)
    fields = {**options, "mask": part() if options.get("mask") else None}
    result = redrawn(random_model, source, strength=0, **fields)[0]
    np.testing.assert_array_equal(result.picture.pixels, source)
    assert result.picture.pixels.dtype == source.dtype
    assert "Denoising strength: 0" in result.infotext


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("masked", [False, True])
def test_strength_zero_with_a_size_gives_the_resized_source(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make, masked: bool, depth: int
) -> None:
    source = colors(40, 32, 4, depth)
    mask = part() if masked else None
    result = redrawn(random_model, source, mask, strength=0, width=61, height=23)[0]
    np.testing.assert_array_equal(result.picture.pixels, resize_pixels(source, Size(61, 23)))


def test_strength_zero_as_a_step_goes_through_the_model(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make
) -> None:
    source, mask = colors(), part()
    result = redrawn(random_model, source, mask, strength=0, zero_strength="step", **SHARP)[0]
    np.testing.assert_array_equal(changed(result, source), mask == 255)
