"""DPM-Solver++ for the diffusion SDE: single-step, 2M in two variants, and 3M.

Lu et al. 2022b, "DPM-Solver++", section 5 and appendix B (SDE-DPM-Solver++), in the variance-exploding form with an
`eta` that scales the noise (0: the ODE). The noise is a Brownian path, so that more steps refine the same picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step, level
from redraw.sampling.samplers.injection import ancestral


def dpmpp_sde(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: SamplerNoise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Step]:
    """Single-step second order with r = 1/2, whose factor 1 / (2r) = 1 leaves the midpoint's estimate alone."""
    s = sigmas.tolist()
    n = len(s) - 1
    for i in range(n):
        D = denoise(x, level(x, s[i])).value
        if s[i + 1] == 0:
            x = x + (x - D) / s[i] * (s[i + 1] - s[i])
        else:
            here, s_mid, there = _rounded(s[i], s[i + 1])
            u = _to(x, D, here, s_mid, noise, eta, s_noise)
            D_mid = denoise(u, level(x, s_mid)).value
            x = _to(x, D_mid, here, there, noise, eta, s_noise)
        yield Step(i, n, x, s[i], D)


def _rounded(s: float, s_next: float) -> tuple[float, float, float]:
    """Return both levels and the one halfway in log sigma, all by way of their logarithms.

    [Q] In single precision, operation by operation as A1111 does: the Brownian path is a fractal, and a level that
    differs in its seventh digit meets it at another point.
    """
    t, t_next = -torch.tensor(s).log(), -torch.tensor(s_next).log()
    middle = t + (t_next - t) * 0.5
    return float((-t).exp()), float((-middle).exp()), float((-t_next).exp())


def _to(x: Tensor, D: Tensor, s: float, s_next: float, noise: SamplerNoise, eta: float, s_noise: float) -> Tensor:
    """Return `x` moved from level `s` to `s_next` with the estimate `D` held fixed."""
    down, up = ancestral(s, s_next, eta)
    x = down / s * x - math.expm1(math.log(down / s)) * D if down > 0 else D
    return x + noise.between(s, s_next) * (s_noise * up) if up else x


Correction = Callable[[float], float]


def _midpoint(he: float) -> float:
    """The weight of the difference quotient: the midpoint rule."""
    return -0.5 * math.expm1(-he)


def _heun(he: float) -> float:
    """The weight of the difference quotient: its exact integral."""
    return math.expm1(-he) / he + 1


def dpmpp_2m_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: SamplerNoise,
    *,
    correction: Correction = _midpoint,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """Multistep second order: SDE-DPM-Solver++(2M), DPM-Solver++ equation 18."""
    s = sigmas.tolist()
    n = len(s) - 1
    D_prev, h_prev = x, 0.0
    for i in range(n):
        D = denoise(x, level(x, s[i])).value
        if s[i + 1] == 0:
            x = D
        else:
            h = math.log(s[i] / s[i + 1])
            he = h + eta * h
            x = s[i + 1] / s[i] * math.exp(-eta * h) * x - math.expm1(-he) * D
            if i > 0:
                x = x + correction(he) * (h / h_prev) * (D - D_prev)
            x = _with_noise(x, s[i], s[i + 1], h, noise, eta, s_noise)
            D_prev, h_prev = D, h
        yield Step(i, n, x, s[i], D)


def dpmpp_3m_sde(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: SamplerNoise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Step]:
    """Multistep third order: DPM-Solver++'s expansion (its appendix B) carried one term further."""
    s = sigmas.tolist()
    n = len(s) - 1
    past: list[tuple[Tensor, float]] = []  # (D, h) of the steps before, newest first
    for i in range(n):
        D = denoise(x, level(x, s[i])).value
        if s[i + 1] == 0:
            x = D
        else:
            h = math.log(s[i] / s[i + 1])
            he = h * (eta + 1)
            x = math.exp(-he) * x - math.expm1(-he) * D
            phi_2 = math.expm1(-he) / he + 1
            if len(past) == 2:
                (D1, h1), (D2, h2) = past
                r0, r1 = h1 / h, h2 / h
                a, b = (D - D1) / r0, (D1 - D2) / r1
                d1 = a + (a - b) * (r0 / (r0 + r1))
                d2 = (a - b) / (r0 + r1)
                x = x + phi_2 * d1 - (phi_2 / he - 0.5) * d2
            elif past:
                D1, h1 = past[0]
                x = x + phi_2 * (D - D1) / (h1 / h)
            x = _with_noise(x, s[i], s[i + 1], h, noise, eta, s_noise)
            past = [(D, h), *past[:1]]
        yield Step(i, n, x, s[i], D)


def _with_noise(
    x: Tensor, s: float, s_next: float, h: float, noise: SamplerNoise, eta: float, s_noise: float
) -> Tensor:
    """Return `x` at level `s_next` with the noise the SDE adds over a step of `h` in log sigma."""
    if not eta:
        return x
    return x + noise.between(s, s_next) * (s_next * math.sqrt(-math.expm1(-2 * h * eta)) * s_noise)


_TAKES = frozenset({"eta", "s_noise"})
DPMPP_SDE = Sampler(dpmpp_sde, "DPM++ SDE", default_scheduler="karras", second_order=True, brownian=True, takes=_TAKES)
DPMPP_2M_SDE = Sampler(dpmpp_2m_sde, "DPM++ 2M SDE", default_scheduler="exponential", brownian=True, takes=_TAKES)
DPMPP_2M_SDE_HEUN = Sampler(
    partial(dpmpp_2m_sde, correction=_heun),
    "DPM++ 2M SDE Heun",
    default_scheduler="exponential",
    brownian=True,
    takes=_TAKES,
)
DPMPP_3M_SDE = Sampler(
    dpmpp_3m_sde,
    "DPM++ 3M SDE",
    default_scheduler="exponential",
    discard_penultimate=True,
    brownian=True,
    takes=_TAKES,
)
