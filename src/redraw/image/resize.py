"""The four resize modes of the img2img form, with A1111's arithmetic.

Pillow images of 8 bits go through Pillow's own resampling, so that the result equals A1111's bit for bit (Pillow < 13).
Arrays of 16 bits take the same geometry through 32-bit floats, channel by channel.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from redraw.geometry import Box, Size

Upscale = Callable[[Image.Image, float], Image.Image]
"""Takes an image and a factor above 1; gives the image about that much larger (exactness is not asked for)."""

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


class ResizeMode(IntEnum):
    """How a picture meets a size of another aspect; the numbers are A1111's."""

    JUST_RESIZE = 0
    CROP_AND_RESIZE = 1
    RESIZE_AND_FILL = 2
    LATENT_UPSCALE = 3


RESIZE_MODES: Final = {
    "just-resize": ResizeMode.JUST_RESIZE,
    "crop-and-resize": ResizeMode.CROP_AND_RESIZE,
    "resize-and-fill": ResizeMode.RESIZE_AND_FILL,
    "latent-upscale": ResizeMode.LATENT_UPSCALE,
}


def resize_image(
    image: Image.Image, size: Size, mode: ResizeMode = ResizeMode.JUST_RESIZE, upscale: Upscale | None = None
) -> Image.Image:
    """Return `image` at exactly `size`; mode 3 (latent upscale) returns the image itself, unchanged.

    Args:
        image: any mode; modes 1 and 2 answer in RGB, also for a grey image.
        size: the size asked for.
        mode: what to do when the aspects differ.
        upscale: the "Upscaler for img2img"; None resamples with Lanczos. Never used on grey images (masks).
    """
    if mode is ResizeMode.LATENT_UPSCALE:
        return image
    if mode is ResizeMode.JUST_RESIZE:
        return _resize_core(image, size, upscale)
    inner = inner_box(Size(*image.size), size, mode)
    resized = _resize_core(image, inner.size, upscale)
    canvas = Image.new("RGB", size)
    canvas.paste(resized, (inner.x1, inner.y1))
    if mode is ResizeMode.RESIZE_AND_FILL:
        _fill_borders(canvas, resized, inner.x1, inner.y1)
    return canvas


def resize_pixels(
    pixels: Pixels, size: Size, mode: ResizeMode = ResizeMode.JUST_RESIZE, upscale: Upscale | None = None
) -> Pixels:
    """Return `pixels` ([h, w, 3|4], uint8 or uint16) at `size`, of the same depth and with the same channels.

    8-bit arrays are what `resize_image` gives (an alpha channel is resized beside the colours as a grey image would
    be). 16-bit arrays have the same geometry, computed in floats; `upscale` does not apply to them.
    """
    if mode is ResizeMode.LATENT_UPSCALE:
        return pixels
    if pixels.dtype == np.uint8:
        return _resize_bytes(pixels.astype(np.uint8, copy=False), size, mode, upscale)
    planes = [_resize_plane(pixels[..., c].astype(np.float32), size, mode) for c in range(pixels.shape[2])]
    return np.clip(np.rint(np.stack(planes, axis=-1)), 0, 65535).astype(np.uint16)


def inner_box(source: Size, target: Size, mode: ResizeMode) -> Box:
    """Return where a picture of size `source` lies on a target after a resize with `mode`, in target pixels.

    Crop and resize gives a box that reaches beyond the target, resize and fill one inside it, the other two modes the
    whole target.
    """
    if mode in (ResizeMode.JUST_RESIZE, ResizeMode.LATENT_UPSCALE):
        return Box(0, 0, *target)
    width, height = _inner_size(source, target, cover=mode is ResizeMode.CROP_AND_RESIZE)
    # Two floor divisions, not one of the difference: with odd sizes they place the picture one pixel apart [Q].
    x, y = target.width // 2 - width // 2, target.height // 2 - height // 2
    return Box(x, y, x + width, y + height)


def upscale_lanczos(image: Image.Image, scale: float) -> Image.Image:
    """Enlarge by Lanczos resampling to `upscaler_target`."""
    return _upscale(image, scale, Image.Resampling.LANCZOS)


def upscale_nearest(image: Image.Image, scale: float) -> Image.Image:
    """Enlarge by repeating pixels, to `upscaler_target`."""
    return _upscale(image, scale, Image.Resampling.NEAREST)


def upscaler_target(size: Size, scale: float) -> Size:
    """Return what an upscaler gives for `size`: times `scale`, rounded down to multiples of 8 [Q], at least 8.

    A1111 lets every upscaler end there, and the resize that follows starts from those pixels.
    """
    return Size(max(8, int(size.width * scale // 8 * 8)), max(8, int(size.height * scale // 8 * 8)))


def _inner_size(source: Size, target: Size, *, cover: bool) -> Size:
    """Return the size the picture itself takes: covering the target, or inside it."""
    aspect, own = target.width / target.height, source.width / source.height
    full_width = aspect > own if cover else aspect < own
    # Aspects that are equal keep both target sides: each side is scaled only where the other one is exact.
    full_height = aspect <= own if cover else aspect >= own
    width = target.width if full_width else source.width * target.height // source.height
    height = target.height if full_height else source.height * target.width // source.width
    return Size(max(1, width), max(1, height))


def _resize_core(image: Image.Image, size: Size, upscale: Upscale | None) -> Image.Image:
    if upscale is not None and image.mode != "L":
        scale = max(size.width / image.width, size.height / image.height)
        if scale > 1:
            image = upscale(image, scale)
        if image.size == size:
            return image
    return image.resize(size, Image.Resampling.LANCZOS)


def _upscale(image: Image.Image, scale: float, resampling: Image.Resampling) -> Image.Image:
    """Scale by the factor, then by Lanczos to the target: two resamplings where the target is smaller [Q]."""
    target = upscaler_target(Size(*image.size), scale)
    enlarged = image.resize((int(image.width * scale), int(image.height * scale)), resampling)
    return enlarged if enlarged.size == target else enlarged.resize(target, Image.Resampling.LANCZOS)


def _fill_borders(canvas: Image.Image, resized: Image.Image, x: int, y: int) -> None:
    """Fill what `resized`, pasted at (x, y), leaves free of `canvas`, from the picture's edges.

    The strips are resized out of boxes without height (or width). Pillow's bicubic then gives `1.125 edge - 0.125
    next` instead of the edge [Q]: masks and repainted borders depend on it, so it is kept.
    """
    (width, height), (w, h) = canvas.size, resized.size
    if w == width and y > 0:
        canvas.paste(resized.resize((width, y), box=(0, 0, width, 0)), (0, 0))
        canvas.paste(resized.resize((width, y), box=(0, h, width, h)), (0, y + h))
    elif h == height and x > 0:
        canvas.paste(resized.resize((x, height), box=(0, 0, 0, height)), (0, 0))
        canvas.paste(resized.resize((x, height), box=(w, 0, w, height)), (x + w, 0))


def _resize_bytes(pixels: NDArray[np.uint8], size: Size, mode: ResizeMode, upscale: Upscale | None) -> Pixels:
    colour = np.asarray(resize_image(Image.fromarray(pixels[..., :3]), size, mode, upscale))
    if pixels.shape[2] == 3:
        return colour
    alpha = np.asarray(resize_image(Image.fromarray(pixels[..., 3]), size, mode).convert("L"))
    return np.dstack([colour, alpha])


def _resize_plane(plane: NDArray[np.float32], size: Size, mode: ResizeMode) -> NDArray[np.float32]:
    """Resize one channel as `resize_image` would, in floats."""
    image = Image.fromarray(plane)
    if mode is ResizeMode.JUST_RESIZE:
        return np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    inner = inner_box(Size(*image.size), size, mode)
    resized = image.resize(inner.size, Image.Resampling.LANCZOS)
    canvas = Image.new("F", size)
    canvas.paste(resized, (inner.x1, inner.y1))
    if mode is ResizeMode.RESIZE_AND_FILL:
        _fill_borders(canvas, resized, inner.x1, inner.y1)
    return np.asarray(canvas)
