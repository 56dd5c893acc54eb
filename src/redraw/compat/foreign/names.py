"""Other programs' names of samplers and schedules, as A1111 calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SAMPLERS: Final[Mapping[str, str]] = {
    "euler": "Euler",
    "euler_ancestral": "Euler a",
    "euler_a": "Euler a",
    "heun": "Heun",
    "lms": "LMS",
    "lmsd": "LMS",
    "dpm_2": "DPM2",
    "kdpm_2": "DPM2",
    "kdpm2": "DPM2",
    "dpm2": "DPM2",
    "dpm_2_ancestral": "DPM2 a",
    "dpm_2_a": "DPM2 a",
    "kdpm_2_a": "DPM2 a",
    "kdpm2_a": "DPM2 a",
    "dpm2_a": "DPM2 a",
    "dpm_fast": "DPM fast",
    "dpm_adaptive": "DPM adaptive",
    "dpm_ad": "DPM adaptive",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "dpmpp_2s_a": "DPM++ 2S a",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_heun": "DPM++ 2M SDE Heun",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "ddim": "DDIM",
    "ddim_v3": "DDIM",
    "plms": "PLMS",
    "pndm": "PLMS",
    "uni_pc": "UniPC",
    "uni_pc_bh2": "UniPC",
    "unipc": "UniPC",
    "lcm": "LCM",
    "restart": "Restart",
}
_SCHEDULES: Final[Mapping[str, str]] = {
    "normal": "Normal",
    "karras": "Karras",
    "exponential": "Exponential",
    "polyexponential": "Polyexponential",
    "sgm_uniform": "SGM Uniform",
    "simple": "Simple",
    "ddim_uniform": "DDIM",
    "beta": "Beta",
    "kl_optimal": "KL Optimal",
    "align_your_steps": "Align Your Steps",
    "ays": "Align Your Steps",
    "default": "Automatic",
    "automatic": "Automatic",
    "native": "Automatic",
}


def sampler_of(name: str) -> str:
    """Return A1111's label of a sampler; a name nobody here knows comes back as it is."""
    plain = name.strip().lower().replace(" ", "_").replace("dpm++", "dpmpp")
    plain = plain.removesuffix("_gpu")
    return _SAMPLERS.get(plain) or _SAMPLERS.get(plain.removeprefix("k_")) or name


def schedule_of(name: str) -> str:
    """Return A1111's label of a schedule; a name nobody here knows comes back as it is."""
    return _SCHEDULES.get(name.strip().lower().replace(" ", "_"), name)


def with_schedule(name: str) -> tuple[str, str | None]:
    """Return sampler and schedule of a name in which `_k` at the end means Karras, as InvokeAI writes them."""
    plain = name.strip().lower()
    if plain.endswith("_k"):
        return sampler_of(plain.removesuffix("_k")), "Karras"
    return sampler_of(name), None


def is_sampler(name: str) -> bool:
    """Return whether `sampler_of` knows a name."""
    return sampler_of(name) in set(_SAMPLERS.values())
