"""What will run, and running it: strength and steps become levels, a start and a chain of steps.

A plan is made once from plain numbers; `run` carries it out. Nothing here depends on the picture's size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from redraw.errors import RequestError
from redraw.registry import SAMPLERS, SCHEDULERS
from redraw.sampling.denoiser import Denoiser
from redraw.sampling.levels import NoiseLevels
from redraw.sampling.noise import Noise
from redraw.sampling.sampler import Sampler, Step
from redraw.sampling.schedulers import ScheduleOptions


@dataclass(frozen=True)
class Plan:
    """What will run.

    Attributes:
        sampler: the sampler.
        scheduler: internal name of the scheduler that made the levels ("automatic" where the sampler has none of its
            own); None in the timestep family, which takes none.
        levels: the table in use.
        full: [m + 1] fp32, the whole schedule, of which strength cut off the noisy part.
        sigmas: [n + 1] fp32, the levels that run, falling.
        timesteps: [n + 1], the same as timesteps; None in the sigma family.
        steps: the length of the whole schedule (more than asked for with exact steps).
        steps_run: how many steps the sampler makes; 0 gives the start back as it is.
        signal: the start is `signal * latent + noise * draw`; 0 for txt2img.
        noise: see `signal`.
        total_evaluations: what "skip early CFG" counts as the whole run.
        sigma_range: lowest and highest level for samplers that space their own steps.
        budget: how many evaluations such a sampler may spend.
    """

    sampler: Sampler
    scheduler: str | None
    levels: NoiseLevels
    full: Tensor
    sigmas: Tensor
    timesteps: Tensor | None
    steps: int
    steps_run: int
    signal: float
    noise: float
    total_evaluations: int
    sigma_range: tuple[float, float]
    budget: int

    @property
    def span(self) -> tuple[float, float]:
        """The range of a Brownian path: smallest positive and largest level.

        [Q] Of the full schedule, not of the part that runs: the path of a weaker run is the end of the stronger one's.
        """
        positive = self.full[self.full > 0]
        return (float(positive.min()), float(positive.max())) if len(positive) else (0.0, 0.0)


@dataclass(frozen=True)
class RunOptions:
    """What a user may change about the steps. Each sampler takes what it knows (`Sampler.takes`).

    Attributes:
        eta: share of fresh noise per step, 0..1; None is the family's default.
        s_churn: Karras et al. 2022, algorithm 2: amount of noise added before steps, 0 and up.
        s_tmin: lowest level where churn acts.
        s_tmax: highest level where churn acts; 0 is no limit.
        s_noise: factor on the noise a step adds.
        unipc_variant: which B(h) UniPC uses, or its varying coefficients.
        unipc_skip: how UniPC spaces its steps.
        unipc_order: highest order, 1 and up (3 and below are well behaved).
        unipc_lower_order_final: lower the order again at the end.
        noise_multiplier: factor on the first noise of img2img.
        extra_noise: further noise of img2img, as a share of the first draw.
        sgm_noise: start txt2img at sqrt(1 + sigma^2) instead of sigma.
    """

    eta: float | None = None
    s_churn: float = 0.0
    s_tmin: float = 0.0
    s_tmax: float = math.inf
    s_noise: float = 1.0
    unipc_variant: Literal["bh1", "bh2", "vary_coeff"] = "bh1"
    unipc_skip: Literal["time_uniform", "time_quadratic", "logSNR"] = "time_uniform"
    unipc_order: int = 3
    unipc_lower_order_final: bool = True
    noise_multiplier: float = 1.0
    extra_noise: float = 0.0
    sgm_noise: bool = False

    def for_sampler(self, sampler: Sampler) -> dict[str, object]:
        """Return the options `sampler` takes, by name."""
        options: dict[str, object] = {name: getattr(self, name) for name in sampler.takes}
        if "eta" in options and self.eta is None:
            options["eta"] = sampler.default_eta
        if "s_tmax" in options and self.s_tmax == 0:
            options["s_tmax"] = math.inf
        return options


def steps_for(steps: int, strength: float, exact: bool = False) -> tuple[int, int]:
    """Return the length of the whole schedule and how many steps from its end a run begins, less one.

    Args:
        steps: steps asked for, 1 and up.
        strength: 0..1; 1 counts as 0.999, so that the last step is never the zeroth.
        exact: run all `steps`, which makes the whole schedule longer; strength 0 then makes it empty.
    """
    share = min(strength, 0.999)
    if not exact:
        return steps, int(share * steps)
    return (int(steps / share) if strength > 0 else 0), steps - 1


def ddim_timesteps(steps: int, count: int = 1000) -> Tensor:
    """Return the timestep family's grid, rising: 1, 1 + s, 1 + 2s, ... with s = count // steps.

    [Q] The grid has `steps` entries only where `count % steps` behaves: 30 steps give 31 entries, 7 give 8, as in
    A1111. More steps than the table has entries run through every entry.
    """
    if steps == 0:
        return torch.zeros(0, dtype=torch.long)
    return (torch.arange(0, count, max(count // steps, 1)) + 1).clamp(0, count - 1)


def plan(
    sampler: str,
    levels: NoiseLevels,
    steps: int,
    *,
    strength: float | None,
    scheduler: str = "automatic",
    exact_steps: bool = False,
    schedule: ScheduleOptions | None = None,
    discard_penultimate: bool = False,
) -> Plan:
    """Decide what will run.

    Args:
        sampler: any spelling of a sampler's name.
        levels: the model's levels.
        steps: 1 and up.
        strength: 0..1, or None for txt2img.
        scheduler: any spelling of a scheduler's name; the timestep family ignores it.
        exact_steps: run all `steps` at any strength.
        schedule: what else shapes the schedule.
        discard_penultimate: drop the second last level, also for samplers that do not ask for it.

    Raises:
        UnknownName: no such sampler or scheduler.
        RequestError: steps or strength out of range.
    """
    chosen: Sampler = SAMPLERS.get(sampler)
    if steps < 1:
        raise RequestError("steps", steps, "at least 1")
    if strength is not None and not 0 <= strength <= 1:
        raise RequestError("strength", strength, "between 0 and 1")
    if chosen.stride > 1:
        levels = levels.every(chosen.stride)
    whole, t_enc = (steps, None) if strength is None else steps_for(steps, strength, exact_steps)
    if chosen.family == "timestep":
        return _plan_timesteps(chosen, levels, whole, t_enc)
    name = SCHEDULERS.entry(scheduler).name
    if name == "automatic":
        name = chosen.default_scheduler or name
    drop = discard_penultimate or chosen.discard_penultimate
    full: Tensor = SCHEDULERS.get(name)(levels, whole + drop, schedule or ScheduleOptions())
    if drop:
        full = torch.cat([full[:-2], full[-1:]])
    # A schedule of more steps than the table has entries may repeat a level; a step between equal levels does nothing,
    # and the multistep methods would divide by its length, so the repetition is left out.
    sigmas = torch.unique_consecutive(full if t_enc is None else full[max(whole - t_enc - 1, 0) :])
    run = len(sigmas) - 1
    own = (levels.sigma_min, levels.sigma_max) if t_enc is None else (float(sigmas[-2:][0]), float(sigmas[0]))
    return Plan(
        sampler=chosen,
        scheduler=name,
        levels=levels,
        full=full,
        sigmas=sigmas,
        timesteps=None,
        steps=whole,
        steps_run=run,
        signal=0.0 if t_enc is None else 1.0,
        noise=float(sigmas[0]),
        total_evaluations=(whole if t_enc is None else t_enc + 1) * (2 if chosen.second_order else 1),
        sigma_range=own,
        budget=whole if t_enc is None else run,
    )


def _plan_timesteps(sampler: Sampler, levels: NoiseLevels, whole: int, t_enc: int | None) -> Plan:
    """Return the plan of a sampler of the timestep family."""
    T = ddim_timesteps(whole, len(levels))
    signal, noise = 0.0, 1.0
    used = T
    if t_enc is not None:
        # [Q] The noise is that of T[t_enc], but the first level that runs is the one below it, as in A1111.
        at = min(t_enc, len(T) - 1)
        used = T[: max(at, 0)]
        if whole == 0 or (sampler.own_grid and len(used) == 0):
            # A1111 raises here (exact steps with strength 0, or UniPC with nothing to do); the input comes back.
            signal, noise = 1.0, 0.0
        else:
            abar = float(levels.alphas_cumprod[T[at]])
            signal, noise = math.sqrt(abar), math.sqrt(1 - abar)
    timesteps = used.flip(0)
    if sampler.own_grid and t_enc is None:
        timesteps[:1] = levels.last_t
    return Plan(
        sampler=sampler,
        scheduler=None,
        levels=levels,
        full=levels.sigmas[T].flip(0),
        sigmas=levels.sigmas[timesteps],
        timesteps=timesteps,
        steps=whole,
        steps_run=len(used) if sampler.own_grid else max(len(used) - 1, 0),
        signal=signal,
        noise=noise,
        total_evaluations=(whole if t_enc is None else t_enc + 1) * (2 if sampler.second_order else 1),
        sigma_range=(levels.sigma_min, levels.sigma_max),
        budget=len(used),
    )


def start(plan: Plan, latent: Tensor | None, draw: Tensor, options: RunOptions | None = None) -> Tensor:
    """Return the noisy latent a run begins with, [b, c, h, w] fp32.

    Args:
        plan: the plan.
        latent: [b, c, h, w], or [1, c, h, w] for the same in every image; None for txt2img.
        draw: [b, c, h, w], the images' first noise.
        options: see `RunOptions`.
    """
    options = options or RunOptions()
    if latent is None or plan.signal == 0:
        if options.sgm_noise and plan.sampler.family == "sigma":
            return draw * math.sqrt(1 + plan.noise**2)
        return draw * plan.noise
    z = latent.to(draw)
    if plan.noise == 0:
        return z.expand_as(draw).clone()
    n = draw * options.noise_multiplier
    return z * plan.signal + n * plan.noise + n * (options.extra_noise * plan.signal)


def run(
    plan: Plan, denoiser: Denoiser, latent: Tensor | None, noise: Noise, options: RunOptions | None = None
) -> Iterator[Step]:
    """Carry out `plan` and yield each step; the last step's `x` is the result. Close the iterator to cancel.

    At least one step is yielded: where nothing is to be done, one of `total` 0 that holds the start.

    Args:
        plan: the plan.
        denoiser: the guided model.
        latent: [b, c, h, w] the source, or None for txt2img.
        noise: the images' noise; its next draw becomes the first noise.
        options: see `RunOptions`.
    """
    options = options or RunOptions()
    x = start(plan, latent, noise(), options)
    if plan.steps_run == 0:
        yield Step(0, 0, x, 0.0, x)
        return
    if plan.sampler.brownian:
        noise.span(*plan.span)
    given = options.for_sampler(plan.sampler) | _needed(plan)
    if not plan.sampler.per_image or x.shape[0] == 1:
        yield from plan.sampler.run(denoiser, x, plan.sigmas, noise, **given)
        return
    denoised = x.clone()
    for i in range(x.shape[0]):
        one = plan.sampler.run(denoiser.image(i), x[i : i + 1], plan.sigmas, noise.image(i), **given)
        for step in one:
            x, denoised = _with_row(x, i, step.x), _with_row(denoised, i, step.denoised)
            yield replace(step, x=x, denoised=denoised)


def _needed(plan: Plan) -> dict[str, object]:
    """Return what the sampler declared to need, by name."""
    needs, out = plan.sampler.needs, dict[str, object]()
    if "levels" in needs:
        out["levels"] = plan.levels
    if "timesteps" in needs:
        out["timesteps"] = plan.timesteps
    if "range" in needs:
        out["sigma_min"], out["sigma_max"] = plan.sigma_range
        out["nfe"] = plan.budget
    return out


def _with_row(x: Tensor, i: int, row: Tensor) -> Tensor:
    """Return `x` with image `i` replaced by `row` [1, c, h, w]."""
    return torch.cat([x[:i], row, x[i + 1 :]])
