"""Latent consistency models: jump to the clean latent, add noise again.

Luo et al. 2023, "Latent Consistency Models", algorithm 3 (multistep sampling).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.levels import LCM_STRIDE, NoiseLevels
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step, level

_SIGMA_DATA = 0.5
_T_SCALE = 10.0


def lcm(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: SamplerNoise, *, levels: NoiseLevels) -> Iterator[Step]:
    """Consistency steps at the timesteps the model was distilled on, the nearest of every 20th.

    c_skip and c_out are the boundary condition of the paper's equation 5; guidance is linear in the estimates, so
    applying them after it equals applying them before.
    """
    s = sigmas.tolist()
    n = len(s) - 1
    for i in range(n):
        t = float(levels.t(torch.tensor(s[i])))
        T = _T_SCALE * t
        c_skip = _SIGMA_DATA**2 / (T**2 + _SIGMA_DATA**2)
        c_out = T / (T**2 + _SIGMA_DATA**2) ** 0.5
        D = c_out * denoise(x, level(x, s[i]), t=level(x, t)).value + c_skip * x
        x = D + s[i + 1] * noise() if s[i + 1] > 0 else D
        yield Step(i, n, x, s[i], D)


LCM = Sampler(lcm, "LCM", needs=frozenset({"levels"}), stride=LCM_STRIDE)
