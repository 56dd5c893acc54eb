"""The finer settings of a run: seeds and noise, samplers and schedules."""

from __future__ import annotations

import random
from typing import Literal

from pydantic import field_validator

from redraw.registry import SAMPLERS, SCHEDULERS
from redraw.request.fields import Number, Request, option

SEED_LIMIT = 2**64 - 1
LAST_RANDOM_SEED = 4294967293  # as A1111 draws them


def fix_seed(seed: int) -> int:
    """Return `seed`, or a random one in 0..4294967293 for -1."""
    return random.SystemRandom().randint(0, LAST_RANDOM_SEED) if seed == -1 else seed


class SeedOptions(Request):
    """Where the noise of each picture comes from."""

    seed: int | tuple[int, ...] = option(
        -1,
        "Seed",
        "Number the noise is made from; -1 draws one. Picture i of a run uses seed + i.",
        group="Seed",
        infotext="Seed",
        span=(-1, SEED_LIMIT),
    )
    variation_seed: int = option(
        -1,
        "Variation seed",
        "Seed of a second noise that is mixed in; -1 draws one.",
        group="Seed",
        infotext="Variation seed",
        ge=-1,
        le=SEED_LIMIT,
    )
    variation_strength: Number = option(
        0,
        "Variation strength",
        "How much of the second noise: 0 none, 1 only it. Above 0 all pictures share the seed.",
        group="Seed",
        infotext="Variation seed strength",
        ge=0,
        le=1,
        slider=(0, 1, 0.01),
    )
    seed_resize_from: tuple[int, int] | None = option(
        None,
        "Resize seed from",
        "WxH: make the picture resemble the one this seed gives at that size.",
        group="Seed",
        infotext="Seed resize from",
        slider=(0, 2048, 8),
    )
    rng: Literal["nv", "cpu", "gpu"] = option(
        "nv",
        "Random number source",
        "nv gives the pictures NVIDIA cards give, on any device; cpu is torch's CPU generator; gpu the device's own.",
        group="Seed",
        infotext="RNG",
        labels=("NV", "CPU", "GPU"),
        advanced=True,
    )
    ensd: int = option(
        0,
        "Eta noise seed delta",
        "Added to the seed for the noise of ancestral samplers (ENSD; 31337 for NovelAI's pictures).",
        group="Seed",
        infotext="ENSD",
        ge=-SEED_LIMIT,
        le=SEED_LIMIT,
        advanced=True,
    )

    @field_validator("seed", mode="after")
    @classmethod
    def _seed_in_range(cls, seed: int | tuple[int, ...]) -> int | tuple[int, ...]:
        seeds = seed if isinstance(seed, tuple) else (seed,)
        if not seeds or any(not -1 <= s <= SEED_LIMIT for s in seeds):
            raise ValueError("seed out of range")
        return seed

    @field_validator("seed_resize_from", mode="after")
    @classmethod
    def _size_in_range(cls, size: tuple[int, int] | None) -> tuple[int, int] | None:
        if size is not None and not all(8 <= side <= 16384 for side in size):
            raise ValueError("size out of range")
        return size


class SamplerOptions(Request):
    """How the way from noise to picture is walked."""

    sampler: str = option("DPM++ 2M", "Sampling method", "Sampler; `redraw samplers` lists them.", infotext="Sampler")
    scheduler: str = option(
        "Automatic",
        "Schedule type",
        "Noise schedule; Automatic is the sampler's own. `redraw schedulers` lists them.",
        infotext="Schedule type",
    )
    eta: Number | None = option(
        None,
        "Eta",
        "Noise added by ancestral samplers (default 1) and DDIM (default 0).",
        group="Sampler",
        ge=0,
        le=1,
        slider=(0, 1, 0.01),
        infotext="Eta",
    )
    s_churn: Number = option(
        0,
        "Sigma churn",
        "Noise added at each step of Euler, Heun, DPM2.",
        group="Sampler",
        ge=0,
        le=100,
        slider=(0, 100, 0.01),
        infotext="Sigma churn",
    )
    s_tmin: Number = option(
        0,
        "Sigma tmin",
        "Lowest noise level that is churned.",
        group="Sampler",
        ge=0,
        le=1000,
        slider=(0, 10, 0.01),
        infotext="Sigma tmin",
    )
    s_tmax: Number = option(
        0,
        "Sigma tmax",
        "Highest noise level that is churned; 0 is no limit.",
        group="Sampler",
        ge=0,
        le=1000,
        slider=(0, 999, 0.01),
        infotext="Sigma tmax",
    )
    s_noise: Number = option(
        1.0,
        "Sigma noise",
        "Factor on noise added while sampling.",
        group="Sampler",
        ge=0,
        le=2,
        slider=(0, 1.1, 0.001),
        infotext="Sigma noise",
    )
    sigma_min: Number = option(
        0,
        "Schedule min sigma",
        "Lowest noise level; 0 is the model's.",
        group="Sampler",
        ge=0,
        le=1000,
        slider=(0, 2, 0.01),
        infotext="Schedule min sigma",
    )
    sigma_max: Number = option(
        0,
        "Schedule max sigma",
        "Highest noise level; 0 is the model's.",
        group="Sampler",
        ge=0,
        le=1000,
        slider=(0, 60, 0.01),
        infotext="Schedule max sigma",
    )
    rho: Number = option(
        0,
        "Schedule rho",
        "Exponent of Karras and Polyexponential; 0 is their own.",
        group="Sampler",
        ge=0,
        le=100,
        slider=(0, 20, 0.1),
        infotext="Schedule rho",
    )
    beta_alpha: Number = option(
        0.6,
        "Beta schedule alpha",
        "First shape parameter of Beta.",
        group="Sampler",
        gt=0,
        le=10,
        slider=(0.01, 1, 0.01),
        infotext="Beta schedule alpha",
    )
    beta_beta: Number = option(
        0.6,
        "Beta schedule beta",
        "Second shape parameter of Beta.",
        group="Sampler",
        gt=0,
        le=10,
        slider=(0.01, 1, 0.01),
        infotext="Beta schedule beta",
    )
    discard_penultimate: bool = option(
        False,
        "Discard penultimate sigma",
        "Leave out the last but one noise level.",
        group="Sampler",
        infotext="Discard penultimate sigma",
    )
    sgm_noise: bool = option(
        False,
        "SGM noise multiplier",
        "Start txt2img with SGM's noise level instead of k-diffusion's.",
        group="Sampler",
        infotext="SGM noise multiplier",
    )
    quantize: bool = option(
        False, "Quantize timesteps", "Round noise levels to the ones the model was trained at.", group="Sampler"
    )
    zero_terminal_snr: bool = option(
        False, "Zero terminal SNR", "Rescale the schedule so that it begins in pure noise.", group="Sampler"
    )
    ngms: Number = option(
        0,
        "Negative guidance minimum sigma",
        "Skip the negative prompt below this noise level in every other step: faster.",
        group="Sampler",
        infotext="NGMS",
        ge=0,
        le=15,
        slider=(0, 15, 0.01),
    )
    ngms_all_steps: bool = option(
        False,
        "NGMS in all steps",
        "Skip it in every step, not every other.",
        group="Sampler",
        infotext="NGMS all steps",
    )
    skip_early_cfg: Number = option(
        0, "Ignore negative prompt early", "Part of the steps, from the start, without the negative prompt.",
        group="Sampler", infotext="Skip Early CFG", ge=0, le=1, slider=(0, 1, 0.01),
    )  # fmt: skip
    unipc_variant: Literal["bh1", "bh2", "vary_coeff"] = option(
        "bh1", "UniPC variant", "Form of B(h).", group="Sampler", infotext="UniPC variant"
    )
    unipc_skip_type: Literal["time_uniform", "time_quadratic", "logSNR"] = option(
        "time_uniform",
        "UniPC skip type",
        "How UniPC spaces its steps.",
        group="Sampler",
        labels=("Uniform in time", "Quadratic in time", "Uniform in log SNR"),
        infotext="UniPC skip type",
    )
    unipc_order: int = option(
        3,
        "UniPC order",
        "Order of the solver.",
        group="Sampler",
        ge=1,
        le=50,
        slider=(1, 50, 1),
        infotext="UniPC order",
    )
    unipc_lower_order_final: bool = option(
        True,
        "UniPC lower order final",
        "Lower the order in the last steps.",
        group="Sampler",
        infotext="UniPC lower order final",
    )

    @field_validator("sampler", mode="after")
    @classmethod
    def _known_sampler(cls, name: str) -> str:
        return SAMPLERS.entry(name).label

    @field_validator("scheduler", mode="after")
    @classmethod
    def _known_scheduler(cls, name: str) -> str:
        return SCHEDULERS.entry(name).label
