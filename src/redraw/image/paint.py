"""Sketch and inpaint sketch: paint over a picture, and the mask it makes."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from redraw.errors import RequestError
from redraw.geometry import Size
from redraw.image.mask import Mask, require_aspect
from redraw.image.picture import Picture


def lay_paint(image: Image.Image, paint: Picture) -> Image.Image:
    """Return `image` (RGB or RGBA) with `paint` on it, in the mode of `image`.

    Paint with transparency is a layer over the image. Opaque paint is the finished drawing: it takes the image's
    place, and in an RGBA image what was painted is opaque, and the rest as transparent as before.

    Raises:
        RequestError: the paint has another aspect than the image. Of another size alone, it is scaled.
    """
    drawn = _fitted(_image(paint), image)
    if drawn.mode == "RGBA":
        canvas = image.convert("RGBA")
        canvas.alpha_composite(drawn)
        return canvas.convert(image.mode)
    if image.mode == "RGBA":
        alpha = np.asarray(image)[..., 3]
        drawn.putalpha(Image.fromarray(np.maximum(alpha, _differing(image, drawn))))
    return drawn.convert(image.mode)


def paint_mask(image: Image.Image, paint: Picture, transparency: float = 0) -> Mask:
    """Return the mask of what was painted, [h, w] of the image's size.

    Painted is where a layer is not fully transparent, or where an opaque drawing differs from `image` in any channel.

    Args:
        image: RGB or RGBA, as it was before painting.
        paint: a layer with transparency, or the finished drawing.
        transparency: 0..100; how much of the old picture shows through (A1111's mask transparency).

    Raises:
        RequestError: the paint has another aspect than the image, or it is opaque and has another size: scaling would
            make it differ everywhere.
    """
    drawn = _image(paint)
    if drawn.mode == "RGBA":
        alpha = np.asarray(_fitted(drawn, image))[..., 3]
        mask = np.where(alpha > 0, 255, 0).astype(np.uint8)
    elif drawn.size != image.size:
        sizes = (
            f"the picture is {Size(*image.size)}: an opaque drawing must have that size, a transparent layer need not"
        )
        raise RequestError("paint", str(paint.size), sizes)
    else:
        mask = _differing(image, drawn)
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(mask)).enhance(1 - transparency / 100))


def sketch_base(image: Image.Image, painted: Image.Image, mask: Mask, blur: float) -> Image.Image:
    """Return what inpaint sketch starts from: the painted picture, blurred, over `image` by the mask, blurred.

    Args:
        image: as it was before painting.
        painted: of `lay_paint`, of the same size and mode.
        mask: of `paint_mask`, [h, w]; it is not blurred yet.
        blur: the mask blur, in pixels of the image; Pillow's Gaussian of that radius blurs paint and mask.
    """
    soft = ImageFilter.GaussianBlur(blur)
    return Image.composite(painted.filter(soft), image, Image.fromarray(mask).filter(soft))


def _image(paint: Picture) -> Image.Image:
    """Return `paint` in 8 bits: RGBA if any of it is transparent, else RGB."""
    pixels = (paint.pixels >> 8).astype(np.uint8) if paint.depth == 16 else paint.pixels
    layer = paint.has_alpha and bool((pixels[..., 3] < 255).any())
    return Image.fromarray(pixels if layer else np.ascontiguousarray(pixels[..., :3]))


def _fitted(drawn: Image.Image, image: Image.Image) -> Image.Image:
    if drawn.size == image.size:
        return drawn
    require_aspect("paint", Size(*drawn.size), Size(*image.size))
    return drawn.resize(image.size, Image.Resampling.BILINEAR)


def _differing(image: Image.Image, drawn: Image.Image) -> Mask:
    """Return 255 where red, green or blue differ, [h, w]."""
    differs = (np.asarray(image)[..., :3] != np.asarray(drawn)[..., :3]).any(-1)
    return np.where(differs, 255, 0).astype(np.uint8)
