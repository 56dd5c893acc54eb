"""Colors of a result made to agree with its source: A1111's correction, and a local one fitted around the mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from redraw.geometry import Size
from redraw.image.mask import Mask, bounding_box
from redraw.image.picture import Pixels

Triple: TypeAlias = tuple[float, float, float]
Floats: TypeAlias = NDArray[np.float32]

_SIDE: Final = 256  # the fit works on at most this many cells along a side
_FEWEST: Final = 64  # unmasked pixels a fit needs
_GAIN_RIDGE: Final = 16.0  # levels squared: where colors vary less than this, they say nothing about the gain
_SLOPE_RIDGE: Final = 1e-3
_GAIN_RANGE: Final = (0.7, 1.4)
_OUTLIER: Final = 6.0  # levels a cell may be off, whatever the spread of the others


@dataclass(frozen=True)
class ColorMatch:
    """What `match_color` found and did.

    Attributes:
        gain: red, green and blue were multiplied by this.
        offset: mean of what the correction added inside the mask, gain included, in levels of 8 bits.
        before, after: mean dE2000 between model and source on unmasked pixels near the edge, without and with the
            correction; None where nothing could be fitted.
    """

    gain: Triple = (1.0, 1.0, 1.0)
    offset: Triple = (0.0, 0.0, 0.0)
    before: float | None = None
    after: float | None = None


def color_distance(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    """Return the CIEDE2000 color differences of sRGB colors, [..., 3] in 0..255, as [...]."""
    from skimage.color import deltaE_ciede2000, rgb2lab  # slow to import

    a, b = (rgb2lab(np.asarray(x, np.float64) / 255) for x in (one, other))
    distance: NDArray[np.float64] = deltaE_ciede2000(a, b)
    return distance


def correct_color(image: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return `image` with the colors of `target`, as A1111's color correction does; both [h, w, 3] sRGB of any size.

    The histograms of OpenCV's 8-bit Lab are matched; then every pixel gets its old luma back, and what leaves the
    gamut is pulled in towards that luma.
    """
    import cv2  # slow to import
    from skimage.exposure import match_histograms

    lab, wanted = (cv2.cvtColor(np.ascontiguousarray(x), cv2.COLOR_RGB2LAB) for x in (image, target))
    matched = match_histograms(lab, wanted, channel_axis=2).astype(np.uint8)
    return _with_luma_of(cv2.cvtColor(matched, cv2.COLOR_LAB2RGB), image)


def _with_luma_of(color: NDArray[np.uint8], light: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the colors of one picture with the luma of another, cut (not rounded) to levels [Q]."""
    c, own = color / 255, light / 255
    c = c + (_luma(own) - _luma(c))
    luma, low, high = _luma(c), c.min(-1, keepdims=True), c.max(-1, keepdims=True)
    c = np.where(low < 0, luma + (c - luma) * luma / np.where(low < 0, luma - low, 1), c)
    c = np.where(high > 1, luma + (c - luma) * (1 - luma) / np.where(high > 1, high - luma, 1), c)
    return (c * 255).astype(np.uint8)


def _luma(c: NDArray[np.float64]) -> NDArray[np.float64]:
    # Term by term: a dot product rounds otherwise, and the cut to levels shows it.
    luma: NDArray[np.float64] = 0.299 * c[..., 0] + 0.587 * c[..., 1] + 0.114 * c[..., 2]
    return luma[..., None]


def match_color(new: Pixels, source: Pixels, weight: Mask) -> tuple[Pixels, ColorMatch]:
    """Return `new` with the model's color error taken out, as far as the pixels around the mask tell it.

    Where the weight is 0 both pictures show the same thing, so what they differ by is the model's error. It is
    fitted there as a gain for each channel and a plane over the place (ridge regression, which tends to "no error"
    where colors are flat; outliers are left out), and what remains as a smooth field by normalized convolution
    (Knutsson and Westin 1993), which fades out far from any unmasked pixel. Where the model was right, nothing changes.

    Args:
        new: what the model gave for the whole canvas, [h, w, 3|4], uint8 or uint16.
        source: the true pixels there, of the same shape and depth.
        weight: [h, w]; above 0 = repainted.

    Returns:
        The corrected pixels (alpha as it is, changed only in the box around the weight), and what was done. With
        fewer than 64 unmasked pixels near the mask, or if the correction does not help there, `new` itself.
    """
    box = bounding_box(weight)
    if box is None:
        return new, ColorMatch()
    near = box.padded(max(32, max(box.size) // 2), Size(weight.shape[1], weight.shape[0]))
    around = np.s_[near.y1 : near.y2, near.x1 : near.x2]
    known = weight[around] == 0
    if np.count_nonzero(known) < _FEWEST:
        return new, ColorMatch()
    level = np.float32(np.iinfo(new.dtype).max / 255)
    ours, truth, share = _cells(new[around][..., :3], source[around][..., :3], known, level)
    gain, field = _fit(ours, truth, share)
    before, after = _residuals(ours, truth, ours * gain + field, share)
    if after >= before:
        return new, ColorMatch(before=before, after=before)
    inside = np.s_[box.y1 - near.y1 : box.y2 - near.y1, box.x1 - near.x1 : box.x2 - near.x1]
    part = np.s_[box.y1 : box.y2, box.x1 : box.x2]
    taken = new[part][..., :3].astype(np.float32)
    added = taken * (gain - 1) + _enlarged(field, near.size)[inside] * level
    result = new.copy()
    result[part][..., :3] = np.clip(np.rint(taken + added), 0, np.iinfo(new.dtype).max).astype(new.dtype)
    mean = added[weight[part] > 0].mean(0, dtype=np.float64) / level
    return result, ColorMatch(_triple(gain), _triple(mean), before, after)


def _cells(
    new: Pixels, source: Pixels, known: NDArray[np.bool_], level: np.float32
) -> tuple[Floats, Floats, NDArray[np.float32]]:
    """Return both pictures in levels of 8 bits as means over the known pixels of each cell, and each cell's share of
    known pixels, [h, w]; a cell without any is 0.
    """
    import cv2  # slow to import

    height, width = known.shape
    factor = min(1.0, _SIDE / max(width, height))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    shares = known.astype(np.float32)
    share: Floats = cv2.resize(shares, size, interpolation=cv2.INTER_AREA)
    sums = (cv2.resize(p * shares[..., None], size, interpolation=cv2.INTER_AREA) for p in (new, source))
    ours, truth = (s / np.maximum(share * level, np.float32(1e-6))[..., None] for s in sums)
    return ours, truth, share


def _fit(ours: Floats, truth: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Return the gain of each channel, [3], and the offset of each cell, [h, w, 3], that turn `ours` into `truth`."""
    import cv2  # slow to import

    height, width = share.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    error = (truth - ours).astype(np.float64)
    gain, rest = np.ones(3), np.zeros_like(error)
    field, trust = np.zeros_like(error), share.astype(np.float64)
    for _ in range(3):
        for c in range(3):
            gain[c], field[..., c] = _fit_channel(ours[..., c], error[..., c], x, y, trust)
        rest = error - ours * (gain - 1) - field
        off = np.abs(rest).max(-1)
        spread = 1.4826 * float(np.median(off[share > 0]))
        trust = np.where(off <= max(_OUTLIER, 3 * spread), share, 0.0)
    sigma = max(width, height) / 12
    support = cv2.GaussianBlur(trust, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    smooth = cv2.GaussianBlur(rest * trust[..., None], (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    field += smooth / (support + 0.02)[..., None]
    return gain.astype(np.float32), field.astype(np.float32)


def _fit_channel(
    ours: Floats, error: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64], trust: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Fit `error = a (ours - mean) + b + c x + d y` by ridge regression and return 1 + a and the offset of each cell.

    The plane is held within the values it has on trusted cells: inside a mask at the picture's edge it is not
    carried on beyond what was seen.
    """
    total = trust.sum()
    columns = np.stack([ours, x, y])
    means = (columns * trust).sum((1, 2)) / total
    centered = columns - means[:, None, None]
    shift = float((error * trust).sum() / total)
    moments = np.einsum("ihw,jhw,hw->ij", centered, centered, trust) / total
    target = np.einsum("ihw,hw->i", centered, (error - shift) * trust) / total
    a, c, d = np.linalg.solve(moments + np.diag([_GAIN_RIDGE, _SLOPE_RIDGE, _SLOPE_RIDGE]), target)
    a = float(np.clip(a, _GAIN_RANGE[0] - 1, _GAIN_RANGE[1] - 1))
    plane = shift + c * centered[1] + d * centered[2]
    seen = plane[trust > 0]
    return 1 + a, np.clip(plane, seen.min(), seen.max()) - a * means[0]


def _residuals(ours: Floats, truth: Floats, matched: Floats, share: Floats) -> tuple[float, float]:
    """Return the mean dE2000 on known cells near the mask before and after the match."""
    import cv2  # slow to import

    away = cv2.distanceTransform((share > 0.5).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ring = (away > 0) & (away <= 8)
    if not ring.any():
        ring = share > 0
    before, after = (float(color_distance(np.clip(p[ring], 0, 255), truth[ring]).mean()) for p in (ours, matched))
    return before, after


def _enlarged(field: Floats, size: Size) -> Floats:
    import cv2  # slow to import

    enlarged: Floats = cv2.resize(field, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
    return enlarged


def _triple(values: NDArray[Any]) -> Triple:
    red, green, blue = (float(v) for v in values)
    return red, green, blue
