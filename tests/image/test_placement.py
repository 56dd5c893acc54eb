"""One geometry for picture, mask, paint and the way back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from redraw.geometry import Box, Size, Transform
from redraw.image.placement import Placement
from redraw.image.resize import ResizeMode, resize_image

Noise = Callable[..., NDArray[Any]]
Point = tuple[float, float]

MODES = list(ResizeMode)
SOURCES = [Size(64, 64), Size(97, 61), Size(53, 131)]
CANVASES = [Size(64, 64), Size(67, 41), Size(96, 160)]
BOXES: list[int | None] = [None, 0, 7, 32, 1000]  # the padding around the masked part; None takes the whole picture
DISPLACEMENT = 0.5


def _placement(source: Size, canvas: Size, mode: ResizeMode, padding: int | None) -> Placement:
    if padding is None:
        return Placement(source, canvas, mode)
    middle = Box(*(side * 3 // 8 for side in source), *(side * 5 // 8 for side in source))
    return Placement(source, canvas, mode, middle.padded(padding, source).expanded(canvas, source))


def _map(point: Point, way: Transform) -> Point:
    return point[0] * way.scale_x + way.offset_x, point[1] * way.scale_y + way.offset_y


def _fiducials(placement: Placement) -> list[tuple[Point, Point]]:
    """Three points of the source that the canvas shows, with the spread of a blob, 1.5 px on the coarser grid."""
    way = placement.transform
    back = way.invert()
    spread = (1.5 * max(1, back.scale_x), 1.5 * max(1, back.scale_y))
    part = placement.box or Box(0, 0, *placement.source)
    low, high = _map((0, 0), back), _map(placement.canvas, back)
    ends = [
        (max(low[axis], part[axis]) + 4 * spread[axis], min(high[axis], part[axis + 2]) - 4 * spread[axis])
        for axis in (0, 1)
    ]
    points = [(ends[0][0], ends[1][0]), (ends[0][1], ends[1][0]), (ends[0][0] * 0.4 + ends[0][1] * 0.6, ends[1][1])]
    return [(point, spread) for point in points]


def _blob(size: Size, point: Point, spread: Point) -> NDArray[np.uint8]:
    x, y = np.arange(size.width) + 0.5, np.arange(size.height) + 0.5
    row, column = (np.exp(-(((v - p) / s) ** 2) / 2) for v, p, s in zip((x, y), point, spread, strict=True))
    blob: NDArray[np.uint8] = np.rint(255 * column[:, None] * row[None]).astype(np.uint8)
    return blob


def _centroid(image: NDArray[Any]) -> Point:
    """Where a blob is, in pixel coordinates (the middle of the first pixel is at 0.5), to a few hundredths."""
    weight = image.astype(np.float64) / np.iinfo(image.dtype).max
    weight = np.where(weight > 0.06, weight, 0)
    x, y = np.arange(weight.shape[1]) + 0.5, np.arange(weight.shape[0]) + 0.5
    return float(weight.sum(0) @ x / weight.sum()), float(weight.sum(1) @ y / weight.sum())


def _apart(a: Point, b: Point) -> float:
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))


def _cases() -> list[Placement]:
    return [_placement(*case) for case in product(SOURCES, CANVASES, MODES, BOXES)]


def test_pixels_lie_where_the_transform_says_in_canvas_pixels() -> None:
    worst, measured = 0.0, 0
    for placement in _cases():
        for point, spread in _fiducials(placement):
            blob = _blob(placement.source, point, spread)
            expected = _map(point, placement.transform)
            carried = [np.asarray(placement.carry(Image.fromarray(blob).convert("RGB")))[..., 1]]
            carried.append(placement.carry_pixels(np.dstack([blob] * 4))[..., 3])
            carried.append(placement.carry_pixels(np.dstack([blob.astype(np.uint16) * 257] * 3))[..., 0])
            if placement.mode is ResizeMode.LATENT_UPSCALE and placement.box is None:
                assert all(c.shape == blob.shape for c in carried)
                carried = [np.asarray(Image.fromarray(blob).resize(placement.canvas, Image.Resampling.BILINEAR))]
            else:
                carried.append(placement.carry_mask(blob))
            for image in carried:
                worst, measured = max(worst, _apart(_centroid(image), expected)), measured + 1
    assert measured > 1500
    assert worst <= DISPLACEMENT / 4, f"{worst} canvas pixels"


def test_pixels_come_back_to_their_place_in_source_pixels() -> None:
    worst, measured = 0.0, 0
    for placement in _cases():
        if placement.box is None:
            continue
        for point, spread in _fiducials(placement):
            blob = np.dstack([_blob(placement.source, point, spread)] * 3)
            for pixels in (blob, blob.astype(np.uint16) * 257):
                back = placement.carry_back_pixels(placement.carry_pixels(pixels))
                assert back.shape[1::-1] == placement.box.size
                x, y = _centroid(back[..., 0])
                worst = max(worst, _apart((x + placement.box.x1, y + placement.box.y1), point))
                measured += 1
    assert measured > 500
    assert worst <= DISPLACEMENT / 2, f"{worst} source pixels"


@pytest.mark.parametrize("box", [Box(10, 20, 42, 52), Box(0, 0, 64, 64), Box(31, 3, 47, 19)])
def test_a1111s_way_back_meets_the_place_where_the_aspects_are_equal(box: Box) -> None:
    placement = Placement(Size(97, 91), Size(64, 64), ResizeMode.JUST_RESIZE, box)
    for point, spread in _fiducials(placement):
        image = Image.fromarray(_blob(placement.source, point, spread)).convert("RGB")
        back = placement.carry_back(placement.carry(image))
        x, y = _centroid(np.asarray(back)[..., 0])
        assert back.size == box.size
        assert _apart((x + box.x1, y + box.y1), point) <= DISPLACEMENT


def test_a1111s_way_back_is_crop_and_resize(noise: Noise) -> None:
    image = Image.fromarray(noise(64, 96, 3))
    placement = Placement(Size(100, 80), Size(96, 64), ResizeMode.JUST_RESIZE, Box(0, 10, 100, 77))
    expected = resize_image(image, Size(100, 67), ResizeMode.CROP_AND_RESIZE)
    assert placement.carry_back(image) == expected


@pytest.mark.parametrize("mode", MODES)
def test_a_canvas_without_a_box_comes_back_as_it_is(noise: Noise, mode: ResizeMode) -> None:
    pixels = noise(41, 67, 3)
    placement = Placement(Size(100, 80), Size(67, 41), mode)
    assert np.array_equal(placement.carry_back_pixels(pixels), pixels)
    assert np.array_equal(np.asarray(placement.carry_back(Image.fromarray(pixels))), pixels)
    assert placement.carry_back_pixels(noise(40, 64, 3)).shape == (41, 67, 3)


@pytest.mark.parametrize("mode", [ResizeMode.JUST_RESIZE, ResizeMode.CROP_AND_RESIZE, ResizeMode.RESIZE_AND_FILL])
def test_a_picture_of_the_canvas_size_is_carried_bit_for_bit(noise: Noise, mode: ResizeMode) -> None:
    for dtype in (np.uint8, np.uint16):
        pixels = noise(53, 31, 4, dtype)
        placement = Placement(Size(31, 53), Size(31, 53), mode)
        assert np.array_equal(placement.carry_pixels(pixels), pixels)
        assert placement.transform == (1, 1, 0, 0)


def test_under_latent_upscale_only_masks_of_the_canvas_aspect_lie_on_the_picture() -> None:
    mask = _blob(Size(32, 64), (16, 32), (2, 4))
    near = Placement(Size(32, 64), Size(64, 128), ResizeMode.LATENT_UPSCALE)
    far = Placement(Size(32, 64), Size(64, 64), ResizeMode.LATENT_UPSCALE)
    assert near.carry_mask(mask).shape == (128, 64)
    assert np.count_nonzero(far.carry_mask(mask).max(0) > 99) < np.count_nonzero(near.carry_mask(mask).max(0) > 99)
