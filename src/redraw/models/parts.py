"""Parts of a model that lie in other files: a separate VAE, and what a file lacks.

Everything comes out under the names of the original code, so that a file completed here is read like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from redraw.errors import ModelError, UnsupportedModel
from redraw.models.architecture import Mismatch, VaeShape, below, count, read_vae
from redraw.models.checkpoint import Checkpoint, open_checkpoint
from redraw.models.configs import vae_shape
from redraw.models.families import KINDS
from redraw.models.keymap import CHECKPOINT_PREFIX, modern_diffusers_name, vae_keys
from redraw.models.shards import Joined, open_part
from redraw.models.standard import standard

UNET: Final = CHECKPOINT_PREFIX["unet"]
VAE: Final = CHECKPOINT_PREFIX["vae"]
TEXT: Final = ("cond_stage_model.", "conditioner.")
_UNET_MARKS: Final = {"input_blocks.0.0.weight", "out.2.weight"}  # a ControlNet has the first, but not the last
_VAE_PREFIXES: Final = (VAE, "vae.", "")
_STEMS: Final = ("diffusion_pytorch_model", "pytorch_model")
_DIFFUSERS_MARK: Final = "decoder.up_blocks.0.resnets.0.conv1.weight"


def missing_parts(names: Iterable[str]) -> list[str]:
    """Return, in words, what a file with these tensors lacks; nothing for a whole checkpoint and for other files."""
    names = list(names)
    if _unet_prefix(names) is None:
        return []
    reasons = []
    if not _has(names, VAE):
        reasons.append("it has no VAE; name one (--vae)")
    if not _has(names, *TEXT):
        reasons.append("it has no text encoder; it has to be loaded together with a whole checkpoint of its kind")
    return reasons


def completed(checkpoint: Checkpoint, vae: Path | None = None, base: Path | None = None) -> Checkpoint:
    """Return `checkpoint` with the parts it lacks; itself if it lacks none, or is no checkpoint at all.

    Args:
        checkpoint: from `standard`.
        vae: a VAE, taken if the file has none.
        base: a whole checkpoint of the same family that lends VAE and text encoders where the file has none.

    Raises:
        UnsupportedModel: something is missing that nobody gives; says how to give it.
    """
    prefix = _unet_prefix(checkpoint)
    if prefix is None or (prefix == UNET and not missing_parts(checkpoint)):
        return checkpoint
    entries = {(k if prefix == UNET else UNET + k[len(prefix) :]): (checkpoint, k) for k in checkpoint}
    notes = list(checkpoint.notes)
    if not _has(entries, VAE) and vae is not None:
        _, other = open_vae(vae)
        entries |= {VAE + key: (other, key) for key in other}
    if base is not None:
        whole = standard(open_checkpoint(base))
        for what, prefixes in (("VAE", (VAE,)), ("text encoder", TEXT)):
            if not _has(entries, *prefixes) and _has(whole, *prefixes):
                entries |= {key: (whole, key) for key in whole if key.startswith(prefixes)}
                notes.append(f"the {what} is that of {base.name}")
    lacking = missing_parts(entries)
    if lacking:
        raise UnsupportedModel(checkpoint.path.name, lacking)
    return Joined(checkpoint.path, entries, checkpoint.metadata, checkpoint.skipped, tuple(notes))


def open_vae(path: Path) -> tuple[VaeShape, Checkpoint]:
    """Open a VAE: a file of its own, one inside a checkpoint, or a folder as diffusers saves it.

    Names may be the original's, with or without `first_stage_model.`, or diffusers' of any age; they come out as the
    original's without prefix.

    Raises:
        ModelError: missing or damaged.
        UnsupportedModel: it is something else, or no VAE that Redraw can build.
    """
    if path.is_dir():
        return _folder_vae(path)
    checkpoint = standard(open_checkpoint(path))
    prefix = next(p for p in _VAE_PREFIXES if not p or _has(checkpoint, f"{p}decoder."))
    names = {key: key[len(prefix) :] for key in checkpoint if key.startswith(prefix)}
    shapes = below({k: spec.shape for k, spec in checkpoint.items()}, prefix)
    try:
        if _DIFFUSERS_MARK in shapes:
            levels = count(shapes, "decoder.up_blocks.{}.")
            blocks = count(shapes, "encoder.down_blocks.0.resnets.{}.")
            names = _ldm_names(names, VaeShape((0,) * levels, blocks, 0))
        found = Joined(path, {name: (checkpoint, key) for key, name in names.items()}, checkpoint.metadata)
        return read_vae({k: spec.shape for k, spec in found.items()}), found
    except Mismatch as error:
        kind = next((k for k in KINDS if k.matches(checkpoint)), None)
        what = [f"this is {kind.label}"] if kind is not None and kind.name != "vae" else []
        raise UnsupportedModel(path.name, [*what, f"as a VAE: {error}"]) from error


def _folder_vae(path: Path) -> tuple[VaeShape, Checkpoint]:
    folder = path if (path / "config.json").is_file() else path / "vae"
    config: Any = None
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        shape = vae_shape(config)
    except FileNotFoundError as error:
        raise UnsupportedModel(path.name, ["the folder has no config.json, and no vae/config.json"]) from error
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, Mismatch):
            raise UnsupportedModel(path.name, [f"as a VAE: {error}"]) from error
        raise ModelError(f"{folder / 'config.json'} cannot be read: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        kind = config.get("_class_name", "something else") if isinstance(config, dict) else "something else"
        raise UnsupportedModel(path.name, [f"as a VAE: its configuration is that of {kind}"]) from error
    weights = open_part(folder, _STEMS)
    names = _ldm_names({key: key for key in weights}, shape)
    return shape, Joined(path, {name: (weights, key) for key, name in names.items()}, weights.metadata)


def _ldm_names(names: dict[str, str], shape: VaeShape) -> dict[str, str]:
    """Return key to LDM name, from key to diffusers name; unknown ones keep theirs."""
    keys = vae_keys(shape)
    return {key: keys.ldm_name(modern_diffusers_name(name)) or name for key, name in names.items()}


def _unet_prefix(names: Iterable[str]) -> str | None:
    """Return what stands before the names of a UNet: nothing in a file that is one, None if there is none."""
    there = set(names)
    return next((p for p in (UNET, "diffusion_model.", "") if {p + mark for mark in _UNET_MARKS} <= there), None)


def _has(names: Iterable[str], *prefixes: str) -> bool:
    return any(name.startswith(prefixes) for name in names)
