"""DDIM and DDIM with CFG++, on a grid of timesteps.

`x` is scaled as in DDPM: sqrt(abar) x0 + sqrt(1 - abar) eps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step, level


class Noises(NamedTuple):
    """What the model predicts, as noise: with guidance, without the prompt, and the clean latent it implies."""

    e: Tensor
    e_uncond: Tensor
    D: Tensor


def alpha_bar(sigma: float) -> float:
    """Return the share of the signal's power at level `sigma`."""
    return 1 / (1 + sigma**2)


def predict(denoise: Denoise, x: Tensor, sigma: float, t: float) -> Noises:
    """Evaluate the model at timestep `t`, level `sigma`, on a latent scaled as in DDPM."""
    x_ve = x * math.sqrt(1 + sigma**2)
    D, U = denoise(x_ve, level(x, sigma), t=level(x, t))
    return Noises((x_ve - D) / sigma, (x_ve - U) / sigma, D)


def ddim(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: SamplerNoise,
    *,
    timesteps: Tensor,
    eta: float = 0.0,
    renoise_uncond: bool = False,
) -> Iterator[Step]:
    """Steps of Song et al. 2021, "Denoising Diffusion Implicit Models", equation 12.

    With `renoise_uncond` the noise put back is the one predicted without the prompt: Chung et al. 2024, "CFG++",
    algorithm 1.

    [Q] The lowest timestep is only a target: the result is at abar[1], not at 0, as in A1111.
    """
    s, T = sigmas.tolist(), timesteps.tolist()
    n = len(T) - 1
    for i in range(n):
        a, a_prev = alpha_bar(s[i]), alpha_bar(s[i + 1])
        e, e_uncond, D = predict(denoise, x, s[i], T[i])
        sigma_t = eta * math.sqrt((1 - a_prev) / (1 - a) * (1 - a / a_prev))
        x0 = (x - math.sqrt(1 - a) * e) / math.sqrt(a)
        direction = math.sqrt(1 - a_prev - sigma_t**2) * (e_uncond if renoise_uncond else e)
        # [Q] A draw is taken also with eta 0, as in A1111.
        x = math.sqrt(a_prev) * x0 + direction + sigma_t * noise()
        yield Step(i, n, x, s[i], D)


_TAKES = frozenset({"eta"})
DDIM = Sampler(ddim, "DDIM", family="timestep", takes=_TAKES, needs=frozenset({"timesteps"}))
DDIM_CFGPP = Sampler(
    partial(ddim, renoise_uncond=True),
    "DDIM CFG++",
    family="timestep",
    takes=_TAKES,
    needs=frozenset({"timesteps"}),
    needs_uncond=True,
    cfg_factor=1 / 12.5,
)
