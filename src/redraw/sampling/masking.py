"""Repaint only where a mask says so: the source's latents are blended in at every evaluation of the model.

The idea of Avrahami et al. 2022, "Blended Latent Diffusion", with clean latents, in the two forms of A1111: on what the
model answers (the sigma family), or on what it is asked (the timestep family).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from redraw.sampling.denoiser import Denoised, Denoiser, image_row
from redraw.sampling.sampler import Sampler

Blend = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""`(value [b, c, h, w], kept [b|1, c, h, w], repaint [b|1, 1|c, h, w] in 0..1, level []) -> [b, c, h, w]`.

`level` is the sigma of image 0. [Q] In the input form it is the timestep instead, 0..999, as in A1111.
"""

Form = Literal["output", "input"]


def hard_blend(value: Tensor, kept: Tensor, repaint: Tensor, level: Tensor) -> Tensor:
    """Return the weighted mean of `value` where repainted and `kept` elsewhere; see `Blend`. `level` is not used."""
    return keep(value, kept, repaint)


@dataclass(frozen=True)
class SoftBlend:
    """A blend for soft masks that lets go of the source little by little as the noise falls (soft inpainting).

    The share of the new value is t = repaint^(level^bias * preservation). Its direction over the channels is that of
    the weighted mean v, its length M = ((1 - t) |kept|^p + t |value|^p)^(1 / p), so that mixing does not wash out.

    Attributes:
        bias: 0..8; above 1 the source is held on to early and let go of late ("schedule bias").
        preservation: 0..8; how much the source is kept, 0 not at all ("preservation strength").
        contrast: 1..32; the p above; large values keep the longer of both ("transition contrast boost").
    """

    bias: float = 1.0
    preservation: float = 0.5
    contrast: float = 4.0

    def __call__(self, value: Tensor, kept: Tensor, repaint: Tensor, level: Tensor) -> Tensor:
        """Return the blend; see `Blend`."""
        t: Tensor = repaint ** (level**self.bias * self.preservation)
        v = kept * (1 - t) + value * t
        # The powers overflow in fp32 and not every device has fp64, so they are added as logarithms.
        p = self.contrast
        log_kept, log_value = (torch.linalg.vector_norm(x, dim=1, keepdim=True).log() for x in (kept, value))
        M: Tensor = (torch.logaddexp(p * log_kept + (1 - t).log(), p * log_value + t.log()) / p).exp()
        length: Tensor = torch.linalg.vector_norm(v, dim=1, keepdim=True)
        return v * M / (length + 1e-5)


@dataclass(frozen=True)
class Masked:
    """A denoiser that repaints only a part; it goes around guidance and is itself a denoiser.

    The output form answers `blend(D, kept, repaint, sigma)`.

    [Q] The input form blends the clean `kept`, without noise, into the latent scaled as in DDPM before the model sees
    it, as A1111 does for DDIM, PLMS and UniPC. These samplers take the noise (x - D) / sigma from their own x, so D is
    answered shifted by x minus the blended x: the noise they find is then the model's for the blended latent.

    Attributes:
        denoiser: the guided model.
        kept: [b, c, h, w], or [1, c, h, w] for all images: the clean latents of the source.
        repaint: [b|1, 1|c, h, w] in 0..1; 1 is repainted, 0 is kept.
        blend: how both are mixed; see `Blend`.
        form: what is blended; `form_for` names the one a sampler takes.
    """

    denoiser: Denoiser
    kept: Tensor
    repaint: Tensor
    blend: Blend = hard_blend
    form: Form = "output"

    def __call__(self, x: Tensor, sigma: Tensor, *, t: Tensor | None = None) -> Denoised:
        """Denoise `x` [b, c, h, w] at levels `sigma` [b]; the input form needs the timesteps `t` [b].

        Raises:
            ValueError: the input form without `t`.
        """
        if self.form == "output":
            D, U = self.denoiser(x, sigma, t=t)
            # Only CFG++ reads U, and it takes the other form.
            return Denoised(self.blend(D, self.kept, self.repaint, sigma[0]), U)
        if t is None:
            raise ValueError("the input form of masking needs the timestep")
        scale = (sigma.view(-1, 1, 1, 1) ** 2 + 1) ** 0.5
        x_in = self.blend(x / scale, self.kept, self.repaint, t[0]) * scale
        D, U = self.denoiser(x_in, sigma, t=t)
        return Denoised(D + (x - x_in), U + (x - x_in))

    def image(self, i: int) -> Masked:
        """Return a fresh denoiser for image `i` alone."""
        return replace(
            self,
            denoiser=self.denoiser.image(i),
            kept=image_row(self.kept, i),
            repaint=image_row(self.repaint, i),
        )


def form_for(sampler: Sampler) -> Form:
    """Return which form of `Masked` gives A1111's pictures with `sampler`."""
    return "input" if sampler.family == "timestep" else "output"


def keep(x: Tensor, kept: Tensor, repaint: Tensor) -> Tensor:
    """Return the result `x` [b, c, h, w] of the last step with `kept` put back where nothing is repainted.

    Args:
        x: the result.
        kept: [b|1, c, h, w], the clean latents of the source.
        repaint: [b|1, 1|c, h, w] in 0..1. Soft inpainting leaves this blend out.
    """
    return x * repaint + kept * (1 - repaint)
