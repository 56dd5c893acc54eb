"""Programs that write one flat table of settings: SwarmUI, Fooocus, Draw Things and Easy Diffusion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from redraw.compat.foreign.found import Foreign, entries, lora_tag, number, stem, table, words
from redraw.compat.foreign.names import sampler_of, schedule_of

_NOTHING: Final[tuple[Any, ...]] = (None, False, 0, 0.0, "", [], {})
_NO_MODEL: Final = ("", "none", "default", "default (model)", "automatic")
_PAIR: Final = re.compile(r"\D*(\d+)\D+(\d+)\D*")

SWARM: Final[Mapping[str, str]] = {
    "prompt": "Prompt",
    "negativeprompt": "Negative prompt",
    "steps": "Steps",
    "cfgscale": "CFG scale",
    "seed": "Seed",
    "variationseed": "Variation seed",
    "variationseedstrength": "Variation seed strength",
    "initimagecreativity": "Denoising strength",
    "model": "Model",
    "vae": "VAE",
    "sampler": "Sampler",
    "scheduler": "Schedule type",
    "refinermodel": "Refiner",
}
FOOOCUS: Final[Mapping[str, str]] = {
    "prompt": "Prompt",
    "negative_prompt": "Negative prompt",
    "steps": "Steps",
    "guidance_scale": "CFG scale",
    "seed": "Seed",
    "base_model": "Model",
    "base_model_hash": "Model hash",
    "vae": "VAE",
    "clip_skip": "Clip skip",
    "sampler": "Sampler",
    "scheduler": "Schedule type",
    "refiner_model": "Refiner",
    "refiner_switch": "Refiner switch at",
    "resolution": "Size",
}
DRAW_THINGS: Final[Mapping[str, str]] = {
    "c": "Prompt",
    "uc": "Negative prompt",
    "steps": "Steps",
    "scale": "CFG scale",
    "seed": "Seed",
    "size": "Size",
    "sampler": "Sampler",
    "model": "Model",
    "strength": "Denoising strength",
}
EASY: Final[Mapping[str, str]] = {
    "prompt": "Prompt",
    "negative_prompt": "Negative prompt",
    "num_inference_steps": "Steps",
    "guidance_scale": "CFG scale",
    "seed": "Seed",
    "sampler_name": "Sampler",
    "use_stable_diffusion_model": "Model",
    "use_vae_model": "VAE",
    "prompt_strength": "Denoising strength",
    "tiling": "Tiling",
    "clip_skip": "Clip skip",
}
_SILENT: Final = frozenset(
    """width height loras loraweights lora full_prompt full_negative_prompt metadata_scheme created_by version
    swarm_version date generation_time aspectratio images seedmode use_lora_model lora_alpha init_image mask
    num_outputs session_id""".split()  # noqa: SIM905
)


def read_flat(said: Mapping[str, Any]) -> Foreign | None:
    """Return what a table of settings says, None if it is none of these programs'."""
    if isinstance(said.get("sui_image_params"), dict):
        return _swarm(said["sui_image_params"])
    if "base_model" in said and "prompt" in said:
        return _fooocus(said)
    if {"c", "scale"} <= said.keys():
        return _draw_things(said)
    return _easy(said) if "use_stable_diffusion_model" in said and "prompt" in said else None


def _read(program: str, said: Mapping[str, Any], keys: Mapping[str, str]) -> Foreign:
    """Take every setting that has a key, in the words of an infotext."""
    found = Foreign(program)
    for name, key in keys.items():
        value = said.get(name)
        if key in ("Model", "Refiner", "VAE"):
            value = None if words(value).lower() in _NO_MODEL else stem(words(value))
        elif key == "Size":
            value = f"{size[1]}x{size[2]}" if (size := _PAIR.fullmatch(str(value))) else None
        elif key == "Schedule type" and isinstance(value, str):
            value = schedule_of(value)
        elif key == "Sampler" and isinstance(value, str):
            value = sampler_of(value)
        found.take(key, value, name)
    width, height = number(said.get("width")), number(said.get("height"))
    if width and height and "Size" not in found.params:
        found.take("Size", f"{int(width)}x{int(height)}", "width, height")
    for name, value in said.items():
        if name not in keys and name not in _SILENT and value not in _NOTHING:
            found.leave(name, value)
    return found


def _swarm(said: Mapping[str, Any]) -> Foreign:
    found = _read("SwarmUI", said, SWARM)
    weights = entries(said.get("loraweights"))
    for at, name in enumerate(entries(said.get("loras"))):
        weight = number(weights[at]) if at < len(weights) else None
        _lora(found, words(name), weight)
    if "initimagecreativity" in said:
        found.note("it was made from a picture, which is not in the file")
    return found


def _fooocus(said: Mapping[str, Any]) -> Foreign:
    found = _read("Fooocus", said, FOOOCUS)
    for whole, key in (("full_prompt", "Prompt"), ("full_negative_prompt", "Negative prompt")):
        parts = [words(part) for part in entries(said.get(whole)) if words(part)]
        if parts:  # the prompt as the styles made it
            found.take(key, ", ".join(parts), whole)
    for entry in entries(said.get("loras")):
        name = words(entry[0]) if isinstance(entry, list) and entry else ""
        _lora(found, name, number(entry[1]) if isinstance(entry, list) and len(entry) > 1 else None)
    found.note("Fooocus changes guidance and noise in ways of its own: expect a picture like it, not the same")
    return found


def _draw_things(said: Mapping[str, Any]) -> Foreign:
    found = _read("Draw Things", said, DRAW_THINGS)
    if (number(said.get("strength")) or 1) >= 1:
        found.params.pop("Denoising strength", None)
    for entry in entries(said.get("lora")):
        _lora(found, words(table(entry).get("model")), number(table(entry).get("weight")))
    return found


def _easy(said: Mapping[str, Any]) -> Foreign:
    found = _read("Easy Diffusion", said, EASY)
    names, weights = said.get("use_lora_model"), said.get("lora_alpha")
    for at, name in enumerate(names if isinstance(names, list) else [names]):
        several = entries(weights)
        weight = number(several[at]) if at < len(several) else number(weights)
        if words(name):
            _lora(found, words(name), weight)
    if not said.get("init_image"):
        found.params.pop("Denoising strength", None)
    return found


def _lora(found: Foreign, name: str, weight: float | None) -> None:
    if name and name != "None":
        found.add_tag(lora_tag(name, 1.0 if weight is None else weight))
        found.know(f"LoRA {stem(name)}")
