"""The four resize modes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from redraw.errors import UnknownName
from redraw.geometry import Size
from redraw.image.resize import ResizeMode, resize_image, resize_pixels, upscaler_target
from redraw.registry import UPSCALERS

MODES = [ResizeMode.JUST_RESIZE, ResizeMode.CROP_AND_RESIZE, ResizeMode.RESIZE_AND_FILL]
SIZES = [Size(64, 64), Size(57, 33), Size(30, 90), Size(1, 1), Size(7, 128)]


@pytest.mark.golden
def test_every_resize_equals_a1111s(goldens: Path) -> None:
    recorded = np.load(goldens / "pure/resize_image.npz")
    assert len(recorded) == 135
    for key in recorded:
        name, size, mode, upscaler = key.split("|")
        width, height = map(int, size.split("x"))
        image = Image.open(goldens / "inputs" / f"{name}.png")
        result = resize_image(
            image,
            Size(width, height),
            ResizeMode(int(mode[-1])),
            UPSCALERS.get(upscaler) if upscaler != "None" else None,
        )
        np.testing.assert_array_equal(np.asarray(result), recorded[key], err_msg=key)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [3, 4])
def test_arrays_have_the_geometry_of_images_in_both_depths(mode: ResizeMode, size: Size, channels: int) -> None:
    y, x = np.mgrid[0:40, 0:62]
    # Smooth and away from black and white: between its two passes Pillow clips 8-bit values, and floats it does not.
    pixels = np.stack([90 + 60 * np.sin(x / 9 + c) * np.cos(y / 7) for c in range(channels)], -1).astype(np.uint8)
    small = resize_pixels(pixels, size, mode)
    deep = resize_pixels(pixels.astype(np.uint16) * 257, size, mode)
    assert small.shape == deep.shape == (size.height, size.width, channels)
    assert (small.dtype, deep.dtype) == (np.uint8, np.uint16)
    assert np.abs(deep / 257 - small).max() <= 2


@pytest.mark.parametrize("channels", [3, 4])
def test_latent_upscale_leaves_the_picture_alone(noise: Callable[..., NDArray[Any]], channels: int) -> None:
    pixels = noise(8, 9, channels)
    assert resize_pixels(pixels, Size(100, 100), ResizeMode.LATENT_UPSCALE) is pixels


@pytest.mark.parametrize(("edge", "following", "strip"), [(100, 200, 88), (50, 200, 31)])
def test_fill_strips_continue_past_the_edge(edge: int, following: int, strip: int) -> None:
    pixels = np.full((8, 8, 3), following, np.uint8)
    pixels[0] = edge
    filled = np.asarray(resize_image(Image.fromarray(pixels), Size(8, 12), ResizeMode.RESIZE_AND_FILL))
    assert (filled[:2] == strip).all()
    assert (filled[2:10] == pixels).all()


def test_grey_images_never_meet_the_upscaler() -> None:
    def refuse(image: Image.Image, scale: float) -> Image.Image:
        raise RuntimeError("asked to upscale a mask")

    assert resize_image(Image.new("L", (8, 8)), Size(16, 16), ResizeMode.JUST_RESIZE, refuse).size == (16, 16)
    with pytest.raises(RuntimeError):
        resize_image(Image.new("RGB", (8, 8)), Size(16, 16), ResizeMode.JUST_RESIZE, refuse)


def test_extreme_aspects_keep_at_least_one_pixel() -> None:
    image = Image.new("RGB", (1000, 1))
    for mode in MODES:
        assert resize_image(image, Size(16, 16), mode).size == (16, 16)


def test_upscalers_end_on_multiples_of_eight() -> None:
    assert upscaler_target(Size(100, 70), 1.28) == Size(128, 88)


def test_an_unknown_upscaler_is_refused_with_a_near_name() -> None:
    with pytest.raises(UnknownName, match="Lanczos"):
        UPSCALERS.get("lanczo")
