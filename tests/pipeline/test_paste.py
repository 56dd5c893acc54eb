"""From what the model gave to the result: mask, cutout and edge of a result, colors, depth and profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from redraw.geometry import Size
from redraw.image.encode import Extras, encode_picture
from redraw.models.model import Model
from redraw.pipeline import Result
from redraw.pipeline.paste import to_pixels
from redraw.request import PictureRef

Array = np.ndarray[Any, Any]
Make = Callable[..., Array]
Redraw = Callable[..., list[Result]]
STILL = {"noise_multiplier": 0}
AREAS = {"whole": {}, "only masked": {"only_masked": True, "width": 64, "height": 64}}


@pytest.mark.parametrize(
    ("depth", "levels"), [(8, [0, 0, 127, 254, 255, 255]), (16, [0, 0, 32767, 65403, 65535, 65535])]
)
def test_levels_are_cut_to_the_range_and_truncated(depth: int, levels: list[int]) -> None:
    image = torch.tensor([-1.4, -1.0, 0.0, 0.996, 1.0, 1.7]).repeat(3, 2, 1)
    pixels = to_pixels(image, Size(6, 1), depth)
    assert pixels.shape == (1, 6, 3)
    np.testing.assert_array_equal(pixels[0, :, 1], levels)


@pytest.mark.parametrize("area", AREAS.values(), ids=AREAS.keys())
def test_mask_and_cutout_have_the_results_size_and_show_the_new_part_only(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make, area: dict[str, Any]
) -> None:
    (result,) = redrawn(random_model, colors(61, 47), part(61, 47), mask_blur=0, **area)
    assert result.mask is not None
    assert result.cutout is not None
    marked = part(61, 47) == 255
    np.testing.assert_array_equal(result.mask.pixels[..., 0] == 255, marked)
    cut, pixels = result.cutout.pixels, result.picture.pixels
    assert cut.shape == (47, 61, 4)
    np.testing.assert_array_equal(cut[..., 3] == 255, marked)
    np.testing.assert_array_equal(cut[marked][:, :3], pixels[marked])


def test_a_result_without_a_mask_has_neither_mask_cutout_nor_edge(
    random_model: Model, redrawn: Redraw, colors: Make
) -> None:
    (result,) = redrawn(random_model, colors())
    assert (result.mask, result.cutout, result.edge, result.color) == (None, None, None, None)


@pytest.mark.parametrize("area", AREAS.values(), ids=AREAS.keys())
def test_the_edge_tells_a_seam_from_none(
    random_model: Model, mirror_model: Model, redrawn: Redraw, colors: Make, part: Make, area: dict[str, Any]
) -> None:
    y, x = np.mgrid[0:96, 0:96]
    source = np.stack([60 + x // 2, 60 + y // 2, 120 - x // 4], -1).astype(np.uint8)
    (same,) = redrawn(mirror_model, source, part(96, 96), **area, **STILL)
    (other,) = redrawn(random_model, source, part(96, 96), **area)
    assert same.edge is not None
    assert other.edge is not None
    assert same.edge.seam_before == other.edge.seam_before
    assert same.edge.seam == pytest.approx(same.edge.seam_before, abs=0.5)
    assert other.edge.seam > 5 * same.edge.seam


class Tinted:
    """Makes a mirror's pictures darker and redder, as a model with a color error does."""

    def __init__(self, model: Model) -> None:
        plain = model.decode
        model.decode = lambda latents: plain(latents) * 0.9 - torch.tensor([-0.05, 0.1, 0.1]).view(1, 3, 1, 1)  # type: ignore[method-assign]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("area", AREAS.values(), ids=AREAS.keys())
def test_match_color_takes_a_models_color_error_out(
    mirror_model: Model, redrawn: Redraw, colors: Make, part: Make, area: dict[str, Any], depth: int
) -> None:
    Tinted(mirror_model)
    source = colors(96, 96, 3, depth)
    marked = part(96, 96) == 255
    level = np.iinfo(source.dtype).max / 255
    off = []
    for match in (False, True):
        (result,) = redrawn(mirror_model, source, part(96, 96), match_color=match, **area, **STILL)
        off.append(np.abs(result.picture.pixels.astype(float) - source)[marked].mean() / level)
        assert (result.color is not None) == match
        np.testing.assert_array_equal(
            result.picture.pixels[result.mask.pixels[..., 0] == 0],  # type: ignore[union-attr]
            source[result.mask.pixels[..., 0] == 0],  # type: ignore[union-attr]
        )
    assert off[0] > 10
    assert off[1] < off[0] / 2


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("area", AREAS.values(), ids=AREAS.keys())
def test_a_wide_profile_comes_back_through_the_model_and_its_levels_stay(
    mirror_model: Model, redrawn: Redraw, colors: Make, part: Make, adobe_rgb: bytes, area: dict[str, Any], depth: int
) -> None:
    source = (colors(96, 96, 3, depth) // 2 + np.iinfo(np.uint8 if depth == 8 else np.uint16).max // 4).astype(
        np.uint8 if depth == 8 else np.uint16
    )
    ref = PictureRef.from_bytes(encode_picture(source, extras=Extras(icc=adobe_rgb)).data, "wide.png")
    size = {} if area else {"width": 96, "height": 96}
    (result,) = redrawn(mirror_model, ref, part(96, 96), **area, **size, **STILL)
    assert result.picture.icc == adobe_rgb
    marked = part(96, 96) == 255
    level = np.iinfo(source.dtype).max / 255
    off = np.abs(result.picture.pixels.astype(float) - source)[marked] / level
    assert off.mean() < (6 if area else 3), "without the way back the colors would be tens of levels off"


def test_without_the_overlay_the_result_is_what_the_model_drew(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make
) -> None:
    source = colors(64, 48)
    (result,) = redrawn(random_model, source, part(64, 48), overlay=False)
    assert (result.picture.pixels != source).any(-1).mean() > 0.95


@pytest.mark.parametrize("channels", [3, 4])
def test_only_masked_without_the_overlay_gives_the_close_up(
    random_model: Model, redrawn: Redraw, colors: Make, part: Make, channels: int
) -> None:
    fields = {"only_masked": True, "width": 40, "height": 24, "overlay": False}
    (result,) = redrawn(random_model, colors(64, 48, channels), part(64, 48), **fields)
    assert result.picture.size == (40, 24)
