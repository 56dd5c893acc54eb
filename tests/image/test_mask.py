"""Masks and the arithmetic on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from redraw.errors import RequestError
from redraw.geometry import Box, Size
from redraw.image.io import open_picture
from redraw.image.mask import (
    Mask,
    blur,
    bounding_box,
    doubled,
    fit_mask,
    hidden_color,
    invert,
    latent_mask,
    own_alpha,
    read_mask,
    uses_alpha,
)
from redraw.image.picture import Picture

Encode = Callable[..., bytes]
Noise = Callable[..., NDArray[Any]]


def _inputs(goldens: Path, name: str) -> Mask:
    return np.asarray(Image.open(goldens / "inputs" / f"{name}.png").convert("L"))


@pytest.mark.golden
def test_every_mask_operation_equals_a1111s(goldens: Path) -> None:
    recorded = np.load(goldens / "pure/mask_ops.npz")
    assert len(recorded) == 56
    for key in recorded:
        name, *rest = key.split("|")
        expected = recorded[key]
        if name == "binary":
            picture = open_picture(goldens / "inputs" / f"{rest[0]}.png")
            found: NDArray[Any] = read_mask(picture, round_alpha=rest[1] == "True")
        elif rest[0].startswith("latent"):
            size = Size(expected.shape[1], expected.shape[0])
            found = latent_mask(_inputs(goldens, name), size, rounded=rest[0] == "latent")
        else:
            sigma = int(rest[0].lstrip("xy"))
            found = blur(_inputs(goldens, name), sigma, sigma if rest[0].startswith("xy") else 0)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected, err_msg=key)


def _layer(alpha: NDArray[Any], dtype: Any = np.uint8) -> NDArray[Any]:
    return np.dstack([np.full((*alpha.shape, 3), 40, dtype), alpha.astype(dtype)])


ALPHA = np.array([[0, 128, 129, 255]])


@pytest.mark.parametrize(
    ("pixels", "expected", "alpha"),
    [
        (_layer(ALPHA), [0, 0, 255, 255], True),
        (_layer(ALPHA * 257, np.uint16), [0, 0, 255, 255], True),
        (_layer(ALPHA * 0 + 255), [40] * 4, False),
        (_layer(ALPHA * 0), [0] * 4, True),
        (_layer(ALPHA)[..., :3], [40] * 4, False),
        (_layer(ALPHA * 257, np.uint16)[..., :3] * 256 + 255, [40] * 4, False),
        (np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [1, 2, 3]]], np.uint8), [76, 150, 29, 2], False),
    ],
)
def test_a_mask_file_is_read_by_alpha_if_it_says_something_and_by_brightness_else(
    pixels: NDArray[Any], expected: list[int], alpha: bool
) -> None:
    picture = Picture(pixels)
    assert uses_alpha(picture) is alpha
    assert read_mask(picture).tolist() == [expected]


def test_soft_alpha_is_kept_on_demand() -> None:
    assert read_mask(Picture(_layer(ALPHA)), round_alpha=False).tolist() == ALPHA.tolist()


def test_the_alpha_of_a_grey_mask_does_not_count(encoded: Encode) -> None:
    grey = np.dstack([np.arange(0, 250, 10, dtype=np.uint8).reshape(5, 5), np.eye(5, dtype=np.uint8) * 255])
    picture = open_picture(encoded(Image.fromarray(grey, "LA"), "PNG"))
    assert not uses_alpha(picture)
    assert np.array_equal(read_mask(picture), grey[..., 0])


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_a_pictures_own_transparency_is_what_is_repainted(dtype: Any, top: int) -> None:
    picture = Picture(_layer(np.array([[0, top, top // 2]]), dtype))
    assert own_alpha(picture).tolist() == [[255, 0, 128]]


def test_a_picture_without_transparency_is_no_mask_of_itself(noise: Noise) -> None:
    with pytest.raises(RequestError, match="no transparency"):
        own_alpha(Picture(noise(4, 4, 3)))


def test_wiped_color_is_told_from_hidden_color(noise: Noise) -> None:
    pixels = noise(8, 8, 4)
    pixels[..., 3] = 255
    pixels[2:5, 2:5, 3] = 0
    mask = own_alpha(Picture(pixels))
    assert not hidden_color(Picture(pixels), mask)
    pixels[2:5, 2:5, :3] = 7
    assert hidden_color(Picture(pixels), mask)
    assert not hidden_color(Picture(pixels), mask * 0)
    assert not hidden_color(Picture(pixels[..., :3]), mask)


def test_inverting_and_doubling() -> None:
    mask = np.array([[0, 1, 127, 128, 255]], np.uint8)
    assert invert(mask).tolist() == [[255, 254, 128, 127, 0]]
    assert doubled(mask).tolist() == [[0, 2, 254, 255, 255]]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (7, 5)])
@pytest.mark.parametrize(("x", "y"), [(0, 0), (4, 0), (0, 64), (0.1, 2.5)])
def test_blur_works_on_any_size_and_keeps_a_full_mask_full(shape: tuple[int, int], x: float, y: float) -> None:
    full = np.full(shape, 255, np.uint8)
    assert np.array_equal(blur(full, x, y), full)
    assert np.array_equal(blur(full * 0, x, y), full * 0)


def test_blur_acts_along_the_axis_it_names() -> None:
    dot = np.zeros((21, 21), np.uint8)
    dot[10, 10] = 255
    assert bounding_box(blur(dot, 1, 0)) == Box(7, 10, 14, 11)
    assert bounding_box(blur(dot, 0, 1)) == Box(10, 7, 11, 14)


def test_the_bounding_box_holds_every_repainted_pixel_and_no_empty_edge() -> None:
    mask = np.zeros((30, 20), np.uint8)
    assert bounding_box(mask) is None
    mask[3, 5] = 1
    mask[29, 19] = 255
    assert bounding_box(mask) == Box(5, 3, 20, 30)
    assert bounding_box(mask[::-1, ::-1]) == Box(0, 0, 15, 27)


@pytest.mark.parametrize(
    ("own", "size"),
    [
        ((64, 48), (64, 48)),
        ((64, 48), (1600, 1203)),
        ((1600, 1203), (64, 48)),
        ((8, 16), (17, 31)),
        ((20, 20), (20, 21)),
    ],
)
def test_a_mask_of_another_size_is_scaled_if_its_aspect_agrees(own: tuple[int, int], size: tuple[int, int]) -> None:
    mask = np.zeros((own[1], own[0]), np.uint8)
    mask[: own[1] // 2] = 255
    fitted = fit_mask(mask, Size(*size))
    assert fitted.shape == (size[1], size[0])
    assert (fitted[0] == 255).all()
    assert (fitted[-1] == 0).all()


def test_scaling_a_mask_does_not_repaint_beyond_the_next_pixel() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[10:20, 10:20] = 255
    assert bounding_box(fit_mask(mask, Size(400, 400))) == Box(95, 95, 205, 205)


@pytest.mark.parametrize(("own", "size"), [((64, 48), (48, 64)), ((64, 64), (64, 61)), ((512, 512), (512, 256))])
def test_a_mask_of_another_aspect_is_refused_with_both_sizes(own: tuple[int, int], size: tuple[int, int]) -> None:
    with pytest.raises(RequestError, match=f"{own[0]}x{own[1]}.*{size[0]}x{size[1]}"):
        fit_mask(np.zeros((own[1], own[0]), np.uint8), Size(*size))
