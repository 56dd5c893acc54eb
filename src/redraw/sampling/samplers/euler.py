"""Euler's method, with churn or ancestral noise."""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step, level
from redraw.sampling.samplers.injection import ancestral, churned


def euler(
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
    """Euler steps of the probability flow ODE: Karras et al. 2022, algorithm 2 without lines 9-11."""
    s = sigmas.tolist()
    n = len(s) - 1
    for i in range(n):
        x, s_hat = churned(x, s[i], n, noise, s_churn, s_tmin, s_tmax, s_noise)
        D = denoise(x, level(x, s_hat)).value
        d = (x - D) / s_hat
        x = x + d * (s[i + 1] - s_hat)
        yield Step(i, n, x, s_hat, D)


def euler_ancestral(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: SamplerNoise, *, eta: float = 1.0
) -> Iterator[Step]:
    """Euler steps below the next level, and noise back up to it: Song et al. 2021 (score SDE), appendix F."""
    s = sigmas.tolist()
    n = len(s) - 1
    for i in range(n):
        D = denoise(x, level(x, s[i])).value
        down, up = ancestral(s[i], s[i + 1], eta)
        d = (x - D) / s[i]
        x = x + d * (down - s[i])
        if s[i + 1] > 0:
            x = x + noise() * up
        yield Step(i, n, x, s[i], D)


EULER = Sampler(euler, "Euler", takes=frozenset({"s_churn", "s_tmin", "s_tmax", "s_noise"}))
EULER_A = Sampler(euler_ancestral, "Euler a", uses_ensd=True, takes=frozenset({"eta"}))
