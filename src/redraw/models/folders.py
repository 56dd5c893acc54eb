"""Models as diffusers saves them: a folder with `unet/`, `vae/` and `text_encoder/`, each with a `config.json`.

SDXL has a `text_encoder_2/` besides, its refiner that one alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redraw.errors import ModelError, UnsupportedModel
from redraw.models.architecture import Architecture, Mismatch, check_fit, with_waves
from redraw.models.checkpoint import Checkpoint
from redraw.models.configs import Config, from_configs
from redraw.models.families import FAMILIES, VOCABULARY, Family
from redraw.models.hints import Hints, merged
from redraw.models.shards import open_part

_STEMS: Final[Mapping[str, str]] = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "text_encoder_2": "model",
}
_OLD_STEM: Final = "pytorch_model"
_TEXT: Final = ("text_encoder", "text_encoder_2")


@dataclass(frozen=True)
class Folder:
    """A diffusers folder that is understood.

    Attributes:
        family: what it is one of.
        shape: its widths and depths.
        hints: what its configurations say besides.
        weights: its files by part.
        zeros_for_empty: whether an empty negative prompt is a context of zeros, None where it does not say.
    """

    family: Family
    shape: Architecture
    hints: Hints
    weights: Mapping[str, Checkpoint]
    zeros_for_empty: bool | None = None


def is_model_folder(path: Path) -> bool:
    """Return whether `path` looks like a model in diffusers' layout."""
    return all((path / part / "config.json").is_file() for part in ("unet", "vae")) and bool(_texts(path))


def open_folder(path: Path) -> Folder:
    """Open a diffusers folder; no weight is read yet.

    Raises:
        ModelError: a part or its weights are missing or damaged.
        UnsupportedModel: it is no model of a known family; says why.
    """
    if not is_model_folder(path):
        missing = [part for part in ("unet", "vae") if not (path / part / "config.json").is_file()]
        missing += [] if _texts(path) else ["text_encoder"]
        raise UnsupportedModel(path.name, [f"the folder has no {part}/config.json" for part in missing])
    configs = {part: _config(path / part / "config.json") for part in ("unet", "vae", *_texts(path))}
    family = _family(path, configs)
    try:
        texts = [configs[slot.part] for slot in family.text]
        shape = from_configs(configs["unet"], configs["vae"], *texts, pooled=[s.rule.pooled for s in family.text])
        check_fit(shape)
        with_waves(shape.unet, shape.texts, family.sizes)
    except (Mismatch, KeyError, TypeError, ValueError) as error:
        raise UnsupportedModel(path.name, [f"for {family.label}: its configuration: {error}"]) from error
    reasons = [f"{t.vocabulary} tokens, not CLIP's {VOCABULARY}" for t in shape.texts if t.vocabulary != VOCABULARY]
    if reasons:
        raise UnsupportedModel(path.name, [f"the text encoder knows {reason}" for reason in reasons])
    found: list[tuple[str, Mapping[str, Any]]] = [("the folder", configs)]
    scheduler = path / "scheduler" / "scheduler_config.json"
    if scheduler.is_file():
        found.append((scheduler.name, {"scheduler": _config(scheduler)}))
    weights = {part: open_part(path / part, (_STEMS[part], _OLD_STEM)) for part in configs}
    index = path / "model_index.json"
    zeros = _config(index).get("force_zeros_for_empty_prompt") if index.is_file() else None
    return Folder(family, shape, merged(found), weights, zeros if isinstance(zeros, bool) else None)


def _texts(path: Path) -> tuple[str, ...]:
    """Return which text encoders the folder has."""
    return tuple(part for part in _TEXT if (path / part / "config.json").is_file())


def _family(path: Path, configs: Mapping[str, Config]) -> Family:
    """Return the family with these text encoders, or say why there is none."""
    unet = configs["unet"]
    channels, sizes = int(unet.get("in_channels", 4)), unet.get("addition_embed_type") == "text_time"
    texts = {part: str(configs[part].get("hidden_act", "quick_gelu")) for part in configs if part in _TEXT}
    reasons = []
    for family in FAMILIES:
        wanted = {slot.part: slot.activation for slot in family.text}
        if texts != wanted:
            said = ", ".join(f"{part} with the activation {act}" for part, act in texts.items())
            reasons.append(f"for {family.label}: it has {said}")
        elif sizes != bool(family.sizes):
            reasons.append(f"for {family.label}: the UNet's addition_embed_type is {unet.get('addition_embed_type')!r}")
        elif channels not in family.in_channels:
            reasons.append(f"for {family.label}: the UNet takes {channels} channels")
        else:
            return family
    if (path / "transformer").is_dir():
        reasons.insert(0, "it has a transformer besides or instead of a UNet")
    raise UnsupportedModel(path.name, reasons)


def _config(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} is no JSON object")
    return value
