"""Models as diffusers saves them: a folder with `unet/`, `vae/` and `text_encoder/`, each with a `config.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redraw.errors import ModelError, UnsupportedModel
from redraw.models.architecture import Architecture, Mismatch
from redraw.models.checkpoint import Checkpoint
from redraw.models.configs import from_configs
from redraw.models.families import FAMILIES, Family
from redraw.models.hints import Hints, merged
from redraw.models.shards import open_part

_PARTS: Final[Mapping[str, str]] = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
_OLD_STEM: Final = "pytorch_model"


@dataclass(frozen=True)
class Folder:
    """A diffusers folder that is understood."""

    family: Family
    shape: Architecture
    hints: Hints
    weights: Mapping[str, Checkpoint]


def is_model_folder(path: Path) -> bool:
    """Return whether `path` looks like a model in diffusers' layout."""
    return all((path / part / "config.json").is_file() for part in _PARTS)


def open_folder(path: Path) -> Folder:
    """Open a diffusers folder; no weight is read yet.

    Raises:
        ModelError: a part or its weights are missing or damaged.
        UnsupportedModel: it is no Stable Diffusion 1 model; says why.
    """
    if not is_model_folder(path):
        missing = [part for part in _PARTS if not (path / part / "config.json").is_file()]
        raise UnsupportedModel(path.name, [f"the folder has no {part}/config.json" for part in missing])
    if (path / "text_encoder_2").is_dir() or (path / "transformer").is_dir():
        raise UnsupportedModel(path.name, ["it has more networks than Stable Diffusion 1"])
    configs = {part: _config(path / part / "config.json") for part in _PARTS}
    try:
        shape = from_configs(configs["unet"], configs["vae"], configs["text_encoder"])
    except (Mismatch, KeyError, TypeError, ValueError) as error:
        raise UnsupportedModel(path.name, [f"its configuration: {error}"]) from error
    family = _family(path.name, shape, configs["text_encoder"])
    found: list[tuple[str, Mapping[str, Any]]] = [("the folder", configs)]
    scheduler = path / "scheduler" / "scheduler_config.json"
    if scheduler.is_file():
        found.append((scheduler.name, {"scheduler": _config(scheduler)}))
    weights = {part: open_part(path / part, (stem, _OLD_STEM)) for part, stem in _PARTS.items()}
    return Folder(family, shape, merged(found), weights)


def _family(name: str, shape: Architecture, text: Mapping[str, Any]) -> Family:
    reasons = []
    if shape.unet.context != shape.text.width:
        reasons.append(f"UNet and text encoder do not fit: widths {shape.unet.context} and {shape.text.width}")
    if shape.unet.in_channels not in (4, 8, 9):
        reasons.append(f"the UNet takes {shape.unet.in_channels} channels")
    if shape.text.vocabulary != 49408:
        reasons.append(f"the text encoder knows {shape.text.vocabulary} tokens, not CLIP's 49408")
    if shape.text.activation != "quick_gelu":
        reasons.append(f"the text encoder is not Stable Diffusion 1's (activation {shape.text.activation})")
    if reasons:
        raise UnsupportedModel(name, reasons)
    return FAMILIES[0]


def _config(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} is no JSON object")
    return value
