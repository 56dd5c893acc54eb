"""Soft inpainting's overlay: how much of the new picture shows, found from how far the latents moved.

What hardly changed goes back to the original, whatever the mask said; what changed shows, with a soft transition. The
arithmetic is A1111's.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from redraw.geometry import Size
from redraw.image.mask import Mask
from redraw.image.resize import ResizeMode, resize_image

_Floats = NDArray[np.floating[Any]]

_REACH: Final = 2
_DEVIATION: Final = 1.5
_BLUR: Final = 4
# [Q] Keeps a mask of 0 with full influence from dividing by nothing; pictures depend on its size.
_BELOW_ONE: Final = 1.00001


def soft_overlay(
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    repaint: NDArray[np.float32],
    *,
    influence: float,
    threshold: float,
    contrast: float,
    preservation: float,
) -> Mask:
    """Return how much of the new picture shows, [h, w] uint8 at the size of the latents; 255 = new, 0 = original.

    With d the distance of the latents, evened out, and a the share of the original that the mask asks for, it is
    1 - S(1 / (1 + (d / (threshold a / (1 - a)))^contrast)), where S is the smoother step of Perlin 2002, "Improving
    Noise".

    Args:
        before: [c, h, w], the latents of the source.
        after: [c, h, w], the latents of the result.
        repaint: [h, w] in 0..1, the soft latent mask; 1 = repaint.
        influence: 0..1; how far the mask decides beside the change ("mask influence").
        threshold: 0..8; the change in latent units at which both show alike ("difference threshold"). At 0 all that
            changed shows.
        contrast: 0..8; how sudden the transition is ("difference contrast"). At 0 both show alike everywhere.
        preservation: 0..8; of the blend while sampling ("preservation strength").

    Raises:
        ValueError: shapes that do not fit.
    """
    if before.ndim != 3 or after.shape != before.shape or repaint.shape != before.shape[1:]:
        raise ValueError(f"shapes do not fit: {before.shape}, {after.shape}, mask {repaint.shape}")
    distance = np.sqrt(np.square(after.astype(np.float64) - before).sum(axis=0))
    distance = _percentile_mean(_percentile_mean(distance, 0.9, 1.0), 0.25, 0.75)
    asked = 1 - np.clip(repaint.astype(np.float64), 0, 1) ** (preservation / 2)
    a = 0.5 * (1 - influence) + asked * influence
    limit = threshold * (a / (_BELOW_ONE - a))
    # Where nothing may change unseen (a limit of 0), any change is beyond it, and no change is not.
    beyond = np.where(distance > 0, np.inf, 0.0)
    q = np.divide(distance, limit, out=beyond, where=limit > 0)
    k = 1 / (1 + q**contrast)
    original = k**3 * (k * (6 * k - 15) + 10)
    return np.asarray(255 * (1 - original)).astype(np.uint8)


def soft_overlay_image(mask: Mask, canvas: Size) -> Mask:
    """Return the overlay of `soft_overlay` on the canvas, [canvas.height, canvas.width] uint8, its edges blurred."""
    on_canvas = resize_image(Image.fromarray(mask), canvas, ResizeMode.RESIZE_AND_FILL).convert("L")
    return np.asarray(on_canvas.filter(ImageFilter.GaussianBlur(_BLUR)))


def _kernel() -> dict[tuple[int, int], float]:
    """Return the weight of each neighbor by (dy, dx): a bell that ends at distance `_REACH` + 1, 1 at its center."""

    def bell(r2: float) -> float:
        return float(np.exp(-r2 / _DEVIATION**2))

    end = bell((_REACH + 1) ** 2)
    steps = range(-_REACH, _REACH + 1)
    return {(dy, dx): max(0.0, (bell(dy**2 + dx**2) - end) / (1 - end)) for dy in steps for dx in steps}


def _percentile_mean(values: _Floats, low: float, high: float) -> _Floats:
    """Return, for each of `values` [h, w], a mean over those of its neighbors that lie between two percentiles.

    The neighbors inside the array are stacked by size, each as high as its weight in `_kernel`; what the window
    from `low` to `high` of the stack's height cuts out is averaged. The window is at least as high as the center
    weighs, moved into the stack where it sticks out.
    """
    padded = np.pad(values, _REACH)
    inside = np.pad(np.ones_like(values), _REACH)
    h, w = values.shape
    kernel = _kernel()
    corners = [(slice(_REACH + dy, _REACH + dy + h), slice(_REACH + dx, _REACH + dx + w)) for dy, dx in kernel]
    near = np.stack([padded[at] for at in corners])
    weight = np.stack([inside[at] * share for at, share in zip(corners, kernel.values(), strict=True)])
    order = np.argsort(near, axis=0, kind="stable")
    near, weight = np.take_along_axis(near, order, 0), np.take_along_axis(weight, order, 0)
    top = np.cumsum(weight, axis=0)
    total = top[-1]
    center, width = total * (low + high) / 2, np.maximum(total * (high - low), 1)
    # Only the center's weight of 1 lies in every stack, so the narrowest window fits into it.
    start = np.clip(center - width / 2, 0, total - width)
    share = np.clip(np.minimum(top, start + width) - np.maximum(top - weight, start), 0, None)
    return np.asarray((near * share).sum(axis=0) / share.sum(axis=0))
