"""What sampling starts from: the sources' latents, which of them may change, and what an inpainting UNet sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from redraw.geometry import Size
from redraw.image.mask import Mask
from redraw.image.resize import RESIZE_MODES, ResizeMode
from redraw.image.soft import soft_overlay, soft_overlay_image
from redraw.models.model import Model
from redraw.pipeline.healing import memory_for
from redraw.pipeline.scene import Scene, pad_to
from redraw.pipeline.shots import LATENT_STEP, Canvas, Shot
from redraw.request import Generation, Img2Img
from redraw.sampling.masking import keep
from redraw.sampling.noise import Noise, Seed

INPAINT_CHANNELS, EDIT_CHANNELS = 9, 8
GREY = 0.0  # what an inpainting UNet is shown instead of a picture, in the range of -1 to 1 [Q]


@dataclass(frozen=True, eq=False)
class Latents:
    """What some pictures start from, one row each.

    Attributes:
        z: `[b, c, h, w]`, the sources; None for txt2img.
        repaint: `[b, 1, h, w]` in 0..1, 1 = may change; None where everything may.
        concat: `[b, k, h, w]`, what the UNet gets beside the noisy latents; None for ordinary checkpoints.
    """

    z: Tensor | None = None
    repaint: Tensor | None = None
    concat: Tensor | None = None

    @staticmethod
    def join(rows: Sequence[Latents]) -> Latents:
        """Return the rows of several as one."""
        return Latents(*(_join([getattr(row, name) for row in rows]) for name in ("z", "repaint", "concat")))


def _join(parts: Sequence[Tensor | None]) -> Tensor | None:
    """Return the rows one after another; a part that is missing in one is missing in all."""
    given = [part for part in parts if part is not None]
    return torch.cat(given) if given else None


@torch.inference_mode()
def encode(model: Model, tensor: Tensor, request: Img2Img, canvas: Canvas, source: Size | None = None) -> Tensor:
    """Return the latents `[1, c, h, w]` of a prepared source `[1, 3, H, W]` on the model's device.

    With the resize mode latent-upscale the source comes in its own size, and its latents are stretched to the canvas,
    bilinear and without antialiasing, as A1111's mode 3 does.

    Args:
        model: whose VAE encodes.
        tensor: the picture in [-1, 1], padded to whole latents.
        request: for the resize mode.
        canvas: the sizes of the run.
        source: the picture's size before it was padded; None where nothing was.
    """
    own = source or Size(tensor.shape[-1], tensor.shape[-2])
    with memory_for(f"encoding a picture of {tensor.shape[-1]}x{tensor.shape[-2]}"):
        latents = model.encode(tensor.to(model.device))
    if RESIZE_MODES[request.resize_mode] is ResizeMode.LATENT_UPSCALE:
        latents = _stretched(latents, request, canvas, own, "bilinear")
    return latents


def _stretched(
    latents: Tensor, request: Img2Img, canvas: Canvas, own: Size, mode: Literal["bilinear", "nearest"]
) -> Tensor:
    """Return the latents of a picture of size `own` on the canvas, the picture's edges on those of the work area.

    Where sides are no whole number of latents the padding must not be stretched along, or picture and mask would lie
    apart; A1111 cuts the rest off and stretches what is left [Q], and so does the size rule floor-8.
    """
    if latents.shape[-2:] == canvas.latent[::-1] and own == canvas.work:
        return latents
    height, width = latents.shape[-2:]
    whole = (width * LATENT_STEP, height * LATENT_STEP) == own and canvas.work == canvas.padded
    if whole or request.size_rule == "floor-8":
        return torch.nn.functional.interpolate(latents, size=canvas.latent[::-1], mode=mode)
    wide, high = own.width / canvas.work.width, own.height / canvas.work.height
    x = (torch.arange(canvas.latent.width, device=latents.device) + 0.5) * wide * 2 / width - 1
    y = (torch.arange(canvas.latent.height, device=latents.device) + 0.5) * high * 2 / height - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None].to(latents)
    return torch.nn.functional.grid_sample(
        latents, grid.expand(len(latents), -1, -1, -1), mode=mode, padding_mode="border", align_corners=False
    )


@torch.inference_mode()
def scene_latents(model: Model, scene: Scene) -> Latents:
    """Return what a source gives the sampler; latent noise is added for each picture by `with_content`."""
    z = encode(model, scene.tensor, scene.request, scene.canvas, Size(*scene.image.size))
    mask = scene.repaint
    repaint = None if mask is None else torch.from_numpy(mask)[None, None].to(z)
    return Latents(z, repaint, _shown(model, scene))


@torch.inference_mode()
def blank_latents(model: Model, canvas: Canvas) -> Latents:
    """Return what txt2img starts from: nothing, and for an inpainting UNet a grey picture that is all masked."""
    if model.in_channels == model.latent_channels:
        return Latents()
    grey = torch.full((1, 3, canvas.padded.height, canvas.padded.width), GREY, device=model.device)
    if model.in_channels == EDIT_CHANNELS:
        return Latents(concat=model.encode(grey) / model.scale_factor)
    return Latents(concat=_with_mask(torch.ones_like(grey[:, :1]), model.encode(grey)))


def _shown(model: Model, scene: Scene) -> Tensor | None:
    """Return what the UNet of an inpainting or editing checkpoint is shown of the source (reference 1.7)."""
    if model.in_channels == model.latent_channels:
        return None
    tensor, own = scene.tensor.to(model.device), Size(*scene.image.size)
    if model.in_channels == EDIT_CHANNELS:
        # [Q] the posterior's mean without the scale factor, as these checkpoints were trained
        plain = model.encode(tensor) / model.scale_factor
        return _stretched(plain, scene.request, scene.canvas, own, "nearest")
    shares = [_share(mask, scene).to(tensor) for mask in (scene.mask, scene.padded_mask) if mask is not None]
    ours, on_canvas = shares or [torch.ones_like(tensor[:, :1])] * 2
    hidden = pad_to(_on(ours, own), Size(tensor.shape[-1], tensor.shape[-2])) if shares else ours
    shown = torch.lerp(tensor, tensor * (1.0 - hidden), float(scene.request.mask_weight))
    return _with_mask(on_canvas, _stretched(model.encode(shown), scene.request, scene.canvas, own, "nearest"))


def _share(mask: Mask, scene: Scene) -> Tensor:
    """Return a mask as `[1, 1, h, w]` in 0..1, of zeros and ones where masks are rounded."""
    share = mask.astype(np.float32) / 255.0
    return torch.from_numpy(np.around(share) if scene.request.mask_is_rounded else share)[None, None]


def _with_mask(mask: Tensor, latents: Tensor) -> Tensor:
    return torch.cat([_on(mask, Size(latents.shape[-1], latents.shape[-2])), latents], dim=1)


def _on(x: Tensor, size: Size) -> Tensor:
    """Return `x` at `size`, by its nearest values; unchanged if it is of that size."""
    if x.shape[-2:] == size[::-1]:
        return x
    return torch.nn.functional.interpolate(x, size=size[::-1])


def with_content(model: Model, request: Generation, shots: Sequence[Shot], latents: Latents, size: Size) -> Latents:
    """Return the latents with the masked part emptied, or full of each picture's own noise, where that was asked for.

    The noise is the seed's first draw without variation or seed resize (reference 1.7).
    """
    if not isinstance(request, Img2Img) or latents.z is None or latents.repaint is None:
        return latents
    if request.masked_content == "latent-nothing":
        return replace(latents, z=latents.z * (1.0 - latents.repaint))
    if request.masked_content != "latent-noise":
        return latents
    given = request.content_seed
    seeds = [Seed(seed=shot.content_seed if given is None else given) for shot in shots]
    shape = (model.latent_channels, size.height, size.width)
    draw = Noise.from_seeds(shape, seeds, source=request.rng, device=model.device)()
    return replace(latents, z=keep(draw.to(latents.z), latents.z, latents.repaint))


def soft_edge(scene: Scene, before: Tensor, after: Tensor) -> Mask | None:
    """Return the edge soft inpainting finds between a source's latents and the result's, `[1, c, h, w]` each.

    It is on the canvas, 255 = new; None without a mask.
    """
    request, repaint = scene.request, scene.repaint
    if repaint is None:
        return None
    small = soft_overlay(
        before[0].float().cpu().numpy(),
        after[0].float().cpu().numpy(),
        repaint,
        influence=float(request.soft_influence),
        threshold=float(request.soft_threshold),
        contrast=float(request.soft_difference_contrast),
        preservation=float(request.soft_preservation),
    )
    padded = soft_overlay_image(small, scene.canvas.padded)
    return padded[: scene.canvas.work.height, : scene.canvas.work.width]
