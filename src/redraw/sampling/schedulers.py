"""How the noise levels of a run are spaced: one function per scheduler.

Each is `(levels, steps, options) -> sigmas`, fp32 on the CPU, falling, and ends with 0 unless its docstring says
otherwise. `steps` may be 0: then only the final 0 is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import torch
from scipy import special
from torch import Tensor

from redraw.errors import RequestError
from redraw.sampling.levels import NoiseLevels

DEFAULT_RHO: Final = MappingProxyType({"karras": 7.0, "polyexponential": 1.0})
"""The curvature of the schedulers that have one, by internal name."""

_AYS: Final = MappingProxyType(
    {
        "sd1": (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029),
        "sdxl": (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029),
    }
)


@dataclass(frozen=True)
class ScheduleOptions:
    """What a user may change about a schedule.

    Attributes:
        sigma_min: lowest level instead of the model's; None keeps the model's.
        sigma_max: highest level instead of the model's.
        rho: curvature of Karras and Polyexponential; None is 7 and 1.
        old_karras: A1111's old range 0.1..10 instead of the model's.
        beta_alpha: first shape parameter of the Beta scheduler, above 0.
        beta_beta: second shape parameter, above 0.
        family: which table Align Your Steps uses.
    """

    sigma_min: float | None = None
    sigma_max: float | None = None
    rho: float | None = None
    old_karras: bool = False
    beta_alpha: float = 0.6
    beta_beta: float = 0.6
    family: Literal["sd1", "sdxl"] = "sd1"

    def range(self, levels: NoiseLevels) -> tuple[float, float]:
        """Return the lowest and highest level of a schedule over `levels`; RequestError if they are no range."""
        low, high = (0.1, 10.0) if self.old_karras else (levels.sigma_min, levels.sigma_max)
        low, high = self.sigma_min or low, self.sigma_max or high
        if not 0 < low < high:
            raise RequestError("sigma_min", low, f"above 0 and below sigma_max, {high}")
        return low, high


Scheduler = Callable[[NoiseLevels, int, ScheduleOptions], Tensor]


def automatic(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """The levels of a sampler that has no schedule of its own: `uniform`."""
    return uniform(levels, steps, options)


def uniform(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """Evenly spaced timesteps over the whole table; the range options have no effect on it."""
    # Over an LCM's table these are timesteps 999..19, its first and last entry.
    return _closed(levels.sigma(torch.linspace(float(levels.last_t), float(levels.first_t), steps)))


def karras(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """Evenly spaced in sigma^(1/rho): Karras et al. 2022, equation 5."""
    low, high = options.range(levels)
    return _closed(karras_ramp(steps, low, high, options.rho or DEFAULT_RHO["karras"]))


def karras_ramp(n: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    """Return `n` levels from `sigma_max` to `sigma_min`, without a final 0: Karras et al. 2022, equation 5."""
    ramp = torch.linspace(0, 1, n)
    a, b = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    sigmas: Tensor = (a + ramp * (b - a)) ** rho
    return sigmas


def exponential(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """Evenly spaced in log sigma."""
    low, high = options.range(levels)
    return _closed(torch.linspace(math.log(high), math.log(low), steps).exp())


def polyexponential(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """Log sigma falls as a power of the remaining share; rho 1 is `exponential`."""
    low, high = options.range(levels)
    ramp = torch.linspace(1, 0, steps) ** (options.rho or DEFAULT_RHO["polyexponential"])
    return _closed((ramp * (math.log(high) - math.log(low)) + math.log(low)).exp())


def sgm_uniform(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """Evenly spaced timesteps with the last one left out, as Stability's generative-models does."""
    start, end = _t_range(levels, options)
    return _closed(levels.sigma(torch.linspace(start, end, steps + 1)[:-1]))


def kl_optimal(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """Evenly spaced in atan(sigma): Sabour et al. 2024, "Align Your Steps", theorem 3.1.

    [Q] Returns `steps + 1` levels whose last is sigma_min and not 0: A1111 appends no 0 here, so the result keeps a
    little noise; kept for equal pictures.
    """
    low, high = options.range(levels)
    if steps == 0:
        return torch.zeros(1)
    i = torch.arange(steps + 1) / steps
    return torch.tan(i * math.atan(low) + (1 - i) * math.atan(high))


def align_your_steps(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """The optimised tables of Sabour et al. 2024 for SD 1 or SDXL, log-linearly interpolated to `steps` levels.

    [Q] One step starts at the table's last level, 0.029: interpolation runs from the low end. Kept as A1111 has it.
    """
    table = _AYS[options.family]
    if steps != len(table):
        at = np.linspace(0, 1, steps)
        table = tuple(np.exp(np.interp(at, np.linspace(0, 1, len(table)), np.log(table[::-1])))[::-1].tolist())
    return _closed(torch.tensor(table, dtype=torch.float32))


def simple(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """Every n-th entry of the table, from the highest down."""
    n = len(levels)
    return _closed(levels.sigmas[[n - 1 - int(i * n / steps) for i in range(steps)]])


def normal(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """Evenly spaced timesteps between the range's ends."""
    start, end = _t_range(levels, options)
    return _closed(levels.sigma(torch.linspace(start, end, steps)))


def ddim_uniform(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """Entries 1, 1 + s, 1 + 2s, ... of the table with s = n // steps.

    [Q] The count may exceed `steps` (11 steps give 12 levels), as in A1111.
    """
    if steps == 0:
        return torch.zeros(1)
    stride = max(len(levels) // steps, 1)
    return _closed(levels.sigmas[1::stride].flip(0))


def beta(levels: NoiseLevels, steps: int, options: ScheduleOptions) -> Tensor:
    """Levels at the quantiles of a Beta distribution: Lee et al. 2024, "Beta Sampling is All You Need"."""
    low, high = options.range(levels)
    quantiles = special.betaincinv(options.beta_alpha, options.beta_beta, 1 - np.linspace(0, 1, steps))
    return _closed(torch.tensor(low + quantiles * (high - low), dtype=torch.float32))


def _t_range(levels: NoiseLevels, options: ScheduleOptions) -> tuple[float, float]:
    """Return the timesteps of the highest and the lowest level."""
    low, high = options.range(levels)
    start, end = levels.t(torch.tensor([high, low])).tolist()
    return start, end


def _closed(sigmas: Tensor) -> Tensor:
    """Return `sigmas` with the final 0."""
    return torch.cat([sigmas.float(), torch.zeros(1)])
