"""One geometry through whole runs: what comes back lies where it was, for every resize mode, close-up and padding."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from redraw.geometry import Box, Size, Transform
from redraw.image.resize import RESIZE_MODES
from redraw.models.model import Model
from redraw.pipeline import Result

Array = np.ndarray[Any, Any]
Redraw = Callable[..., list[Result]]
WIDTH, HEIGHT = 230, 170
DOTS = [(x, y) for y in (61.0, 84.5, 109.0) for x in (81.0, 113.5, 147.0)]
SPREAD = 5.0
STILL = {"noise_multiplier": 0}
MOST = 0.5  # pixels a fiducial may be away from its place


def fiducials(depth: int = 8) -> Array:
    """White Gaussian dots at `DOTS` (centers in pixel coordinates, edges at whole numbers) on black."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    dots = sum(np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * SPREAD**2)) for cx, cy in DOTS)
    picture = np.clip(20 + 220 * np.asarray(dots), 0, 255) / 255 * (2**depth - 1)
    return np.repeat(picture[..., None], 3, 2).astype(np.uint16 if depth == 16 else np.uint8)


def mask() -> Array:
    """A box around all dots; nothing in it touches its edge."""
    marked = np.zeros((HEIGHT, WIDTH), np.uint8)
    marked[38:132, 58:170] = 255
    return marked


def centers(picture: Array, places: list[tuple[float, float]], reach: float) -> Array:
    """The centroid of what is bright around each place, [n, 2]."""
    grey = picture[..., 0].astype(float) / np.iinfo(picture.dtype).max
    y, x = np.mgrid[0 : grey.shape[0], 0 : grey.shape[1]] + 0.5
    found = []
    for cx, cy in places:
        near = (abs(x - cx) <= reach) & (abs(y - cy) <= reach)
        light = np.where(near, np.clip(grey - 0.2, 0, None), 0)
        found.append((float((x * light).sum() / light.sum()), float((y * light).sum() / light.sum())))
    return np.asarray(found)


def displaced(result: Array, expected: Array, to: Transform) -> float:
    """The largest distance of a fiducial in `result` from where it lies in `expected`, a picture of the same size."""
    places = [(x * to.scale_x + to.offset_x, y * to.scale_y + to.offset_y) for x, y in DOTS]
    reach = 14 * min(to.scale_x, to.scale_y)
    apart = centers(result, places, reach) - centers(expected, places, reach)
    return float(np.hypot(apart[:, 0], apart[:, 1]).max())


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("mode", "padding", "canvas"),
    list(product(RESIZE_MODES, (0, 5, 32, 400), [(128, 128), (112, 94), (300, 88), (61, 203), (353, 257)])),
)
def test_a_close_up_comes_back_to_its_place(
    mirror_model: Model, redrawn: Redraw, mode: str, padding: int, canvas: tuple[int, int], depth: int
) -> None:
    source = fiducials(depth)
    fields = {
        "only_masked": True,
        "padding": padding,
        "width": canvas[0],
        "height": canvas[1],
        "resize_mode": mode,
        **STILL,
    }
    result = redrawn(mirror_model, source, mask(), mask_blur=2, **fields)[0].picture.pixels
    assert displaced(result, source, Transform(1, 1, 0, 0)) <= MOST
    away = np.abs(result.astype(float) - source)[46:124, 66:162] / np.iinfo(source.dtype).max
    assert away.mean() < 0.02


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("size", [(230, 170), (231, 171), (115, 85), (170, 230), (345, 200), (97, 211), (460, 340)])
@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_the_new_part_of_a_whole_picture_lies_on_the_old_one(
    mirror_model: Model, redrawn: Redraw, mode: str, size: tuple[int, int], depth: int
) -> None:
    source, own, target = fiducials(depth), Size(WIDTH, HEIGHT), Size(*size)
    fields = {"width": size[0], "height": size[1], "resize_mode": mode, **STILL}
    new = redrawn(mirror_model, source, mask(), mask_blur=0, **fields)[0]
    old = redrawn(mirror_model, source, mask(), strength=0, **fields)[0]
    kinds = {"crop-and-resize": Transform.cover, "resize-and-fill": Transform.fit}
    to = kinds.get(mode, Transform.stretch)(own, target)
    assert new.picture.size == old.picture.size == size
    assert new.pasted is not None
    placed = new.pasted.scene.placement.transform
    assert np.abs(np.subtract(placed.apply(Box(0, 0, *own)), to.apply(Box(0, 0, *own)))).max() <= 1
    assert displaced(new.picture.pixels, old.picture.pixels, to) <= MOST


def test_a_displaced_picture_would_be_seen() -> None:
    source = fiducials()
    assert displaced(np.roll(source, 1, axis=1), source, Transform(1, 1, 0, 0)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("area", ["whole", "only masked"])
@pytest.mark.parametrize("size", [(229, 171), (17, 13), (8, 8), (5, 3), (1, 1), (101, 103)])
def test_odd_and_prime_canvases_give_their_own_sizes(
    mirror_model: Model, redrawn: Redraw, size: tuple[int, int], area: str
) -> None:
    close = area == "only masked"
    fields = {"only_masked": close, "width": size[0], "height": size[1], **STILL}
    (result,) = redrawn(mirror_model, fiducials(), mask(), **fields)
    assert result.picture.size == ((WIDTH, HEIGHT) if close else size)
    assert f"Size: {size[0]}x{size[1]}" in result.infotext


def test_a_close_up_without_a_size_takes_the_models_area_in_the_shape_of_its_box(
    mirror_model: Model, redrawn: Redraw
) -> None:
    (result,) = redrawn(mirror_model, fiducials(), mask(), only_masked=True, **STILL)
    assert result.pasted is not None
    canvas = result.pasted.scene.canvas.size
    assert 0.7 <= canvas.area / mirror_model.native_size**2 <= 1.4
    box = result.pasted.scene.placement.box
    assert box is not None
    assert canvas.width / canvas.height == pytest.approx(box.size.width / box.size.height, rel=0.1)


@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_paint_comes_to_the_canvas_with_its_picture(mirror_model: Model, redrawn: Redraw, mode: str) -> None:
    source, paint = np.zeros((HEIGHT, WIDTH, 3), np.uint8), fiducials()
    fields = {"width": 150, "height": 150, "resize_mode": mode, **STILL}
    painted = redrawn(mirror_model, source, paint=paint, **fields)[0].picture.pixels
    plain = redrawn(mirror_model, paint, **fields)[0].picture.pixels
    np.testing.assert_array_equal(painted, plain)
