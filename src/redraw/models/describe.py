"""What a model file is, for `redraw models info`: from its header alone, without loading a weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from redraw.errors import UnsupportedModel
from redraw.models.advice import Advice, advice_for
from redraw.models.architecture import Architecture
from redraw.models.checkpoint import Checkpoint, open_checkpoint
from redraw.models.detect import UNET, VAE, detect, kind_of
from redraw.models.families import Family
from redraw.models.folders import Folder, open_folder
from redraw.models.hashes import model_sha256
from redraw.models.hints import Hints
from redraw.models.standard import standard

_SHOWN: Final = 2000
_TASKS: Final = {4: "text and image to image", 8: "instructed editing", 9: "inpainting"}


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
    texts = {slot.part: prefix for slot, prefix in zip(found.family.text, found.text_prefixes, strict=True)}
    prefixes = {"unet": UNET, "vae": VAE, **texts}
    parameters = {n: sum(s.items for k, s in checkpoint.items() if k.startswith(p)) for n, p in prefixes.items()}
    hints = found.hints
    facts = _facts(found.family, found.shape, hints, advice_for(path.stem, checkpoint.metadata, hints.scheduler))
    return FileReport(
        kind="checkpoint",
        label=f"{found.family.label} checkpoint",
        usable=True,
        family=found.family.name,
        parameters={**parameters, "total": sum(parameters.values())},
        shape=_shape(found.family, found.shape),
        facts={**facts, "described_by": list(hints.sources) or ["the family's defaults"]},
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
        shape=_shape(folder.family, folder.shape),
        facts=_facts(folder.family, folder.shape, folder.hints, advice_for(path.name, {}, folder.hints.scheduler)),
    )


def _facts(family: Family, shape: Architecture, hints: Hints, advice: Advice | None) -> dict[str, Any]:
    """Return what a model does and wants; what only a test run would tell is called unknown."""
    unknown = family.probed and hints.prediction is None
    prediction = hints.prediction or family.prediction
    facts: dict[str, Any] = {
        "prediction": "unknown: a test run decides when it is loaded" if unknown else prediction,
        "native_size": hints.native_size or ("unknown" if unknown else family.size_for(prediction)),
        "task": _TASKS.get(shape.unet.in_channels, "unknown"),
    }
    if hints.zero_terminal_snr:
        facts["zero_terminal_snr"] = True
    if shape.unet.guidance:
        facts["guidance"] = "the UNet takes the guidance scale itself"
    if advice is not None:
        facts["advice"] = str(advice)
    return facts


def _shape(family: Family, shape: Architecture) -> dict[str, Any]:
    texts = {slot.part: asdict(text) for slot, text in zip(family.text, shape.texts, strict=True)}
    return {"unet": asdict(shape.unet), "vae": asdict(shape.vae), **texts}


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
