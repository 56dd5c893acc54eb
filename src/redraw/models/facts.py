"""What a listing says about a model file, read off its header and its sidecars; no tensor is read."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from redraw.errors import ModelError, UnsupportedModel
from redraw.image import png
from redraw.models.checkpoint import Checkpoint, open_checkpoint
from redraw.models.detect import detect, kind_of
from redraw.models.folders import open_folder
from redraw.models.hashes import weight_files
from redraw.models.notes import Notes, read_notes
from redraw.models.parts import completed, missing_parts
from redraw.models.pickles import read_tree
from redraw.models.places import Candidate
from redraw.models.standard import standard
from redraw.models.tensors import TensorSpec
from redraw.starter import weights as starter_weights

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
_EMBEDDED: Final = "sd-ti-embedding"
_MAX_PICTURE: Final = 64 * 2**20
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
        vectors: of an embedding, how many tokens it takes; 0 for others.
        widths: of an embedding, the width of its vectors for each text encoder; of a checkpoint, of its encoders'.
        step, sd_checkpoint, sd_checkpoint_name: of an embedding, how long and on which model it was trained.
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
    widths: tuple[int, ...] = ()
    step: int | None = None
    sd_checkpoint: str | None = None
    sd_checkpoint_name: str | None = None
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
        return cls(**{**value, "widths": tuple(value["widths"]), "notes": Notes.of(value["notes"])})


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
        checkpoint = standard(open_checkpoint(found.path))
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
    why, family, label = "", "", "a checkpoint"
    try:
        family = detect(checkpoint).family.label
    except UnsupportedModel as error:
        family, label = _without_vae(checkpoint), "a checkpoint without a VAE"
        why = "" if family else str(error)
    except ModelError as error:
        return Facts(why=str(error), **common)
    if not why:
        return Facts(CHECKPOINT, CHECKPOINT, label, family, widths=_text_widths(checkpoint), **common)
    kind, content, label = _kind(found, checkpoint)
    if kind not in KINDS or kind == CHECKPOINT:
        return Facts(kind, content, label, why=why, **common)
    if kind == "embedding":
        return replace(
            _embedding_facts(checkpoint, _trained(found.path)), kind=kind, content=content, label=label, **common
        )
    return Facts(
        kind,
        content,
        label,
        family_of_network(checkpoint, checkpoint.metadata),
        alias=checkpoint.metadata.get("ss_output_name", "").strip() if kind == "lora" else "",
        said_hash=checkpoint.metadata.get("sshs_model_hash", "").lower() if kind == "lora" else "",
        **common,
    )


def _without_vae(checkpoint: Checkpoint) -> str:
    """Return the family's label of a checkpoint that lacks its VAE and nothing else, "" for others.

    It is found with the starter's VAE in that place: families are told apart by the other networks.
    """
    lender = starter_weights()
    if lender is None or len(missing_parts(checkpoint)) != 1:
        return ""
    try:
        return detect(completed(checkpoint, lender)).family.label
    except ModelError:
        return ""


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


def _embedding_facts(checkpoint: Mapping[str, TensorSpec], said: Mapping[Any, Any]) -> Facts:
    """Return what is special about an embedding: its vectors, and what `said` knows of its training."""
    pair = [checkpoint[name].shape for name in ("clip_l", "clip_g") if name in checkpoint]
    names = ("emb_params", "string_to_param.*", *checkpoint)
    shapes = pair or [checkpoint[name].shape for name in names if name in checkpoint][:1]
    widths = tuple(shape[-1] for shape in shapes if shape)
    step = said.get("step")
    return Facts(
        family="sdxl" if len(widths) > 1 else _WIDTH_FAMILIES.get(sum(widths), ""),
        vectors=max((_rows(shape) for shape in shapes), default=0),
        widths=widths,
        step=step if type(step) is int else None,
        sd_checkpoint=_word(said.get("sd_checkpoint")),
        sd_checkpoint_name=_word(said.get("sd_checkpoint_name")),
    )


def _trained(path: Path) -> Mapping[Any, Any]:
    """Return the entries of a torch file; {} of others."""
    with path.open("rb") as file:
        head = file.read(9)
    if head[:4] != b"PK\x03\x04" and (head[:1] != b"\x80" or head[8:9] == b"{"):
        return {}
    try:
        tree = read_tree(path)
    except ModelError:
        return {}
    return tree if isinstance(tree, Mapping) else {}


def _word(value: object) -> str | None:
    return value[:200] if isinstance(value, str) else None


def _rows(shape: tuple[int, ...]) -> int:
    return shape[0] if len(shape) > 1 else 1


def _items(checkpoint: Checkpoint) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for key, spec in checkpoint.items():
        part = next((part for part, prefixes in _PARTS.items() if key.startswith(prefixes)), "other")
        counted[part] += spec.items
    return dict(counted)


def _text_widths(*weights: Mapping[str, TensorSpec]) -> tuple[int, ...]:
    """Return the widths of the text encoders, in order of their names."""
    found = [(k, s.shape[-1]) for part in weights for k, s in part.items() if k.endswith("token_embedding.weight")]
    return tuple(width for _, width in sorted(found))


def _folder_facts(found: Candidate) -> Facts:
    folder = open_folder(found.path)
    items: Counter[str] = Counter()
    for part, weights in folder.weights.items():
        items["text" if part.startswith("text") else part] += sum(spec.items for spec in weights.values())
    return Facts(
        CHECKPOINT,
        CHECKPOINT,
        "a checkpoint",
        folder.family.label,
        items=dict(items),
        size=sum(file.stat().st_size for file in weight_files(found.path)),
        widths=_text_widths(*(folder.weights[part] for part in sorted(folder.weights) if part.startswith("text"))),
    )


def _picture_facts(path: Path) -> Facts:
    """Return whether a picture in a folder of embeddings holds one: A1111 writes it into a text chunk."""
    nothing = Facts(why=f"{path.name} is a picture without an embedding in it", content="picture")
    if path.stat().st_size > _MAX_PICTURE:
        return nothing
    data = path.read_bytes()
    text = png.texts(png.chunks(data)).get(_EMBEDDED) if data.startswith(png.SIGNATURE) else None
    if text is None:
        return nothing
    try:
        said = json.loads(base64.b64decode(text))
        table = said.get("string_to_param", said)
        vectors = {k: v["TORCHTENSOR"] for k, v in table.items() if isinstance(v, dict) and "TORCHTENSOR" in v}
        specs = {k: TensorSpec("F32", (len(v), len(v[0])), 0) for k, v in vectors.items()}
    except (ValueError, RecursionError, TypeError, LookupError, AttributeError):
        return Facts(why=f"{path.name} is damaged: the embedding in it cannot be read")
    facts = _embedding_facts(specs, said)
    label = "an embedding (textual inversion) in a picture"
    alias = _word(said.get("name")) or ""
    return replace(facts, kind="embedding", content="embedding", label=label, alias=alias, size=len(data))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
