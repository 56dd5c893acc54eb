"""The built-in entries, registered through the same door as any plugin's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from redraw.registry import Registry

# name, label, module below redraw.sampling.samplers, attribute, aliases; the order is A1111's menu.
_SAMPLERS: Final = (
    ("dpmpp_2m", "DPM++ 2M", "dpmpp:DPMPP_2M", ("k_dpmpp_2m",)),
    ("dpmpp_sde", "DPM++ SDE", "dpmpp_sde:DPMPP_SDE", ("k_dpmpp_sde",)),
    ("dpmpp_2m_sde", "DPM++ 2M SDE", "dpmpp_sde:DPMPP_2M_SDE", ("k_dpmpp_2m_sde",)),
    ("dpmpp_2m_sde_heun", "DPM++ 2M SDE Heun", "dpmpp_sde:DPMPP_2M_SDE_HEUN", ("k_dpmpp_2m_sde_heun",)),
    ("dpmpp_2s_a", "DPM++ 2S a", "dpmpp:DPMPP_2S_A", ("k_dpmpp_2s_a", "dpmpp_2s_ancestral")),
    ("dpmpp_3m_sde", "DPM++ 3M SDE", "dpmpp_sde:DPMPP_3M_SDE", ("k_dpmpp_3m_sde",)),
    ("euler_a", "Euler a", "euler:EULER_A", ("k_euler_a", "k_euler_ancestral", "euler_ancestral")),
    ("euler", "Euler", "euler:EULER", ("k_euler",)),
    ("lms", "LMS", "lms:LMS", ("k_lms",)),
    ("heun", "Heun", "heun:HEUN", ("k_heun",)),
    ("dpm_2", "DPM2", "dpm2:DPM2", ("k_dpm_2",)),
    ("dpm_2_a", "DPM2 a", "dpm2:DPM2_A", ("k_dpm_2_a", "dpm_2_ancestral")),
    ("dpm_fast", "DPM fast", "dpm_solver:DPM_FAST", ("k_dpm_fast",)),
    ("dpm_adaptive", "DPM adaptive", "dpm_solver:DPM_ADAPTIVE", ("k_dpm_ad",)),
    ("restart", "Restart", "restart:RESTART", ()),
    ("ddim", "DDIM", "ddim:DDIM", ()),
    ("ddim_cfgpp", "DDIM CFG++", "ddim:DDIM_CFGPP", ()),
    ("plms", "PLMS", "plms:PLMS", ()),
    ("unipc", "UniPC", "unipc:UNIPC", ()),
    ("lcm", "LCM", "lcm:LCM", ("k_lcm",)),
)

# name, label, attribute of redraw.sampling.schedulers, aliases; the order is A1111's menu.
_SCHEDULERS: Final = (
    ("automatic", "Automatic", "automatic", ()),
    ("uniform", "Uniform", "uniform", ()),
    ("karras", "Karras", "karras", ()),
    ("exponential", "Exponential", "exponential", ()),
    ("polyexponential", "Polyexponential", "polyexponential", ()),
    ("sgm_uniform", "SGM Uniform", "sgm_uniform", ("SGMUniform",)),
    ("kl_optimal", "KL Optimal", "kl_optimal", ()),
    ("align_your_steps", "Align Your Steps", "align_your_steps", ()),
    ("simple", "Simple", "simple", ()),
    ("normal", "Normal", "normal", ()),
    ("ddim", "DDIM", "ddim_uniform", ()),
    ("beta", "Beta", "beta", ()),
)

# name, label, target below redraw, aliases.
_UPSCALERS: Final = (
    ("lanczos", "Lanczos", "image.resize:upscale_lanczos", ()),
    ("nearest", "Nearest", "image.resize:upscale_nearest", ()),
)


def register(shelves: Mapping[str, Registry[Any]]) -> None:
    """Put every built-in on its shelf; see the group `redraw.plugins` in pyproject.toml."""
    for name, label, target, aliases in _SAMPLERS:
        shelves["sampler"].add(name, label, f"redraw.sampling.samplers.{target}", aliases)
    for name, label, attribute, aliases in _SCHEDULERS:
        shelves["scheduler"].add(name, label, f"redraw.sampling.schedulers:{attribute}", aliases)
    for name, label, target, aliases in _UPSCALERS:
        shelves["upscaler"].add(name, label, f"redraw.{target}", aliases)
