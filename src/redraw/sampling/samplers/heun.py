"""Heun's method: Euler, then the average of the slopes at both ends."""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step, level
from redraw.sampling.samplers.injection import churned


def heun_step(denoise: Denoise, x: Tensor, s: float, s_next: float) -> tuple[Tensor, Tensor]:
    """Take one step from level `s` to `s_next`: Karras et al. 2022, algorithm 1, lines 4-8.

    Returns:
        (the latent at `s_next`, D at the step's start); Euler's step where `s_next` is 0.
    """
    D = denoise(x, level(x, s)).value
    d = (x - D) / s
    x_next = x + d * (s_next - s)
    if s_next > 0:
        d_next = (x_next - denoise(x_next, level(x, s_next)).value) / s_next
        x_next = x + (d + d_next) / 2 * (s_next - s)
    return x_next, D


def heun(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: SamplerNoise,
    *,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """Second order steps of the probability flow ODE: Karras et al. 2022, algorithm 2."""
    s = sigmas.tolist()
    n = len(s) - 1
    for i in range(n):
        x, s_hat = churned(x, s[i], n, noise, s_churn, s_tmin, s_tmax, s_noise)
        x, D = heun_step(denoise, x, s_hat, s[i + 1])
        yield Step(i, n, x, s_hat, D)


HEUN = Sampler(heun, "Heun", second_order=True, takes=frozenset({"s_churn", "s_tmin", "s_tmax", "s_noise"}))
