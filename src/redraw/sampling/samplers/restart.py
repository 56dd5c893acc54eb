"""Heun with restarts: go back up to a noisier level by adding noise, and come down again.

Xu et al. 2023, "Restart Sampling for Improving Generative Processes", algorithm 2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step
from redraw.sampling.samplers.heun import heun_step
from redraw.sampling.schedulers import karras_ramp

_T_MIN, _T_MAX = 0.1, 2.0  # the restart interval, in sigma


def _pairs(sigmas: Tensor) -> list[tuple[float, float]]:
    """Return the steps as (from, to): the schedule below 20 steps; else a shorter one with restarts put in."""
    s = sigmas.tolist()
    n = len(s) - 1
    if n < 20:
        return list(itertools.pairwise(s))
    steps, times = (n // 4, 2) if n >= 36 else (9, 1)
    # [Q] Whatever scheduler was asked for, the remaining steps are spaced as Karras does.
    s = [*karras_ramp(n - steps * times, s[-2], s[0]).tolist(), 0.0]
    low, high = _nearest(s, _T_MIN), _nearest(s, _T_MAX)
    pairs = []
    for i, pair in enumerate(itertools.pairwise(s)):
        pairs.append(pair)
        if i + 1 == low and high < low:
            again = karras_ramp(steps + 1, s[low], s[high]).tolist()
            pairs += list(itertools.pairwise(again)) * times
    return pairs


def _nearest(s: list[float], value: float) -> int:
    """Return the index of the level nearest `value`."""
    return min(range(len(s)), key=lambda i: abs(s[i] - value))


def restart(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: SamplerNoise) -> Iterator[Step]:
    """Heun steps, with one restart between sigma 0.1 and 2 from 20 steps on and two from 36 on."""
    pairs = _pairs(sigmas)
    last = pairs[0][0]
    for i, (s, s_next) in enumerate(pairs):
        if s > last:
            x = x + noise() * math.sqrt(s**2 - last**2)
        x, D = heun_step(denoise, x, s, s_next)
        last = s_next
        yield Step(i, len(pairs), x, s, D)


RESTART = Sampler(restart, "Restart", default_scheduler="karras", second_order=True)
