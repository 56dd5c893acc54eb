"""What a model file is, for `redraw models info`: from its header alone, without loading a weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from redraw.errors import UnsupportedModel
from redraw.models.architecture import Architecture
from redraw.models.checkpoint import Checkpoint, open_checkpoint
from redraw.models.detect import detect, kind_of
from redraw.models.folders import Folder, open_folder
from redraw.models.hashes import model_sha256
from redraw.models.standard import standard

_SHOWN: int = 2000


@dataclass(frozen=True)
class FileReport:
    """A model file in facts.

    Attributes:
        path: the file or folder.
        kind: `checkpoint`, or what else it is (`lora`, `embedding`, `vae`, `upscaler`, ..., `unknown`).
        label: the kind in words ("Stable Diffusion 1 checkpoint").
        usable: whether Redraw can run it as a model.
        reasons: if not, why.
        family: name of the family, or "".
        parameters: numbers in it, by network for checkpoints, `total` always.
        dtypes: numbers per number format, most frequent first (`F16`).
        size: bytes.
        sha256: of the file; "" if hashing was not asked for.
        shape: widths and depths by network.
        facts: native size, prediction type and whatever else was said about it.
        metadata: safetensors' string metadata; long values are cut.
    """

    path: str
    kind: str
    label: str
    usable: bool
    size: int
    reasons: tuple[str, ...] = ()
    family: str = ""
    parameters: Mapping[str, int] = field(default_factory=dict)
    dtypes: Mapping[str, int] = field(default_factory=dict)
    sha256: str = ""
    shape: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def short_hash(self) -> str:
        """The first ten digits of the hash."""
        return self.sha256[:10]

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {**asdict(self), "short_hash": self.short_hash}


def describe(path: Path, *, hashed: bool = True, cache: Path | None = None) -> FileReport:
    """Return what the file or folder at `path` is; `hashed` False skips reading it whole.

    Raises:
        ModelError: it is missing, damaged, unsafe, or no weight file at all.
    """
    sha256 = model_sha256(path, cache) if hashed and path.exists() else ""
    if path.is_dir():
        return _folder_report(path, open_folder(path), sha256)
    checkpoint = standard(open_checkpoint(path))
    common: dict[str, Any] = {
        "path": str(path),
        "size": path.stat().st_size,
        "sha256": sha256,
        "dtypes": _dtypes([checkpoint]),
        "metadata": {k: v if len(v) <= _SHOWN else v[:_SHOWN] + "..." for k, v in checkpoint.metadata.items()},
    }
    try:
        found = detect(checkpoint)
    except UnsupportedModel as error:
        kind = kind_of(checkpoint)
        label = "unknown" if kind is None else kind.label.partition(" ")[2]
        return FileReport(
            kind="unknown" if kind is None else kind.name,
            label=label,
            usable=False,
            reasons=error.reasons,
            parameters={"total": sum(s.items for s in checkpoint.values())},
            facts=_other_facts(checkpoint),
            **common,
        )
    prefixes = {"unet": "model.diffusion_model.", "vae": "first_stage_model.", "text_encoder": found.text_prefix}
    parameters = {n: sum(s.items for k, s in checkpoint.items() if k.startswith(p)) for n, p in prefixes.items()}
    hints = found.hints
    facts: dict[str, Any] = {
        "prediction": hints.prediction or found.family.prediction,
        "native_size": hints.native_size or found.family.native_size,
        "task": {4: "text and image to image", 8: "instructed editing", 9: "inpainting"}[found.shape.unet.in_channels],
        "zero_terminal_snr": hints.zero_terminal_snr,
        "described_by": list(hints.sources) or ["the family's defaults"],
    }
    return FileReport(
        kind="checkpoint",
        label=f"{found.family.label} checkpoint",
        usable=True,
        family=found.family.name,
        parameters={**parameters, "total": sum(parameters.values())},
        shape=_shape(found.shape),
        facts=facts,
        **common,
    )


def _folder_report(path: Path, folder: Folder, sha256: str) -> FileReport:
    parameters = {part: sum(s.items for s in c.values()) for part, c in folder.weights.items()}
    return FileReport(
        path=str(path),
        kind="checkpoint",
        label=f"{folder.family.label} model in diffusers' folder layout",
        usable=True,
        size=sum(c.size for c in folder.weights.values()),
        family=folder.family.name,
        parameters={**parameters, "total": sum(parameters.values())},
        dtypes=_dtypes(list(folder.weights.values())),
        sha256=sha256,
        shape=_shape(folder.shape),
        facts={"prediction": folder.hints.prediction or folder.family.prediction},
    )


def _shape(shape: Architecture) -> dict[str, Any]:
    return {"unet": asdict(shape.unet), "vae": asdict(shape.vae), "text_encoder": asdict(shape.text)}


def _dtypes(checkpoints: list[Checkpoint]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for checkpoint in checkpoints:
        for spec in checkpoint.values():
            counted[spec.dtype] += spec.items
    return dict(counted.most_common())


def _other_facts(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what is worth knowing about LoRAs and embeddings: rank, vectors, and how many modules they touch."""
    facts: dict[str, Any] = {}
    downs = [s.shape[0] for k, s in checkpoint.items() if k.endswith((".lora_down.weight", ".lora_A.weight"))]
    if downs:
        facts["rank"] = sorted(set(downs))
        facts["modules"] = len(downs)
    for key in ("emb_params", "string_to_param.*"):
        if key in checkpoint:
            facts["vectors"], facts["width"] = checkpoint.shape(key)[0], checkpoint.shape(key)[-1]
    return facts
