"""The noise schedule a model was trained on, from what its file or its description says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch

from redraw.errors import ModelError

_LARGEST_BETA: Final = 0.999
_MAX_STEPS: Final = 100_000
_PURE_NOISE: Final = 1e-6  # Stable Diffusion's own schedule ends at 0.0047


def noise_schedule(
    scheduler: Mapping[str, Any],
    betas: tuple[float, float],
    timesteps: int,
    own: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return alphas_cumprod `[T]` fp32.

    Args:
        scheduler: what is said about it, in the terms of diffusers' `scheduler_config.json`.
        betas: the family's first and last beta.
        timesteps: the family's number of steps.
        own: the file's own table, which wins.

    Raises:
        ModelError: the kind of schedule is not known, or its numbers make no sense.
    """
    if own is not None:
        return own.to(torch.float32)
    if scheduler.get("trained_betas"):
        table = _numbers(scheduler["trained_betas"])
    else:
        first = float(scheduler.get("beta_start") or betas[0])
        last = float(scheduler.get("beta_end") or betas[1])
        steps = int(scheduler.get("num_train_timesteps") or timesteps)
        if not 0 < first < 1 or not 0 < last < 1 or not 2 <= steps <= _MAX_STEPS:
            raise ModelError(f"the noise schedule makes no sense: betas {first} to {last} in {steps} steps")
        table = _betas(str(scheduler.get("beta_schedule") or "scaled_linear"), first, last, steps)
    return torch.cumprod(1.0 - table, 0).to(torch.float32)


def ends_in_noise(alphas_cumprod: torch.Tensor) -> bool:
    """Return whether nothing of the picture is left at the last step: zero terminal SNR is already in the table."""
    return float(alphas_cumprod[-1]) < _PURE_NOISE


def _betas(kind: str, first: float, last: float, steps: int) -> torch.Tensor:
    """Return betas `[steps]` fp64; the kinds are diffusers'."""
    if kind == "scaled_linear":
        return torch.linspace(first**0.5, last**0.5, steps, dtype=torch.float64) ** 2
    if kind == "linear":
        return torch.linspace(first, last, steps, dtype=torch.float64)
    if kind == "squaredcos_cap_v2":  # Nichol and Dhariwal 2021, equation 17
        levels = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
        abar = torch.cos((levels + 0.008) / 1.008 * math.pi / 2) ** 2
        return (1 - abar[1:] / abar[:-1]).clamp(max=_LARGEST_BETA)
    raise ModelError(f"the noise schedule {kind!r} is not supported; scaled_linear, linear and squaredcos_cap_v2 are")


def _numbers(values: Any) -> torch.Tensor:
    try:
        table = torch.tensor([float(v) for v in values], dtype=torch.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"trained_betas is no list of numbers: {error}") from error
    if len(table) < 2 or bool(((table < 0) | (table >= 1) | table.isnan()).any()):
        raise ModelError("trained_betas are not all from 0 to 1")
    return table
