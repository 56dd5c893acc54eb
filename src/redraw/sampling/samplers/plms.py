"""PLMS: pseudo linear multistep on a grid of timesteps. `x` is scaled as in DDPM."""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step
from redraw.sampling.samplers.ddim import alpha_bar, predict

_ADAMS_BASHFORTH = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))


def _transfer(x: Tensor, e: Tensor, a: float, a_next: float) -> Tensor:
    """Move `x` from abar `a` to `a_next` with noise `e` held fixed: Liu et al. 2022, equation 11."""
    x0 = (x - math.sqrt(1 - a) * e) / math.sqrt(a)
    return math.sqrt(a_next) * x0 + math.sqrt(1 - a_next) * e


def plms(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: SamplerNoise, *, timesteps: Tensor) -> Iterator[Step]:
    """Steps of Liu et al. 2022, "Pseudo Numerical Methods for Diffusion Models on Manifolds", equation 12.

    The first step averages the noise at both its ends; then orders 2, 3 and 4 of Adams-Bashforth.

    [Q] The lowest timestep is only a target, as in A1111.
    """
    s, T = sigmas.tolist(), timesteps.tolist()
    n = len(T) - 1
    past: list[Tensor] = []  # noises predicted at the steps before, newest first
    for i in range(n):
        a, a_next = alpha_bar(s[i]), alpha_bar(s[i + 1])
        e, _, D = predict(denoise, x, s[i], T[i])
        if not past:
            e_next = predict(denoise, _transfer(x, e, a, a_next), s[i + 1], T[i + 1]).e
            e_bar = (e + e_next) / 2
        else:
            known = [e, *past]
            e_bar = sum((w * k for w, k in zip(_ADAMS_BASHFORTH[len(past)], known, strict=True)), start=e * 0)
        x = _transfer(x, e_bar, a, a_next)
        past = [e, *past[:2]]
        yield Step(i, n, x, s[i], D)


PLMS = Sampler(plms, "PLMS", family="timestep", needs=frozenset({"timesteps"}))
