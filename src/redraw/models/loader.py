"""From a file or folder to a `Model`: networks are built without memory and take the file's own pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import torch

from redraw.models.advice import Advice, advice_for
from redraw.models.architecture import Architecture, VaeShape
from redraw.models.checkpoint import Checkpoint, open_checkpoint
from redraw.models.detect import UNET, VAE, detect
from redraw.models.families import Family
from redraw.models.folders import open_folder
from redraw.models.hints import MARKS, Hints
from redraw.models.keymap import KeyMap, modern_diffusers_name, text_keys, unet_keys, vae_keys
from redraw.models.model import Model, ModelFacts
from redraw.models.networks import build_text_encoder, build_unet, build_vae, fill
from redraw.models.openclip import PROJECTION, to_transformers
from redraw.models.parts import completed, open_vae
from redraw.models.probe import probed
from redraw.models.schedule import ends_in_noise, noise_schedule
from redraw.models.standard import standard
from redraw.models.text import TextEncoder

# Tensors of a checkpoint that nobody needs: schedules that follow from alphas_cumprod, averages, pooled text.
_KNOWN_EXTRAS: Final = (
    *("betas", "alphas_", "sqrt_", "log_one_minus", "posterior_", "model_ema.", "scale_factor", "logvar"),
    *("first_stage_model.loss.", "cond_stage_model.logit_scale", "cond_stage_model.text_projection", "lvlb_weights"),
    *("cond_stage_model.transformer.vision_model", "model_ema", "ddpm.", "v_posterior", "denoiser."),
    *MARKS,
    *("conditioner.embedders.0.logit_scale", "conditioner.embedders.0.text_projection"),
)
State = dict[str, torch.Tensor]


@dataclass
class Source:
    """An opened model: its shape, and its weights by network under diffusers' names."""

    path: Path
    family: Family
    shape: Architecture
    hints: Hints
    state: Callable[[str], State]
    alphas_cumprod: torch.Tensor | None = None
    notes: list[str] = field(default_factory=list)
    advice: Advice | None = None
    zeros_for_empty: bool | None = None


def load_model(
    path: Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    vae: Path | None = None,
    vae_dtype: torch.dtype | None = None,
    cache: Path | None = None,
    base: Path | None = None,
) -> Model:
    """Load a checkpoint file or a diffusers folder.

    Args:
        path: a single file (.safetensors, .ckpt, .pt, ...) or a folder with `unet/`, `vae/` and `text_encoder/`.
        device: where the networks go.
        dtype: number format of UNet and VAE (and, off the CPU, of the text encoder).
        vae: another file or folder whose VAE replaces the model's own.
        vae_dtype: number format of the VAE, if it shall differ.
        cache: folder that keeps file hashes between runs.
        base: a whole checkpoint that lends VAE and text encoder to a file that lacks them.

    Raises:
        ModelError: missing, damaged or incomplete; `UnsupportedModel` and `UnsafeFile` are among these.
    """
    source = _folder_source(path) if path.is_dir() else _file_source(path, vae, base)
    shape = source.shape
    text_encoders, unused = _text_encoders(source)
    unet = build_unet(shape.unet)
    unused += fill(unet, source.state("unet"), f"{path.name}: the UNet")
    vae_shape, vae_state, vae_name = (shape.vae, source.state("vae"), path.name) if vae is None else _external_vae(vae)
    network = build_vae(vae_shape)
    unused += fill(network, vae_state, f"{vae_name}: the VAE")
    notes = list(source.notes)
    if unused:
        notes.append(f"{len(unused)} tensors of the file were not used, among them {', '.join(unused[:3])}")
    if shape.unet.guidance:
        notes.append("the UNet takes the CFG scale itself; the negative prompt has no effect")
    schedule = _schedule(source)
    facts = ModelFacts(
        path=path,
        family=source.family,
        shape=replace(shape, vae=vae_shape),
        prediction=source.hints.prediction or source.family.prediction,
        native_size=source.hints.native_size
        or source.family.size_for(source.hints.prediction or source.family.prediction),
        scale_factor=float(source.hints.vae.get("scaling_factor") or source.family.scale_factor),
        preview=source.hints.preview or _family_preview(source.family, vae_shape),
        vae_path=vae,
        zero_terminal_snr=source.hints.zero_terminal_snr or ends_in_noise(schedule),
        prediction_from="what is said about it" if source.hints.prediction else "the family",
        zeros_for_empty=source.family.zeros_for_empty if source.zeros_for_empty is None else source.zeros_for_empty,
        vae_overflows=source.family.vae_overflows and bool(source.hints.vae.get("force_upcast", True)),
        advice=source.advice,
    )
    model = Model(facts, unet, network, text_encoders, schedule, notes, cache, source.state)
    model.to(device, dtype, vae_dtype)
    if source.family.probed and source.hints.prediction is None:
        model.facts = probed(model, source.hints.native_size)
    return model


def _text_encoders(source: Source) -> tuple[list[TextEncoder], list[str]]:
    """Return the text encoders with their weights, and the names nobody needed."""
    encoders, unused = [], []
    for slot, shape in zip(source.family.text, source.shape.texts, strict=True):
        network = build_text_encoder(shape)
        state = source.state(slot.part)
        if slot.rule.pooled:
            state = {k if k == PROJECTION else f"text_model.{k}": v for k, v in state.items()}
        else:
            state = {k: v for k, v in state.items() if k != PROJECTION}
        which = "the text encoder" if len(source.family.text) == 1 else f"the text encoder {slot.rule.name}"
        unused += fill(network, state, f"{source.path.name}: {which}")
        cut = bool(slot.cut) and (source.path.is_dir() or shape.layers == slot.cut)
        encoders.append(TextEncoder(replace(slot.rule, drop=0) if cut else slot.rule, network))
    return encoders, unused


def _family_preview(family: Family, vae: VaeShape) -> tuple[tuple[float, ...], ...] | None:
    return family.preview if vae.channels == family.preview_widths else None


def _schedule(source: Source) -> torch.Tensor:
    """Return alphas_cumprod `[T]` fp32: the file's own, else what is said about it, else the family's."""
    family = source.family
    return noise_schedule(source.hints.scheduler, family.betas, family.timesteps, source.alphas_cumprod)


def _file_source(path: Path, vae: Path | None = None, base: Path | None = None) -> Source:
    checkpoint = completed(standard(open_checkpoint(path)), vae, base)
    found = detect(checkpoint)
    maps = {"unet": (UNET, unet_keys(found.shape.unet)), "vae": (VAE, vae_keys(found.shape.vae))}
    texts = {slot.part: (prefix, slot) for prefix, slot in zip(found.text_prefixes, found.family.text, strict=True)}
    notes = [f"left alone in {path.name}: {', '.join(checkpoint.skipped[:3])}"] if checkpoint.skipped else []
    notes += checkpoint.notes
    prefixes = (UNET, VAE, *found.text_prefixes)
    extra = [k for k in checkpoint if not k.startswith((*prefixes, *_KNOWN_EXTRAS))]
    if extra:
        notes.append(f"{len(extra)} tensors of the file belong to no network, among them {', '.join(extra[:3])}")
    schedule = checkpoint.tensor("alphas_cumprod") if "alphas_cumprod" in checkpoint else None

    def state(part: str) -> State:
        if part in maps:
            return _renamed(checkpoint, *maps[part])
        prefix, slot = texts[part]
        if slot.layout == "transformers":
            return _renamed(checkpoint, prefix, text_keys())
        return to_transformers(
            {k.removeprefix(prefix): checkpoint.tensor(k) for k in checkpoint if k.startswith(prefix)}
        )

    advice = advice_for(path.stem, checkpoint.metadata, found.hints.scheduler)
    return Source(path, found.family, found.shape, found.hints, state, schedule, notes, advice)


def _renamed(checkpoint: Checkpoint, prefix: str, keys: KeyMap) -> State:
    """Return one network's tensors, still on disk, under diffusers' names; unknown ones keep their own."""
    state: State = {}
    for key in checkpoint:
        if key.startswith(prefix):
            name = keys.diffusers_name(key[len(prefix) :])
            state[name or key] = keys.diffusers_shaped(name, checkpoint.tensor(key)) if name else checkpoint.tensor(key)
    return state


def _folder_source(path: Path) -> Source:
    folder = open_folder(path)
    readers: Mapping[str, Callable[[str], str]] = {
        "unet": str,
        "vae": modern_diffusers_name,
        **{part: lambda k: k.removeprefix("text_model.") for part in ("text_encoder", "text_encoder_2")},
    }

    def state(part: str) -> State:
        checkpoint = folder.weights[part]
        named = {readers[part](k): checkpoint.tensor(k) for k in checkpoint}
        if part == "vae":
            keys = vae_keys(folder.shape.vae)
            named = {k: keys.diffusers_shaped(k, v) for k, v in named.items()}
        return named

    advice = advice_for(path.name, {}, folder.hints.scheduler)
    source = Source(path, folder.family, folder.shape, folder.hints, state, advice=advice)
    source.zeros_for_empty = folder.zeros_for_empty
    return source


def _external_vae(path: Path) -> tuple[VaeShape, State, str]:
    """Return shape, weights and name of a separate VAE."""
    shape, checkpoint = open_vae(path)
    return shape, _renamed(checkpoint, "", vae_keys(shape)), path.name
