"""What a sampler is, and what it yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Step:
    """What a sampler yields after each of its steps.

    Attributes:
        index: number of the step, from 0.
        total: how many there will be; None where the sampler decides on the way (DPM adaptive).
        x: [b, c, h, w], the latent after this step. In the timestep family it is scaled as in DDPM
            (sqrt(abar) x0 + sqrt(1 - abar) noise), else as in EDM (x0 + sigma noise). The last one is the result.
        sigma: the level at which `denoised` was estimated.
        denoised: [b, c, h, w], the estimate of the clean latent that this step began with: the thing to preview.
    """

    index: int
    total: int | None
    x: Tensor
    sigma: float
    denoised: Tensor


Run = Callable[..., Iterator[Step]]
"""`(denoise, x, sigmas, noise, **options) -> Iterator[Step]`, where `sigmas` [n + 1] falls and `x` is at sigmas[0]."""

Family = Literal["sigma", "timestep"]
Need = Literal["levels", "timesteps", "range"]


@dataclass(frozen=True)
class Sampler:
    """A way to go from noise to a picture.

    Attributes:
        run: the generator; see `Run`.
        label: what people see.
        default_scheduler: internal name of the scheduler "Automatic" stands for, or None.
        second_order: counts two model evaluations a step; prompt schedules run over twice the steps.
        uses_ensd: A1111 notes its "eta noise seed delta" beside this sampler.
        discard_penultimate: its schedule is made for one step more and loses the second last level.
        family: "sigma" takes any scheduler; "timestep" has its own grid of timesteps.
        brownian: draws from `noise.between`, which needs the range of the full schedule.
        takes: names of the options of `trajectory.RunOptions` it takes.
        needs: what else it is given: the table ("levels"), the timesteps of its levels ("timesteps"), or the range
            and number of evaluations it may spend ("range": `sigma_min`, `sigma_max`, `nfe`).
        needs_uncond: reads `Denoised.uncond`.
        cfg_factor: the CFG scale is multiplied by this.
        per_image: chooses its own steps, so each image of a batch runs alone.
        stride: knows only every n-th level of the table (LCM: 20).
        own_grid: of the timesteps it uses only the first and their number (UniPC).
    """

    run: Run
    label: str
    default_scheduler: str | None = None
    second_order: bool = False
    uses_ensd: bool = False
    discard_penultimate: bool = False
    family: Family = "sigma"
    brownian: bool = False
    takes: frozenset[str] = frozenset()
    needs: frozenset[Need] = frozenset()
    needs_uncond: bool = False
    cfg_factor: float = 1.0
    per_image: bool = False
    stride: int = 1
    own_grid: bool = False

    @property
    def default_eta(self) -> float:
        """The share of fresh noise where the user names none: 1 for the sigma family, 0 for the timestep family."""
        return 1.0 if self.family == "sigma" else 0.0


def level(x: Tensor, value: float) -> Tensor:
    """Return `value` for every image of `x`, [b] on its device."""
    return torch.full((x.shape[0],), value, dtype=x.dtype, device=x.device)
