"""What a listing says about a model file, read off its header and its sidecars; no tensor is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from redraw.errors import ModelError, UnsupportedModel
from redraw.models.checkpoint import Checkpoint, open_checkpoint
from redraw.models.detect import detect, kind_of
from redraw.models.folders import open_folder
from redraw.models.notes import Notes, read_notes
from redraw.models.places import Candidate

UNKNOWN: Final = "unknown"
CHECKPOINT: Final = "checkpoint"
KINDS: Final = (CHECKPOINT, "lora", "embedding", "hypernetwork", "vae", "controlnet", "upscaler", "taesd")
"""What can be listed."""

_NETWORKS: Final = ("lora", "loha", "lokr", "ia3", "glora", "oft", "boft", "diff", "full", "norm", "dora", "locon")
_FOLDER_DECIDES: Final = ("lora", "embedding", "hypernetwork", "upscaler")
_WEAK: Final = {("upscaler", "controlnet"), ("upscaler", "lora"), ("taesd", "lora"), ("taesd", "upscaler")}
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "unet": ("model.diffusion_model.",),
    "vae": ("first_stage_model.",),
    "text": ("cond_stage_model.", "conditioner."),
}
_HYPERNETWORK_WIDTHS: Final = {"320", "640", "768", "1024", "1280", "2048"}
_WIDTH_FAMILIES: Final[Mapping[int, str]] = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
_READ_TEXT: Final = ("lora_down.weight", "lora_A.weight", "lora.down.weight", "hada_w1_b", "to_k.weight")
_SAID_FAMILIES: Final = (("xl", "sdxl"), ("v2", "sd2"), ("v1", "sd1"))


@dataclass(frozen=True)
class Facts:
    """What is known about a file; kept between runs, so it is plain data.

    Attributes:
        kind: what it is listed as (one of `KINDS`), or what else it is (`sd3`, `unet`, ...), or `unknown`.
        content: the kind its tensors show, more exactly (`loha`); "" where they show none.
        label: the kind with its article ("a LoRA"); "" where it is unknown.
        family: of checkpoints, the family's label; of networks and embeddings sd1, sd2, sdxl or "".
        why: why it is not offered, a sentence; "" where it is.
        alias: the name its trainer gave it; "" if none.
        said_hash: the SHA-256 of its tensors that its metadata says; "" if none.
        vectors, width: of an embedding, how many vectors of which width; 0 for others.
        items: numbers in it by network (`unet`, `vae`, `text`, `other`).
        size: bytes of the file, or of all weights of a folder.
        notes: what people wrote about it.
    """

    kind: str = UNKNOWN
    content: str = ""
    label: str = ""
    family: str = ""
    why: str = ""
    alias: str = ""
    said_hash: str = ""
    vectors: int = 0
    width: int = 0
    items: Mapping[str, int] = field(default_factory=dict)
    size: int = 0
    notes: Notes = field(default_factory=Notes)

    @property
    def offered(self) -> bool:
        """Whether a user can choose it."""
        return not self.why

    def as_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of_json(cls, text: str) -> Facts:
        """Return what `as_json` wrote; raises ValueError or TypeError for anything else."""
        value = json.loads(text)
        if not isinstance(value, dict) or value.keys() != {f.name for f in fields(cls)}:
            raise ValueError("these are other facts")
        return cls(**{**value, "notes": Notes.of(value["notes"])})


def read_facts(found: Candidate) -> tuple[Facts, Mapping[str, str]]:
    """Return what a file or folder is, and its metadata; what is wrong with it stands in `Facts.why`.

    Raises:
        OSError: it cannot be read now; maybe later.
    """
    try:
        if found.path.is_dir():
            return _folder_facts(found), {}
        if found.path.suffix.lower() in (".png", ".webp", ".avif"):
            return _picture_facts(found.path), {}
        checkpoint = open_checkpoint(found.path)
    except ModelError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from error
        return Facts(why=str(error), size=_size(found.path)), {}
    return _file_facts(found, checkpoint), checkpoint.metadata


def family_of_network(checkpoint: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
    """Return the family a LoRA, hypernetwork or ControlNet is for (sd1, sd2, sdxl), "" if nothing tells.

    The width of the text its cross attention listens to tells it; else what its trainer wrote.
    """
    if any("lora_te2_" in key or "text_encoder_2" in key for key in checkpoint):
        return "sdxl"
    for key, spec in checkpoint.items():
        if "attn2" in key and ("to_k" in key or "to_v" in key) and len(spec.shape) in (2, 4):
            width = spec.shape[1]
            if width in _WIDTH_FAMILIES and key.endswith(_READ_TEXT):
                return _WIDTH_FAMILIES[width]
    said = (metadata.get("modelspec.architecture") or metadata.get("ss_base_model_version") or "").lower()
    return next((family for word, family in _SAID_FAMILIES if word in said), "")


def _file_facts(found: Candidate, checkpoint: Checkpoint) -> Facts:
    size = found.path.stat().st_size
    notes = read_notes(found.sidecars, checkpoint.metadata)
    common: dict[str, Any] = {"size": size, "notes": notes, "items": _items(checkpoint)}
    why = family = ""
    try:
        family = detect(checkpoint).family.label
    except UnsupportedModel as error:
        why = str(error)
    except ModelError as error:
        return Facts(why=str(error), **common)
    if not why:
        return Facts(CHECKPOINT, CHECKPOINT, "a checkpoint", family, **common)
    kind, content, label = _kind(found, checkpoint)
    if kind not in KINDS or kind == CHECKPOINT:
        return Facts(kind, content, label, why=why, **common)
    vectors, width = _vectors(checkpoint) if kind == "embedding" else (0, 0)
    family = family_of_network(checkpoint, checkpoint.metadata) if kind in ("lora", "controlnet") else ""
    if kind == "embedding":
        family = "sdxl" if "clip_g" in checkpoint else _WIDTH_FAMILIES.get(width, "")
    alias = checkpoint.metadata.get("ss_output_name", "") if kind == "lora" else ""
    said = checkpoint.metadata.get("sshs_model_hash", "") if kind == "lora" else ""
    return Facts(
        kind,
        content,
        label,
        family,
        alias=alias.strip(),
        said_hash=said.lower(),
        vectors=vectors,
        width=width,
        **common,
    )


def _kind(found: Candidate, checkpoint: Checkpoint) -> tuple[str, str, str]:
    """Return what it is listed as, what its tensors show, and that with its article."""
    shown = kind_of(checkpoint)
    content = "" if shown is None else shown.name
    label = "" if shown is None else shown.label
    kind = "lora" if content in _NETWORKS else content
    if not content and not checkpoint and len(_HYPERNETWORK_WIDTHS.intersection(checkpoint.skipped)) > 0:
        kind, content, label = "hypernetwork", "hypernetwork", "a hypernetwork"
    elif not content and _is_bare_embedding(checkpoint):
        kind, content, label = "embedding", "embedding", "an embedding (textual inversion)"
    elif not content and found.hint in _FOLDER_DECIDES and (checkpoint or checkpoint.skipped):
        kind, label = found.hint, f"in a folder of {found.hint}s"
    elif (kind, found.hint) in _WEAK:
        kind = found.hint
    return kind or UNKNOWN, content, label


def _is_bare_embedding(checkpoint: Checkpoint) -> bool:
    """Return whether there is one small matrix as wide as a text encoder's vectors and nothing else."""
    shapes = [spec.shape for spec in checkpoint.values()]
    return (
        len(shapes) == 1 and 1 <= len(shapes[0]) <= 2 and shapes[0][-1] in (768, 1024, 1280) and _rows(shapes[0]) < 256
    )


def _vectors(checkpoint: Checkpoint) -> tuple[int, int]:
    names = ("emb_params", "string_to_param.*", "clip_g", "clip_l", *checkpoint)
    shape = next((checkpoint.shape(name) for name in names if name in checkpoint), ())
    return (_rows(shape), shape[-1]) if shape else (0, 0)


def _rows(shape: tuple[int, ...]) -> int:
    return shape[0] if len(shape) > 1 else 1


def _items(checkpoint: Checkpoint) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for key, spec in checkpoint.items():
        part = next((part for part, prefixes in _PARTS.items() if key.startswith(prefixes)), "other")
        counted[part] += spec.items
    return dict(counted)


def _folder_facts(found: Candidate) -> Facts:
    folder = open_folder(found.path)
    items: Counter[str] = Counter()
    for part, weights in folder.weights.items():
        items["text" if part.startswith("text") else part] += sum(spec.items for spec in weights.values())
    size = sum(weights.path.stat().st_size for weights in folder.weights.values())
    return Facts(CHECKPOINT, CHECKPOINT, "a checkpoint", folder.family.label, items=dict(items), size=size)


def _picture_facts(path: Path) -> Facts:
    """Return whether a picture in a folder of embeddings holds one: A1111 writes it into a text chunk."""
    data = path.read_bytes() if path.stat().st_size <= 64 * 2**20 else b""
    if any(b"sd-ti-embedding" in text for text in _text_chunks(data)):
        return Facts("embedding", "embedding", "an embedding (textual inversion) in a picture", size=len(data))
    return Facts(why=f"{path.name} is a picture without an embedding in it", size=len(data), content="picture")


def _text_chunks(data: bytes) -> Iterable[bytes]:
    """Yield the beginnings of a PNG file's text chunks; nothing is unpacked."""
    at = 8 if data.startswith(b"\x89PNG\r\n\x1a\n") else len(data)
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] in (b"tEXt", b"zTXt", b"iTXt"):
            yield data[at + 8 : at + 8 + min(length, 80)]
        at += 12 + length


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
