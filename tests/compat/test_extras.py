"""Extras: the same pixels and words as A1111, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from redraw.compat.bodies import ExtrasSingleBody
from redraw.compat.extras import apply_extras
from redraw.compat.refusals import Refusal
from redraw.errors import RequestError, UnknownName

INPUTS = {"wh_crop": "img100x70.png", "wh_nocrop": "img100x70.png"}
LIMIT = 1_000_000


@pytest.mark.golden
@pytest.mark.parametrize("name", ["lanczos2", "nearest2", "wh_crop", "wh_nocrop", "two", "none"])
def test_the_picture_and_the_words_are_a1111s(name: str, goldens: Path) -> None:
    rows = json.loads((goldens / "api" / "post_examples.json").read_text())
    row = next(r for r in rows if r["note"] == name and r["path"].endswith("extra-single-image"))
    source = Image.open(goldens / "inputs" / INPUTS.get(name, "img64x64.png")).convert("RGB")
    image, done = apply_extras(source, ExtrasSingleBody(**{**row["request"], "image": ""}), max_pixels=LIMIT)
    wanted = Image.open(goldens / "api" / f"extras_{name}.png")
    assert np.array_equal(np.asarray(image), np.asarray(wanted.convert("RGB")))
    assert f"<p>{done}</p>" == row["response"]["html_info"]
    assert done == wanted.info["postprocessing"]


def processed(**fields: Any) -> Image.Image:
    """A picture of 24x16 after Extras."""
    image = Image.fromarray(np.arange(24 * 16 * 3, dtype=np.uint8).reshape(16, 24, 3))
    return apply_extras(image, ExtrasSingleBody(**{"upscaler_1": "Lanczos", **fields}), max_pixels=LIMIT)[0]


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"upscaling_resize": 1.99}, (40, 24)),
        ({"upscaling_resize": 1}, (24, 16)),
        ({"upscaling_resize": 0.5}, (8, 8)),
        ({"upscaling_resize": 0.001}, (8, 8)),
        ({"upscaling_resize": 0.001, "upscaler_1": "Nearest"}, (8, 8)),
        ({"resize_mode": 1, "upscaling_resize_w": 20, "upscaling_resize_h": 90}, (20, 90)),
        ({"resize_mode": 1, "upscaling_resize_w": 20, "upscaling_resize_h": 90, "upscaling_crop": False}, (128, 88)),
    ],
)
def test_the_size_is_a_multiple_of_eight_unless_it_is_cropped(fields: dict[str, Any], size: tuple[int, int]) -> None:
    assert processed(**fields).size == size


def test_only_a_seen_second_upscaler_counts() -> None:
    once = np.asarray(processed())
    for fields in ({"upscaler_2": "Nearest"}, {"upscaler_2": "None", "extras_upscaler_2_visibility": 1}):
        assert np.array_equal(once, np.asarray(processed(**fields)))
    both = processed(upscaler_2="Nearest", extras_upscaler_2_visibility=1)
    assert np.array_equal(np.asarray(both), np.asarray(processed(upscaler_1="Nearest")))
    assert not np.array_equal(once, np.asarray(both))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"upscaler_1": "R-ESRGAN 4x+"}, "R-ESRGAN 4x"),
        ({"upscaler_2": "LDSR"}, "LDSR"),
        ({"gfpgan_visibility": 0.1}, "GFPGAN"),
        ({"codeformer_visibility": 1}, "CodeFormer"),
    ],
)
def test_what_is_not_built_is_named(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(Refusal, match=name) as caught:
        processed(**fields)
    assert caught.value.status == 501


def test_nonsense_is_refused() -> None:
    with pytest.raises(UnknownName, match="Lanczos"):
        processed(upscaler_1="Lanzos")
    with pytest.raises(RequestError, match="pixels"):
        processed(upscaling_resize=1000)
