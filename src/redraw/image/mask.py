"""Masks: what they are read from, and A1111's arithmetic on them.

A mask is a grey picture, [h, w] uint8: 255 = repaint, 0 = keep, between = how much of the new picture shows.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from redraw.errors import RequestError
from redraw.geometry import Box, Size
from redraw.image.picture import Picture

Mask: TypeAlias = NDArray[np.uint8]

_TOLERANCE = 0.02


def read_mask(picture: Picture, *, round_alpha: bool = True) -> Mask:
    """Return a mask file as a mask: its alpha if it has one that says something, else its brightness.

    Alpha counts as opaque = repaint and is rounded to 0 or 255 (at 128); brightness (ITU-R 601) keeps its grey levels.
    Numbers are taken as they are: a color profile means nothing in a mask. 16 bits are cut to 8.

    Args:
        picture: the opened file, upright.
        round_alpha: whether alpha becomes 0 or 255; soft inpainting wants it as it is.
    """
    pixels = _bytes(picture.pixels)
    if uses_alpha(picture):
        alpha = pixels[..., 3]
        return np.where(alpha > 128, 255, 0).astype(np.uint8) if round_alpha else alpha
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels[..., :3])).convert("L"))


def uses_alpha(picture: Picture) -> bool:
    """Whether `read_mask` takes the alpha of `picture`: it has one of its own, and not all of it is opaque.

    Alpha of a grey picture, or of one transparent color, does not count, as in A1111 [Q].
    """
    return picture.has_alpha and not picture.weak_alpha and bool((_bytes(picture.pixels[..., 3]) < 255).any())


def own_alpha(picture: Picture) -> Mask:
    """Return the mask that repaints where `picture` itself is transparent: 255 - alpha, in 8 bits.

    Raises:
        RequestError: the picture has no alpha channel.
    """
    if not picture.has_alpha:
        raise RequestError("mask", "alpha", f"{picture.name} has no transparency; give a mask file")
    return invert(_bytes(picture.pixels[..., 3]))


def hidden_color(picture: Picture, mask: Mask) -> bool:
    """Whether an editor wiped what lay under the transparent part: all fully transparent pixels share one color.

    Then there is no original content to start from there. Only pixels that `mask` ([h, w]) repaints count; without
    any that are fully transparent the answer is no.
    """
    if not picture.has_alpha:
        return False
    hidden = picture.pixels[..., :3][(picture.pixels[..., 3] == 0) & (mask > 0)]
    return len(hidden) > 0 and bool((hidden == hidden[0]).all())


def invert(mask: Mask) -> Mask:
    """Return the mask that keeps what `mask` repaints."""
    return ~mask


def blur(mask: Mask, x: float, y: float) -> Mask:
    """Return `mask` blurred by Gaussians with standard deviations of `x` and `y` pixels; 0 leaves an axis alone.

    The kernel reaches 2.5 deviations, and the mask is rounded to 8 bits between the axes, as in A1111.
    """
    import cv2  # slow to import

    for sigma, wide in ((x, True), (y, False)):
        if sigma > 0:
            reach = 2 * int(2.5 * sigma + 0.5) + 1
            mask = cv2.GaussianBlur(mask, (reach, 1) if wide else (1, reach), sigma)
    return mask


def doubled(mask: Mask) -> Mask:
    """Return `mask` times 2, at most 255: the weight with which A1111 pastes a whole picture's original back [Q]."""
    return np.minimum(mask.astype(np.uint16) * 2, 255).astype(np.uint8)


def bounding_box(mask: Mask) -> Box | None:
    """Return the smallest box around everything above 0; None for a mask that repaints nothing."""
    import cv2  # slow to import

    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask))
    return Box(x, y, x + width, y + height) if width else None


def latent_mask(mask: Mask, size: Size, *, rounded: bool = True) -> NDArray[np.float32]:
    """Return `mask` at the size of the latents, [h, w] float32 in 0..1, 1 = repaint.

    Args:
        mask: at the size of the canvas.
        size: of the latents.
        rounded: whether every latent pixel is kept or repainted as a whole (from one half upwards, half to even).
    """
    reduced = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BICUBIC), np.float32) / np.float32(255)
    return np.around(reduced) if rounded else reduced


def fit_mask(mask: Mask, size: Size) -> Mask:
    """Return `mask` at the size of the picture it belongs to, scaled bilinearly if its aspect agrees.

    The aspect agrees when the larger of the two, scaled so that one side fits, meets the other side of the smaller one
    within a pixel or 2 percent. Bilinear, because Lanczos rings: it would repaint a little far outside of the mask.

    Raises:
        RequestError: the aspects differ.
    """
    own = Size(mask.shape[1], mask.shape[0])
    if own == size:
        return mask
    require_aspect("mask", own, size)
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BILINEAR))


def require_aspect(field: str, own: Size, size: Size) -> None:
    """Raise `RequestError` for `field` unless a picture of size `own` can be scaled to `size` as `fit_mask` does."""
    small, large = sorted((own, size), key=lambda s: s.area)
    off_x = abs(large.width * small.height / large.height - small.width)
    off_y = abs(large.height * small.width / large.width - small.height)
    if off_x > max(1, _TOLERANCE * small.width) and off_y > max(1, _TOLERANCE * small.height):
        raise RequestError(field, str(own), f"the picture is {size}: give one of that size, or of that aspect")


def _bytes(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Return samples of 8 or 16 bits as 8 bits: the upper ones."""
    return (samples >> 8).astype(np.uint8) if samples.dtype == np.uint16 else samples.astype(np.uint8, copy=False)
