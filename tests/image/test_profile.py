"""Colour to the model and back."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageCms

from redraw.image.picture import Picture
from redraw.image.profile import colour_space, from_srgb, is_srgb, model_rgb, to_eight_bits, to_sixteen_bits
from redraw.image.shaper import read_shaper

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _calm() -> NDArray[np.uint8]:
    """Colours that lie inside sRGB and Adobe RGB both."""
    steps = np.arange(64, 192, 8, dtype=np.uint8)
    return np.stack(np.meshgrid(steps, steps, steps), -1).reshape(64, 64, 3)


def test_without_a_profile_the_model_sees_the_pixels(noise: Callable[..., NDArray[Any]]) -> None:
    pixels = noise()
    assert np.array_equal(np.asarray(model_rgb(Picture(pixels))), pixels)
    assert np.array_equal(np.asarray(model_rgb(Picture(pixels, icc=SRGB))), pixels)
    assert from_srgb(pixels, Picture(pixels, icc=SRGB)) is pixels


def test_a_wide_profile_is_converted_unless_told_not_to(adobe_rgb: bytes) -> None:
    picture = Picture(np.full((1, 1, 3), (100, 180, 100), np.uint8), icc=adobe_rgb)
    assert not is_srgb(adobe_rgb)
    assert is_srgb(SRGB)
    red, green, _ = np.asarray(model_rgb(picture))[0, 0]
    assert red < 60
    assert 175 <= green <= 185
    assert np.array_equal(np.asarray(model_rgb(picture, use_profile=False)), picture.pixels)


def test_eight_bits_come_back_within_a_level(adobe_rgb: bytes) -> None:
    picture = Picture(_calm(), icc=adobe_rgb)
    there = np.asarray(model_rgb(picture))
    inside = (there > 0).all(-1) & (there < 255).all(-1)
    back = from_srgb(there, picture)
    assert back.dtype == np.uint8
    assert np.abs(back.astype(int) - picture.pixels)[inside].max() <= 2


def test_sixteen_bits_agree_with_eight_and_are_finer(adobe_rgb: bytes) -> None:
    colours = _calm()
    shallow = from_srgb(colours, Picture(colours, icc=adobe_rgb))
    deep = from_srgb(colours, Picture(to_sixteen_bits(colours), icc=adobe_rgb))
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - shallow).max() <= 0.75
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    wide = from_srgb(np.stack([ramp] * 3, -1), Picture(np.zeros((1, 1, 3), np.uint16), icc=adobe_rgb))
    assert len(np.unique(wide[..., 0])) > 40_000


def test_alpha_passes_through_unchanged(noise: Callable[..., NDArray[Any]], adobe_rgb: bytes) -> None:
    pixels = noise(channels=4)
    assert np.array_equal(np.asarray(model_rgb(Picture(pixels, icc=adobe_rgb)))[..., 3], pixels[..., 3])
    for depth in (pixels, to_sixteen_bits(pixels)):
        result = from_srgb(pixels, Picture(depth, icc=adobe_rgb))
        assert result.dtype == depth.dtype
        assert np.array_equal(result[..., 3], depth[..., 3])


def test_weak_alpha_can_be_left_out(noise: Callable[..., NDArray[Any]]) -> None:
    pixels = noise(channels=4)
    assert model_rgb(Picture(pixels, weak_alpha=True)).mode == "RGBA"
    assert model_rgb(Picture(pixels, weak_alpha=True), weak_alpha=False).mode == "RGB"
    assert model_rgb(Picture(pixels), weak_alpha=False).mode == "RGBA"


def test_depths_come_back() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert np.array_equal(to_eight_bits(to_sixteen_bits(every)), every)
    assert to_sixteen_bits(every).max() == 65535


def test_the_shaper_knows_srgb_itself() -> None:
    shaper = read_shaper(SRGB)
    assert shaper is not None
    colours = (_calm() / 255).astype(np.float32)
    assert np.abs(shaper.from_srgb(colours) - colours).max() < 1e-3


@pytest.mark.parametrize("length", [0, 100, 131, 140, 200, 300])
def test_a_profile_cut_short_is_no_shaper(adobe_rgb: bytes, length: int) -> None:
    assert read_shaper(adobe_rgb[:length]) is None


def test_table_profiles_are_left_to_littlecms(cmyk_profile: bytes) -> None:
    assert read_shaper(cmyk_profile) is None


def test_colour_spaces_are_known_and_unusable_profiles_have_none(
    adobe_rgb: bytes, grey_profile: bytes, cmyk_profile: bytes
) -> None:
    assert [colour_space(p) for p in (adobe_rgb, grey_profile, cmyk_profile)] == ["RGB", "GRAY", "CMYK"]
    without_tags = adobe_rgb[:128] + bytes(4)
    assert colour_space(struct.pack(">I", len(without_tags)) + without_tags[4:]) is None
    assert colour_space(adobe_rgb[:60]) is None
    assert colour_space(b"") is None
