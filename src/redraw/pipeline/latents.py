"""What sampling starts from: the sources' latents, which of them may change, and what an inpainting UNet sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from redraw.geometry import Size
from redraw.image.mask import Mask
from redraw.image.resize import RESIZE_MODES, ResizeMode
from redraw.image.soft import soft_overlay, soft_overlay_image
from redraw.models.model import Model
from redraw.pipeline.healing import memory_for
from redraw.pipeline.scene import Scene
from redraw.pipeline.shots import Canvas, Shot
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
def encode(model: Model, tensor: Tensor, request: Img2Img, canvas: Canvas) -> Tensor:
    """Return the latents `[1, c, h, w]` of a prepared source `[1, 3, H, W]` on the model's device.

    With the resize mode latent-upscale the source comes in its own size, and its latents are stretched to the canvas,
    bilinear and without antialiasing, as A1111's mode 3 does.
    """
    with memory_for(f"encoding a picture of {tensor.shape[-1]}x{tensor.shape[-2]}"):
        latents = model.encode(tensor.to(model.device))
    if RESIZE_MODES[request.resize_mode] is ResizeMode.LATENT_UPSCALE:
        latents = torch.nn.functional.interpolate(latents, size=canvas.latent[::-1], mode="bilinear", antialias=False)
    return latents


@torch.inference_mode()
def scene_latents(model: Model, scene: Scene) -> Latents:
    """Return what a source gives the sampler; latent noise is added for each picture by `with_content`."""
    z = encode(model, scene.tensor, scene.request, scene.canvas)
    repaint = None
    if scene.repaint is not None:
        repaint = torch.from_numpy(scene.repaint)[None, None].to(z)
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
    tensor = scene.tensor.to(model.device)
    if model.in_channels == EDIT_CHANNELS:
        # [Q] the posterior's mean without the scale factor, as these checkpoints were trained
        return _on(model.encode(tensor) / model.scale_factor, scene.canvas.latent)
    mask = scene.padded_mask
    hidden = torch.ones_like(tensor[:, :1])
    if mask is not None:
        share = mask.astype(np.float32) / 255.0
        share = np.around(share) if scene.request.mask_is_rounded else share
        hidden = _on(torch.from_numpy(share)[None, None].to(tensor), Size(tensor.shape[-1], tensor.shape[-2]))
    shown = torch.lerp(tensor, tensor * (1.0 - hidden), float(scene.request.mask_weight))
    return _with_mask(hidden, _on(model.encode(shown), scene.canvas.latent))


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
