"""How much the edge of an edit shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from redraw.geometry import Box, Size
from redraw.image.color import color_distance
from redraw.image.mask import Mask, bounding_box

_SAMPLES: Final = 2000  # places along the edge that are looked at, spread evenly


@dataclass(frozen=True)
class Edge:
    """The color step across the edge of a mask, in CIEDE2000 (about 1 is just visible, 100 is black to white).

    Attributes:
        seam: mean step of the result; near `seam_before` where the edit does not show.
        seam_before: mean step of the source at the same places: what the picture itself has there.
        ring: how many pixels on each side were taken together.
    """

    seam: float
    seam_before: float
    ring: int


def edge_report(before: NDArray[np.uint8], after: NDArray[np.uint8], weight: Mask, ring: int = 8) -> Edge | None:
    """Return how far the colors on both sides of the mask's edge lie apart, before and after the edit.

    The edge is where the weight passes half of its maximum. At places along it the mean color of the inside within
    `ring` pixels (a square around the place) is compared with the mean color of the outside. Only the box around the
    weight is looked at.

    Args:
        before, after: [h, w, 3] sRGB, the whole picture.
        weight: [h, w], how much of the edit shows.
        ring: in pixels, at least 1.

    Returns:
        The report; None where there is no inside or no outside.
    """
    box = bounding_box(weight)
    if box is None:
        return None
    near = box.padded(ring + 1, Size(weight.shape[1], weight.shape[0]))
    inside = _part(weight, near) > weight[box.y1 : box.y2, box.x1 : box.x2].max() // 2
    ys, xs = _edge_places(inside)
    if not len(ys):
        return None
    reach = np.arange(-ring, ring + 1)
    y, x = (ys[:, None] + reach)[:, :, None], (xs[:, None] + reach)[:, None, :]
    valid = (y >= 0) & (y < inside.shape[0]) & (x >= 0) & (x < inside.shape[1])
    y, x = np.clip(y, 0, inside.shape[0] - 1), np.clip(x, 0, inside.shape[1] - 1)
    within = inside[y, x]
    sides = (valid & within, valid & ~within)
    seam, seam_before = (_step(_part(picture, near)[y, x], sides) for picture in (after, before))
    return Edge(seam, seam_before, ring)


def _part(array: NDArray[Any], box: Box) -> NDArray[Any]:
    return array[box.y1 : box.y2, box.x1 : box.x2]


def _edge_places(inside: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of inside pixels that touch the outside, at most about 2000 of them."""
    import cv2  # slow to import

    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    # What lies beyond the picture counts as inside: the picture's own border is no edge of the edit.
    core = cv2.erode(inside.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    ys, xs = np.nonzero(inside & (core == 0))
    places = np.linspace(0, len(ys) - 1, min(len(ys), _SAMPLES)).astype(np.intp)
    return ys[places], xs[places]


def _step(patches: NDArray[np.uint8], sides: tuple[NDArray[np.bool_], ...]) -> float:
    """Return the mean color difference between both sides of patches, [n, h, w, 3]."""
    means = [np.einsum("nhwc,nhw->nc", patches, side, dtype=np.float64) / side.sum((1, 2))[:, None] for side in sides]
    return float(color_distance(means[0], means[1]).mean())
