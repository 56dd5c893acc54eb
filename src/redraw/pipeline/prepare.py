"""From a request's pictures to what the networks see, and from what they give back to a picture.

The way in: open, lay transparency over the background, resize by the resize mode, scale to [-1, 1], pad to whole
latents. The way out: clamp, cut the padding off, count in the source's depth, return to its profile, give its
transparency back.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from redraw.geometry import Size
from redraw.image.flatten import flatten
from redraw.image.io import open_picture
from redraw.image.picture import Limits, Picture, Pixels
from redraw.image.profile import from_srgb, model_rgb
from redraw.image.resize import RESIZE_MODES, ResizeMode, resize_image, resize_pixels
from redraw.pipeline.shots import Canvas
from redraw.registry import UPSCALERS
from redraw.request import Img2Img


def open_sources(request: Img2Img, limits: Limits) -> list[Picture]:
    """Open every picture of the request, upright; a bad one raises `PictureError`."""
    return [open_picture(ref, limits) for ref in request.images]


def to_input(picture: Picture, request: Img2Img, canvas: Canvas) -> torch.Tensor:
    """Return the picture as the VAE's input, `[1, 3, h, w]` fp32 in [-1, 1].

    h and w are the padded canvas; with the resize mode latent-upscale they are the picture's own size.
    """
    full = request.reading == "full"
    flat = flatten(model_rgb(picture, use_profile=full, weak_alpha=full), request.background)
    mode = RESIZE_MODES[request.resize_mode]
    upscale = UPSCALERS.get(request.upscaler) if request.upscaler else None
    resized = resize_image(flat, canvas.work, mode, upscale)
    pixels = torch.from_numpy(np.array(resized, dtype=np.float32)).movedim(-1, 0)[None] / 255.0
    tensor = 2.0 * pixels - 1.0
    return tensor if mode is ResizeMode.LATENT_UPSCALE else pad_to(tensor, canvas.padded)


def pad_to(tensor: torch.Tensor, size: Size) -> torch.Tensor:
    """Return `tensor` `[b, c, h, w]` grown at the right and bottom to `size` by repeating its edges."""
    right, bottom = size.width - tensor.shape[-1], size.height - tensor.shape[-2]
    if right == 0 and bottom == 0:
        return tensor
    return torch.nn.functional.pad(tensor, (0, right, 0, bottom), mode="replicate")


def to_pixels(image: torch.Tensor, size: Size, depth: int = 8) -> Pixels:
    """Return a decoded picture `[3, h, w]` in about [-1, 1] as `[size.height, size.width, 3]` of 8 or 16 bits.

    Values are cut to the range and truncated, not rounded: A1111 counts so, and the same seed must give the same
    pixels. [Q]
    """
    unit = ((image.float() + 1.0) / 2.0).clamp(0.0, 1.0)[:, : size.height, : size.width]
    levels: NDArray[np.float32] = (unit * (2**depth - 1)).movedim(0, -1).cpu().numpy()
    return levels.astype(np.uint16) if depth == 16 else levels.astype(np.uint8)


def to_picture(pixels: Pixels, source: Picture | None, request: Img2Img | None, canvas: Canvas) -> Picture:
    """Return the result as a picture in the source's profile, with its transparency and everything it carried.

    Args:
        pixels: `[h, w, 3]` sRGB, in the source's depth.
        source: what was redrawn; None for txt2img.
        request: says how the transparency meets the canvas, and whether it is kept.
        canvas: the sizes of the run.
    """
    if source is None or request is None:
        return Picture(pixels=pixels)
    if source.has_alpha and request.keep_alpha:
        alpha = _alpha_on_canvas(source, request, canvas)
        pixels = np.concatenate([pixels, alpha], axis=-1)
    return Picture(
        pixels=from_srgb(pixels, source, use_profile=request.reading == "full"),
        name=source.name,
        icc=source.icc,
        exif=source.exif,
        xmp=source.xmp,
        dpi=source.dpi,
        text=source.text,
    )


def _alpha_on_canvas(source: Picture, request: Img2Img, canvas: Canvas) -> Pixels:
    """Return the source's alpha `[h, w, 1]`, resized as its colours were."""
    mode = RESIZE_MODES[request.resize_mode]
    if mode is ResizeMode.LATENT_UPSCALE:
        mode = ResizeMode.JUST_RESIZE
    on_work = resize_pixels(source.pixels, canvas.work, mode) if source.size != canvas.work else source.pixels
    return on_work[: canvas.size.height, : canvas.size.width, 3:]
