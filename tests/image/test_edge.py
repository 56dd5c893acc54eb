"""How much the edge of an edit shows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from redraw.image.color import color_distance
from redraw.image.edge import Edge, edge_report
from redraw.image.mask import Mask, blur

HEIGHT, WIDTH = 60, 80


def _mask() -> Mask:
    weight = np.zeros((HEIGHT, WIDTH), np.uint8)
    weight[20:40, 25:55] = 255
    return weight


def _scene() -> NDArray[np.uint8]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [120 + 40 * np.sin(x / 15 + c) * np.cos(y / 11) for c in range(3)]
    noise = np.random.default_rng(0).normal(0, 4, (HEIGHT, WIDTH, 3))
    return np.clip(np.stack(planes, -1) + noise, 0, 255).astype(np.uint8)


def _report(before: NDArray[np.uint8], after: NDArray[np.uint8], weight: Mask, ring: int = 8) -> Edge:
    found = edge_report(before, after, weight, ring)
    assert found is not None
    return found


def test_on_flat_colors_the_seam_is_the_distance_of_the_two() -> None:
    before = np.full((HEIGHT, WIDTH, 3), (100, 120, 140), np.uint8)
    after = before.copy()
    after[_mask() > 0] = (130, 110, 140)
    found = _report(before, after, _mask())
    assert found.seam == pytest.approx(float(color_distance(after[0, 0], after[30, 30])))
    assert (found.seam_before, found.ring) == (0, 8)


def test_the_seam_rises_with_a_shift_of_the_inside_and_not_without() -> None:
    before, weight, seams = _scene(), _mask(), []
    for shift in (0, 5, 10, 20, 40):
        after = before.copy()
        after[weight > 0] = np.minimum(after[weight > 0].astype(int) + shift, 255)
        seams.append(_report(before, after, weight))
    assert seams[0].seam == seams[0].seam_before
    assert all(a.seam < b.seam for a, b in pairwise(seams))
    assert seams[-1].seam > seams[-1].seam_before + 8


def test_other_texture_of_the_same_mean_color_shows_little() -> None:
    before, weight = _scene(), _mask()
    after = before.copy()
    inside = after[20:40, 25:55]
    after[20:40, 25:55] = np.clip(inside + np.random.default_rng(1).normal(0, 25, inside.shape), 0, 255)
    found = _report(before, after, weight)
    assert found.seam < found.seam_before + 2


def test_an_edge_the_picture_has_itself_is_told_apart() -> None:
    before = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    before[20:40, 25:55] = 200
    found = _report(before, before, _mask())
    assert found.seam == found.seam_before > 30


def test_the_edge_of_a_soft_or_faint_mask_is_at_half_its_height() -> None:
    before = _scene()
    after = before.copy()
    after[_mask() > 0] //= 2
    hard = _report(before, after, _mask()).seam
    assert _report(before, after, blur(_mask(), 3, 3)).seam == pytest.approx(hard, rel=0.1)
    assert _report(before, after, _mask() // 50).seam == hard


def test_only_the_surroundings_of_the_mask_count() -> None:
    before, weight = _scene(), _mask()
    far = before.copy()
    far[:8], far[:, :8], far[-8:], far[:, -8:] = 0, 0, 0, 0
    assert _report(before, far, weight).seam == _report(before, before, weight).seam


def test_the_border_of_the_picture_is_no_edge() -> None:
    weight = np.zeros((HEIGHT, WIDTH), np.uint8)
    weight[:, 40:] = 255
    before = _scene()
    after = before.copy()
    after[:, 60:] = 0
    assert _report(before, after, weight).seam == _report(before, before, weight).seam


@pytest.mark.parametrize("value", [0, 255])
def test_without_an_inside_or_an_outside_there_is_no_edge(value: int) -> None:
    assert edge_report(_scene(), _scene(), np.full((HEIGHT, WIDTH), value, np.uint8)) is None
