"""What tensor shapes cannot tell about a checkpoint, and who tells it instead.

In this order, the first to say something wins: safetensors metadata (`redraw.unet`, `redraw.text_encoder`,
`redraw.vae`, `redraw.scheduler`: JSON objects in diffusers' and transformers' terms; `redraw.native_size`: pixels;
`redraw.preview`: a JSON matrix, one row [r, g, b] per latent channel and maybe one more row to add), the empty tensors
`v_pred` and `ztsnr` that some files carry as marks, the metadata other programs write (`modelspec.prediction_type`,
`modelspec.predict_key`, `ss_v_parameterization`, `ss_zero_terminal_snr`), a file `<stem>.json` beside the checkpoint
with the same names as the metadata without `redraw.`, and A1111's `<stem>.yaml`. What nobody says is the family's
default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from redraw.errors import ModelError
from redraw.models.checkpoint import Checkpoint
from redraw.models.families import Prediction

MAX_SIDECAR: Final = 2**20
_SECTIONS: Final = ("unet", "vae", "text_encoder", "text_encoder_2", "scheduler")
_SINGLES: Final = ("native_size", "preview")
_PREDICTIONS: Final[Mapping[str, Prediction]] = {
    "epsilon": "eps",
    "eps": "eps",
    "v_prediction": "v",
    "v-prediction": "v",
    "v": "v",
    "vpred": "v",
    "v_pred": "v",
}
MARKS: Final = ("v_pred", "ztsnr")
"""Names of empty tensors that say something about the whole file."""

# LDM's names of noise schedules; its "linear" is linear in the square root of beta.
_LDM_SCHEDULES: Final[Mapping[str, str]] = {
    "linear": "scaled_linear",
    "sqrt_linear": "linear",
    "cosine": "squaredcos_cap_v2",
}
_ZERO_SNR: Final = ("zero_terminal_snr", "ztsnr", "use_zero_snr", "rescale_betas_zero_snr")


@dataclass(frozen=True)
class Hints:
    """Facts about a checkpoint from outside its tensors.

    Attributes:
        unet, vae, text_encoder, text_encoder_2, scheduler: as in `config.json` files of diffusers and transformers.
        native_size: side in pixels, or None.
        preview: latent channel to RGB, or None.
        sources: who said something, for `describe`.
    """

    unet: Mapping[str, Any] = field(default_factory=dict)
    vae: Mapping[str, Any] = field(default_factory=dict)
    text_encoder: Mapping[str, Any] = field(default_factory=dict)
    text_encoder_2: Mapping[str, Any] = field(default_factory=dict)
    scheduler: Mapping[str, Any] = field(default_factory=dict)
    native_size: int | None = None
    preview: tuple[tuple[float, ...], ...] | None = None
    sources: tuple[str, ...] = ()

    def text(self, part: str) -> Mapping[str, Any]:
        """Return what was said about one text encoder, `text_encoder` or `text_encoder_2`."""
        return {"text_encoder": self.text_encoder, "text_encoder_2": self.text_encoder_2}[part]

    @property
    def prediction(self) -> Prediction | None:
        """What the UNet predicts, if anybody said so; an unknown word raises `ModelError`."""
        word = self.scheduler.get("prediction_type")
        if word is None:
            return None
        if str(word).lower() not in _PREDICTIONS:
            raise ModelError(f"the prediction type {word!r} is not supported; epsilon and v_prediction are")
        return _PREDICTIONS[str(word).lower()]

    @property
    def zero_terminal_snr(self) -> bool:
        """Whether anybody said that it was trained down to pure noise (Lin et al. 2023)."""
        return _true(self.scheduler.get("rescale_betas_zero_snr"))


def hints_for(checkpoint: Checkpoint) -> Hints:
    """Collect what metadata, sidecar and yaml say about `checkpoint`."""
    found: list[tuple[str, Mapping[str, Any]]] = [
        ("metadata", _from_metadata(checkpoint)),
        ("marks among its tensors", _from_marks(checkpoint)),
        ("metadata", _from_trainers(checkpoint.metadata)),
    ]
    sidecar = checkpoint.path.with_suffix(".json")
    if sidecar.is_file():
        found.append((sidecar.name, _read_json(sidecar)))
    config = checkpoint.path.with_suffix(".yaml")
    if config.is_file():
        found.append((config.name, _read_yaml(config)))
    return merged(found)


def merged(found: list[tuple[str, Mapping[str, Any]]]) -> Hints:
    """Lay several sources over each other; earlier ones win, field by field."""
    sections: dict[str, dict[str, Any]] = {name: {} for name in _SECTIONS}
    singles: dict[str, Any] = {}
    sources = []
    for source, raw in found:
        for name in _SECTIONS:
            section = raw.get(name)
            if isinstance(section, Mapping):
                sections[name] = {**section, **sections[name]}
        for name in _SINGLES:
            if raw.get(name) is not None:
                singles.setdefault(name, raw[name])
        if any(raw.get(name) is not None for name in (*_SECTIONS, *_SINGLES)):
            sources += [source] if source not in sources else []
    try:
        size = int(singles["native_size"]) if "native_size" in singles else None
        rows = singles.get("preview")
        preview = None if rows is None else tuple(tuple(float(v) for v in row) for row in rows)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{' and '.join(sources)}: native_size or preview is not a number: {error}") from error
    if preview is not None and (len(preview) < 4 or any(len(row) != 3 for row in preview)):
        raise ModelError(f"{' and '.join(sources)}: preview is not a matrix of three columns, a row per latent channel")
    return Hints(**sections, native_size=size, preview=preview, sources=tuple(sources))


def _from_metadata(checkpoint: Checkpoint) -> dict[str, Any]:
    raw: dict[str, Any] = {}
    for name in (*_SECTIONS, *_SINGLES):
        text = checkpoint.metadata.get(f"redraw.{name}")
        if text is not None:
            raw[name] = _parsed(text, f"{checkpoint.path.name}: its metadata redraw.{name}")
    return raw


def _from_marks(checkpoint: Checkpoint) -> dict[str, Any]:
    scheduler: dict[str, Any] = {}
    if "v_pred" in checkpoint:
        scheduler["prediction_type"] = "v_prediction"
    if "ztsnr" in checkpoint:
        scheduler["rescale_betas_zero_snr"] = True
    return {"scheduler": scheduler} if scheduler else {}


def _from_trainers(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return what other programs' metadata say; a word nobody knows says nothing."""
    scheduler: dict[str, Any] = {}
    for key in ("modelspec.prediction_type", "modelspec.predict_key"):
        word = metadata.get(key, "").strip().lower()
        if word in _PREDICTIONS:
            scheduler.setdefault("prediction_type", word)
    if _true(metadata.get("ss_v_parameterization")):
        scheduler.setdefault("prediction_type", "v_prediction")
    if any(_true(metadata.get(key)) for key in ("ss_zero_terminal_snr", "modelspec.zero_terminal_snr")):
        scheduler["rescale_betas_zero_snr"] = True
    return {"scheduler": scheduler} if scheduler else {}


def _true(value: Any) -> bool:
    """Return whether a setting is on, also where somebody wrote it as text."""
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)


def _read_json(path: Path) -> dict[str, Any]:
    value = _parsed(_text(path), str(path))
    return value if isinstance(value, dict) else {}


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{what} is no JSON: {error}") from error


def _read_yaml(path: Path) -> dict[str, Any]:
    """Return what A1111's model configuration says, in diffusers' terms."""
    import yaml  # type: ignore[import-untyped]

    try:
        document = yaml.safe_load(_text(path))
    except (yaml.YAMLError, RecursionError) as error:
        raise ModelError(f"{path} is no YAML: {str(error).splitlines()[0]}") from error
    return {k: v for k, v in _ldm_facts(_at(document, "model", "params")).items() if v}


def _ldm_facts(params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the facts in `model.params` of a configuration of LDM (SD 1 and 2) or SGM (SDXL)."""
    unet = _at(params, "unet_config", "params")
    raw: dict[str, dict[str, Any]] = {"unet": {}, "vae": {}, "scheduler": {}}
    for section, there, source, here in (
        ("unet", unet, "num_heads", "num_attention_heads"),
        ("unet", unet, "num_head_channels", "num_head_channels"),
        ("vae", params, "scale_factor", "scaling_factor"),
        ("scheduler", params, "parameterization", "prediction_type"),
        ("scheduler", params, "linear_start", "beta_start"),
        ("scheduler", params, "linear_end", "beta_end"),
    ):
        value = there.get(source)
        if value is not None and value != -1:  # -1 stands for "not this way" in those files
            raw[section][here] = value
    kind = params.get("beta_schedule")
    if kind is not None:
        raw["scheduler"]["beta_schedule"] = _LDM_SCHEDULES.get(str(kind), str(kind))
    if any(_true(params.get(name)) for name in _ZERO_SNR):
        raw["scheduler"]["rescale_betas_zero_snr"] = True
    scaling = str(_at(params, "denoiser_config", "params", "scaling_config").get("target", ""))
    if scaling.endswith(".VScaling"):
        raw["scheduler"]["prediction_type"] = "v_prediction"
    return raw


def _at(node: Any, *names: str) -> Mapping[str, Any]:
    for name in names:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_SIDECAR:
            raise ModelError(f"{path} is larger than 1 MiB, which no description of a model is")
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
