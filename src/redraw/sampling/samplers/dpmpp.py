"""DPM-Solver++ as an ODE solver: 2M, and 2S with ancestral noise.

Lu et al. 2022b, "DPM-Solver++: Fast Solver for Guided Sampling", in the variance-exploding form: alpha = 1 and
lambda = -log sigma.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step, level
from redraw.sampling.samplers.injection import ancestral


def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: SamplerNoise) -> Iterator[Step]:
    """Multistep second order: DPM-Solver++ algorithm 2."""
    s = sigmas.tolist()
    n = len(s) - 1
    D_prev, h_prev = x, 0.0
    for i in range(n):
        D = denoise(x, level(x, s[i])).value
        if s[i + 1] == 0:
            x = D
        else:
            h = math.log(s[i] / s[i + 1])
            D_bar = D
            if i > 0:
                r = h_prev / h
                D_bar = (1 + 1 / (2 * r)) * D - 1 / (2 * r) * D_prev
            x = s[i + 1] / s[i] * x - math.expm1(-h) * D_bar
            D_prev, h_prev = D, h
        yield Step(i, n, x, s[i], D)


def dpmpp_2s_ancestral(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: SamplerNoise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Step]:
    """Single-step second order (DPM-Solver++ algorithm 1, r = 1/2) below the next level, and noise back up to it."""
    s = sigmas.tolist()
    n = len(s) - 1
    for i in range(n):
        D = denoise(x, level(x, s[i])).value
        down, up = ancestral(s[i], s[i + 1], eta)
        if down == 0:
            x = x + (x - D) / s[i] * (down - s[i])
        else:
            h = math.log(s[i] / down)
            s_mid = s[i] * math.exp(-h / 2)
            u = s_mid / s[i] * x - math.expm1(-h / 2) * D
            D_mid = denoise(u, level(x, s_mid)).value
            x = down / s[i] * x - math.expm1(-h) * D_mid
        if s[i + 1] > 0:
            x = x + noise() * (s_noise * up)
        yield Step(i, n, x, s[i], D)


DPMPP_2M = Sampler(dpmpp_2m, "DPM++ 2M", default_scheduler="karras")
DPMPP_2S_A = Sampler(
    dpmpp_2s_ancestral,
    "DPM++ 2S a",
    default_scheduler="karras",
    second_order=True,
    uses_ensd=True,
    takes=frozenset({"eta", "s_noise"}),
)
