"""What A1111 says about its samplers, schedulers and scripts, as data; nothing here is imported to be known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from redraw.registry import SAMPLERS


class SamplerFacts(NamedTuple):
    """A1111's spellings of a sampler, and the options its API shows (texts, "True" for switches)."""

    aliases: tuple[str, ...]
    options: Mapping[str, str]


def _facts(aliases: str, scheduler: str = "", switches: str = "", solver: str = "") -> SamplerFacts:
    options = {"scheduler": scheduler} if scheduler else {}
    options |= dict.fromkeys(switches.split(), "True")
    return SamplerFacts(tuple(aliases.split()), options | ({"solver_type": solver} if solver else {}))


SAMPLER_FACTS: Final[Mapping[str, SamplerFacts]] = {
    "DPM++ 2M": _facts("k_dpmpp_2m", "karras"),
    "DPM++ SDE": _facts("k_dpmpp_sde", "karras", "second_order brownian_noise"),
    "DPM++ 2M SDE": _facts("k_dpmpp_2m_sde", "exponential", "brownian_noise"),
    "DPM++ 2M SDE Heun": _facts("k_dpmpp_2m_sde_heun", "exponential", "brownian_noise", "heun"),
    "DPM++ 2S a": _facts("k_dpmpp_2s_a", "karras", "uses_ensd second_order"),
    "DPM++ 3M SDE": _facts("k_dpmpp_3m_sde", "exponential", "discard_next_to_last_sigma brownian_noise"),
    "Euler a": _facts("k_euler_a k_euler_ancestral", "", "uses_ensd"),
    "Euler": _facts("k_euler"),
    "LMS": _facts("k_lms"),
    "Heun": _facts("k_heun", "", "second_order"),
    "DPM2": _facts("k_dpm_2", "karras", "discard_next_to_last_sigma second_order"),
    "DPM2 a": _facts("k_dpm_2_a", "karras", "discard_next_to_last_sigma uses_ensd second_order"),
    "DPM fast": _facts("k_dpm_fast", "", "uses_ensd"),
    "DPM adaptive": _facts("k_dpm_ad", "", "uses_ensd"),
    "Restart": _facts("restart", "karras", "second_order"),
    "DDIM": _facts("ddim"),
    "DDIM CFG++": _facts("ddim_cfgpp"),
    "PLMS": _facts("plms"),
    "UniPC": _facts("unipc"),
    "LCM": _facts("k_lcm"),
}
TIMESTEP_SAMPLERS: Final = frozenset({"DDIM", "DDIM CFG++", "PLMS", "UniPC"})
"""Samplers on a grid of timesteps: the setting `eta_ddim` is theirs, `eta_ancestral` the others'."""

DEFAULT_RHO: Final[Mapping[str, float]] = {"karras": 7.0, "polyexponential": 1.0}
NEEDS_INNER_MODEL: Final = frozenset({"uniform", "sgm_uniform", "simple", "normal", "ddim", "beta"})
LATENT_UPSCALE_MODES: Final = (
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
)
UPSCALERS_LATER: Final = (
    *("DAT x2", "DAT x3", "DAT x4", "ESRGAN_4x", "LDSR", "R-ESRGAN 4x+", "R-ESRGAN 4x+ Anime6B"),
    *("ScuNET GAN", "ScuNET PSNR", "SwinIR 4x"),
)
"""Upscalers that come with A1111 and not with Redraw."""


def default_scheduler(sampler: str) -> str | None:
    """Return the internal name of the scheduler that "Automatic" stands for, or None; a plugin's sampler is loaded."""
    facts = SAMPLER_FACTS.get(sampler)
    found: Any = facts.options.get("scheduler") if facts else SAMPLERS.get(sampler).default_scheduler
    return None if found is None else str(found)


def is_timestep(sampler: str) -> bool:
    """Return whether a sampler walks a grid of timesteps; a plugin's sampler is loaded."""
    return sampler in TIMESTEP_SAMPLERS if sampler in SAMPLER_FACTS else SAMPLERS.get(sampler).family == "timestep"
