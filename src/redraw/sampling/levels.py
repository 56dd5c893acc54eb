"""The noise levels a network was trained on.

A discrete diffusion model knows 1000 timesteps. `alphas_cumprod[t]` is the share of the signal's power left at
timestep t (DDPM, Ho et al. 2020, section 2, alpha-bar); `sigma[t] = sqrt((1 - abar) / abar)` is the same level in
the variance-exploding form used by Karras et al. 2022 (EDM): `x = x0 + sigma * noise`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

LCM_STRIDE = 20


@dataclass(frozen=True)
class NoiseLevels:
    """A table of noise levels, lowest first.

    Attributes:
        alphas_cumprod: [n] fp32 on the CPU, strictly decreasing, in (0, 1).
        stride: entry i stands for timestep `i * stride + stride - 1`; 1 for a plain model.
        nearest: `t` always answers the nearest entry (as if `quantize` were set).
    """

    alphas_cumprod: Tensor
    stride: int = 1
    nearest: bool = False

    @classmethod
    def scaled_linear(cls, start: float = 0.00085, end: float = 0.012, count: int = 1000) -> NoiseLevels:
        """Return Stable Diffusion's levels: betas whose square roots are evenly spaced from `start` to `end`."""
        betas = torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
        return cls(torch.cumprod(1.0 - betas, 0).float())

    def zero_terminal_snr(self) -> NoiseLevels:
        """Return these levels stretched so that the last one is (almost) pure noise.

        Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps are Flawed", algorithm 1; the last
        entry is 4.8973e-08 instead of 0 so that its sigma (4518.76) stays finite, as A1111 does.
        """
        a = self.alphas_cumprod.sqrt()
        a = (a - a[-1]) * (a[0] / (a[0] - a[-1]))
        abar = a**2
        abar[-1] = 4.8973451890853435e-08
        return NoiseLevels(abar, self.stride, self.nearest)

    def downcast(self) -> NoiseLevels:
        """Return these levels rounded to fp16 and back, which is how old webui versions ran half-precision models."""
        return NoiseLevels(self.alphas_cumprod.half().float(), self.stride, self.nearest)

    def every(self, stride: int = LCM_STRIDE) -> NoiseLevels:
        """Return every `stride`-th level, ending at the last one: what a consistency model was distilled on.

        Timesteps are answered as the nearest remaining entry, since such a model has seen no other.
        """
        return NoiseLevels(self.alphas_cumprod[stride - 1 :: stride], stride, nearest=True)

    @cached_property
    def sigmas(self) -> Tensor:
        """[n] fp32, rising."""
        return ((1 - self.alphas_cumprod) / self.alphas_cumprod) ** 0.5

    @cached_property
    def log_sigmas(self) -> Tensor:
        """[n] fp32, rising."""
        return self.sigmas.log()

    @property
    def sigma_min(self) -> float:
        """The lowest level of the table (0.0292 for Stable Diffusion)."""
        return float(self.sigmas[0])

    @property
    def sigma_max(self) -> float:
        """The highest level of the table (14.6146 for Stable Diffusion)."""
        return float(self.sigmas[-1])

    @property
    def first_t(self) -> int:
        """The timestep of the lowest entry."""
        return self.stride - 1

    @property
    def last_t(self) -> int:
        """The timestep of the highest entry."""
        return len(self) * self.stride - 1

    def __len__(self) -> int:
        return len(self.alphas_cumprod)

    def t(self, sigma: Tensor, quantize: bool = False) -> Tensor:
        """Return the timestep of each level `sigma`, same shape, interpolated in log sigma.

        Levels outside the table answer its ends. With `quantize` the nearest entry is answered.
        """
        log_sigma, table = sigma.float().log(), self.log_sigmas.to(sigma.device)
        if quantize or self.nearest:
            i = (log_sigma[..., None] - table).abs().argmin(-1).float()
        else:
            low = (torch.searchsorted(table, log_sigma, right=True) - 1).clamp(0, len(table) - 2)
            w = ((log_sigma - table[low]) / (table[low + 1] - table[low])).clamp(0, 1)
            i = (1 - w) * low + w * (low + 1)
        return i * self.stride + (self.stride - 1)

    def sigma(self, t: Tensor) -> Tensor:
        """Return the level of each timestep `t` (float or integer), same shape, interpolated in log sigma."""
        table = self.log_sigmas.to(t.device)
        i = ((t.float() - (self.stride - 1)) / self.stride).clamp(0, len(table) - 1)
        low, high, w = i.floor().long(), i.ceil().long(), i.frac()
        return ((1 - w) * table[low] + w * table[high]).exp()
