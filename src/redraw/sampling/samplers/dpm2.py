"""The midpoint method in log sigma, k-diffusion's "DPM2"."""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step, level
from redraw.sampling.samplers.injection import ancestral, churned


def _midpoint_step(denoise: Denoise, x: Tensor, s: float, s_next: float) -> tuple[Tensor, Tensor]:
    """Step from `s` to `s_next` with the slope at their geometric mean: DPM-Solver-2, Lu et al. 2022, algorithm 4.

    Returns:
        (the latent at `s_next`, D at the step's start); Euler's step where `s_next` is 0.
    """
    D = denoise(x, level(x, s)).value
    d = (x - D) / s
    if s_next == 0:
        return x + d * (s_next - s), D
    s_mid = math.sqrt(s * s_next)
    x_mid = x + d * (s_mid - s)
    d_mid = (x_mid - denoise(x_mid, level(x, s_mid)).value) / s_mid
    return x + d_mid * (s_next - s), D


def dpm2(
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
    """Midpoint steps in log sigma with the churn of Karras et al. 2022, algorithm 2."""
    s = sigmas.tolist()
    n = len(s) - 1
    for i in range(n):
        x, s_hat = churned(x, s[i], n, noise, s_churn, s_tmin, s_tmax, s_noise)
        x, D = _midpoint_step(denoise, x, s_hat, s[i + 1])
        yield Step(i, n, x, s_hat, D)


def dpm2_ancestral(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: SamplerNoise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Step]:
    """Midpoint steps below the next level, and noise back up to it."""
    s = sigmas.tolist()
    n = len(s) - 1
    for i in range(n):
        down, up = ancestral(s[i], s[i + 1], eta)
        x, D = _midpoint_step(denoise, x, s[i], down)
        if down > 0:
            x = x + noise() * (s_noise * up)
        yield Step(i, n, x, s[i], D)


DPM2 = Sampler(
    dpm2,
    "DPM2",
    default_scheduler="karras",
    second_order=True,
    discard_penultimate=True,
    takes=frozenset({"s_churn", "s_tmin", "s_tmax", "s_noise"}),
)
DPM2_A = Sampler(
    dpm2_ancestral,
    "DPM2 a",
    default_scheduler="karras",
    second_order=True,
    uses_ensd=True,
    discard_penultimate=True,
    takes=frozenset({"eta", "s_noise"}),
)
