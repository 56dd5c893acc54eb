"""Sketch and inpaint sketch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from redraw.errors import RequestError
from redraw.image.io import open_picture
from redraw.image.paint import lay_paint, paint_mask, sketch_base
from redraw.image.picture import Picture

Noise = Callable[..., NDArray[Any]]


def _stroke(alpha: int = 255, dtype: Any = np.uint8) -> NDArray[Any]:
    """A transparent layer with a red stroke."""
    layer = np.zeros((20, 31, 4), dtype)
    layer[5:9, 4:25] = np.array([250, 10, 20, alpha]) * (257 if dtype == np.uint16 else 1)
    return layer


PAINTED = _stroke()[..., 3] > 0


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_layer_is_laid_over_the_picture_in_the_pictures_mode(noise: Noise, channels: int, dtype: Any) -> None:
    pixels = noise(20, 31, channels)
    if channels == 4:
        pixels[..., 3] = np.where(pixels[..., 3] < 128, 0, 255)
    laid = np.asarray(lay_paint(Image.fromarray(pixels), Picture(_stroke(dtype=dtype))))
    assert laid.shape == pixels.shape
    assert (laid[PAINTED][:, :3] == (250, 10, 20)).all()
    seen = ~PAINTED & (pixels[..., 3] > 0 if channels == 4 else True)
    assert np.array_equal(laid[seen], pixels[seen])
    if channels == 4:
        assert (laid[PAINTED][:, 3] == 255).all()
        assert np.array_equal(laid[~PAINTED][:, 3], pixels[~PAINTED][:, 3])


def test_thin_paint_lets_the_picture_through() -> None:
    laid = lay_paint(Image.new("RGB", (31, 20), (50, 110, 20)), Picture(_stroke(128)))
    assert np.abs(np.array(laid.getpixel((10, 6))) - (150, 60, 20)).max() <= 1


@pytest.mark.parametrize("opaque_alpha", [False, True])
def test_an_opaque_drawing_takes_the_pictures_place(noise: Noise, opaque_alpha: bool) -> None:
    pixels = noise(20, 31, 3)
    drawing = np.where(PAINTED[..., None], 255 - pixels, pixels)
    paint = np.dstack([drawing, np.full((20, 31), 255, np.uint8)]) if opaque_alpha else drawing
    assert np.array_equal(np.asarray(lay_paint(Image.fromarray(pixels), Picture(paint))), drawing)
    assert np.array_equal(paint_mask(Image.fromarray(pixels), Picture(paint)) > 0, PAINTED)


def test_what_an_opaque_drawing_paints_into_a_hole_is_seen() -> None:
    pixels = np.zeros((20, 31, 4), np.uint8)
    pixels[:, 15:, 3] = 255
    drawing = pixels[..., :3].copy()
    drawing[PAINTED] = 200
    laid = np.asarray(lay_paint(Image.fromarray(pixels), Picture(drawing)))
    assert np.array_equal(laid[..., :3], drawing)
    assert np.array_equal(laid[..., 3] > 0, PAINTED | (pixels[..., 3] > 0))


def test_a_layer_of_another_size_is_scaled() -> None:
    image = Image.new("RGB", (62, 40), (9, 9, 9))
    assert lay_paint(image, Picture(_stroke())).getpixel((30, 14)) == (250, 10, 20)
    assert paint_mask(image, Picture(_stroke()))[14, 30] == 255
    assert paint_mask(image, Picture(_stroke())).shape == (40, 62)


@pytest.mark.parametrize("use", [lay_paint, paint_mask])
def test_paint_of_another_aspect_is_refused(use: Callable[..., Any]) -> None:
    with pytest.raises(RequestError, match=r"paint.*31x20.*31x31"):
        use(Image.new("RGB", (31, 31)), Picture(_stroke()))


def test_an_opaque_drawing_of_another_size_makes_no_mask(noise: Noise) -> None:
    with pytest.raises(RequestError, match="opaque drawing"):
        paint_mask(Image.new("RGB", (62, 40)), Picture(noise(20, 31, 3)))


@pytest.mark.parametrize(("transparency", "value"), [(0, 255), (25, 191), (50, 127), (33.3, 170), (100, 0)])
def test_transparency_thins_the_mask(transparency: float, value: int) -> None:
    mask = paint_mask(Image.new("RGB", (31, 20)), Picture(_stroke(1)), transparency)
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, np.where(PAINTED, value, 0))


def test_inpaint_sketch_starts_from_blurred_paint_by_a_blurred_mask(noise: Noise) -> None:
    image = Image.fromarray(noise(20, 31, 3))
    painted = lay_paint(image, Picture(_stroke()))
    mask = paint_mask(image, Picture(_stroke()))
    assert sketch_base(image, painted, mask, 0) == painted
    assert sketch_base(image, painted, mask // 255 * 0, 3) == image
    soft = np.asarray(Image.fromarray(mask).filter(ImageFilter.GaussianBlur(2)), np.float64)[..., None] / 255
    blurred = np.asarray(painted.filter(ImageFilter.GaussianBlur(2)), np.float64)
    expected = blurred * soft + np.asarray(image) * (1 - soft)
    assert np.abs(np.asarray(sketch_base(image, painted, mask, 2)) - expected).max() <= 1


@pytest.mark.golden
def test_the_recorded_drawing_differs_where_it_was_painted(goldens: Path) -> None:
    image = Image.open(goldens / "inputs/img64x64.png").convert("RGB")
    paint = open_picture(goldens / "inputs/img64x64_painted.png")
    mask = paint_mask(image, paint)
    assert 0 < np.count_nonzero(mask) < mask.size / 2
    assert np.array_equal(np.asarray(lay_paint(image, paint)), paint.pixels[..., :3])
