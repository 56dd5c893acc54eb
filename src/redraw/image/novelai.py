"""Infotext for pictures made by NovelAI, which keeps its settings as JSON in text chunks of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from redraw.geometry import Size
from redraw.image.infotext import build

_DEFAULT_SAMPLER: Final = "Euler a"
_SAMPLERS: Final = {
    "k_euler_ancestral": "Euler a",
    "k_euler": "Euler",
    "k_lms": "LMS",
    "k_heun": "Heun",
    "k_dpm_2": "DPM2",
    "k_dpm_2_ancestral": "DPM2 a",
    "k_dpmpp_2s_ancestral": "DPM++ 2S a",
    "k_dpmpp_2m": "DPM++ 2M",
    "k_dpmpp_sde": "DPM++ SDE",
    "ddim": "DDIM",
    "plms": "PLMS",
}


def infotext(text: Mapping[str, str], size: Size) -> str | None:
    """Return A1111's reading of a NovelAI picture's text chunks, None if they are not NovelAI's.

    Clip skip and the seed delta are NovelAI's fixed settings; with them A1111 comes near the same picture.
    """
    if text.get("Software") != "NovelAI":
        return None
    try:
        settings = json.loads(text.get("Comment", ""))
    except (ValueError, RecursionError):
        return None
    if not isinstance(settings, dict):
        return None
    params = {
        "Steps": settings.get("steps"),
        "Sampler": _SAMPLERS.get(str(settings.get("sampler")), _DEFAULT_SAMPLER),
        "CFG scale": settings.get("scale"),
        "Seed": settings.get("seed"),
        "Size": str(size),
        "Clip skip": 2,
        "ENSD": 31337,
    }
    return build(text.get("Description", ""), str(settings.get("uc") or ""), params)
