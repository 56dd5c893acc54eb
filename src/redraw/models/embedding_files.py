"""One textual inversion, and the forms it comes in.

* A1111's `.pt`: `string_to_param` with one tensor beside `name`, `step`, `sd_checkpoint`, `sd_checkpoint_name`.
* diffusers' `learned_embeds.bin` or `.safetensors`: one tensor under the word it stands for.
* kohya's `.safetensors`: `emb_params`, or `clip_l` and `clip_g` for SDXL's two encoders; diffusers' trainers call
  these `text_encoders_0` and `text_encoders_1`.
* A1111's pictures; see `embedding_pictures`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch

from redraw.errors import ModelError
from redraw.models.checkpoint import Checkpoint, open_checkpoint
from redraw.models.embedding_pictures import PICTURE_ENDINGS, picture_content
from redraw.models.hashes import file_sha256
from redraw.models.pickles import is_torch_file, read_tree
from redraw.models.tensors import TensorSpec

MAX_VECTORS: Final = 75  # as many as a row of tokens takes
MAX_WIDTH: Final = 16384
MAX_NAME: Final = 200
_ENCODER: Final[Mapping[int, str]] = {768: "clip_l", 1024: "clip_h", 1280: "clip_g"}
_PAIRS: Final = (("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1"))
_NUMBERS: Final = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
Leaf = TensorSpec | torch.Tensor
Fetch = Callable[[TensorSpec], torch.Tensor]


@dataclass(frozen=True, eq=False)
class Embedding:
    """Vectors for a name in a prompt.

    Attributes:
        name: what people write.
        vectors: `[v, width]` fp32 on the CPU for each text encoder, by its name (`clip_l`, `clip_h`, `clip_g`). A file
            with one list of vectors does not say whose they are; `Embeddings.for_model` finds out.
        path: the file; None for one that came inside another network.
        step: how long it was trained, if the file says so.
        sd_checkpoint, sd_checkpoint_name: hash and name of the model it was trained on, if the file says so.
    """

    name: str
    vectors: Mapping[str, torch.Tensor]
    path: Path | None = None
    step: int | None = None
    sd_checkpoint: str | None = None
    sd_checkpoint_name: str | None = None

    @property
    def count(self) -> int:
        """How many tokens of a row it takes."""
        return max(len(v) for v in self.vectors.values())

    @property
    def widths(self) -> tuple[int, ...]:
        """Width of its vectors for each encoder."""
        return tuple(v.shape[-1] for v in self.vectors.values())

    @cached_property
    def hash12(self) -> str:
        """The first 12 hex digits of the file's SHA-256, as "TI hashes" in infotexts has them; empty without a file."""
        return file_sha256(self.path)[:12] if self.path is not None else ""


def load_embedding(path: Path) -> Embedding:
    """Return the textual inversion in a file of any of the known forms.

    Raises:
        ModelError: there is none in it, it is damaged, or it holds something else.
        UnsafeFile: it would run code when loaded, or is larger inside than any embedding.
    """
    if path.suffix.lower() in PICTURE_ENDINGS:
        content = picture_content(path)
        if content is None:
            raise ModelError(
                f"{path.name} has no embedding in its text. If it hides one in the pixels of dark bars at its sides, "
                "that form is not read; use the .pt or .safetensors file of the same embedding"
            )
        return embedding_from(_picture_name(content, path), content, path)
    checkpoint = open_checkpoint(path)  # says what is wrong with files of other kinds
    tree = read_tree(path) if is_torch_file(path) else dict(checkpoint)
    if not isinstance(tree, dict):
        tree = {"tensor": tree}

    def fetch(spec: TensorSpec) -> torch.Tensor:
        return Checkpoint(path, {"one": spec}).tensor("one")

    return embedding_from(path.stem, tree, path, fetch)


def embedding_from(
    name: str, content: Mapping[Any, Any], path: Path | None = None, fetch: Fetch | None = None
) -> Embedding:
    """Return the textual inversion that a table describes.

    Args:
        name: what people write.
        content: the file's entries; `string_to_param` may be a table within it or the beginning of a name
            (`string_to_param.*`), as networks with bundled embeddings have it.
        path: the file it came from, if it is that file's only content.
        fetch: reads a tensor that is only described; None where all are tensors.
    """
    label = path.name if path is not None else name
    vectors = {k: _checked(label, leaf, fetch) for k, leaf in _chosen(label, content).items()}
    if "" in vectors:
        only = vectors.pop("")
        vectors[_ENCODER.get(only.shape[-1], "clip_l")] = only
    if len({len(v) for v in vectors.values()}) > 1:
        counts = " and ".join(str(len(v)) for v in vectors.values())
        raise ModelError(f"{label}: the two text encoders get {counts} vectors; they need equally many")
    step = content.get("step")
    return Embedding(
        name,
        vectors,
        path,
        step if type(step) is int else None,
        _text(content.get("sd_checkpoint")),
        _text(content.get("sd_checkpoint_name")),
    )


def _chosen(label: str, content: Mapping[Any, Any]) -> dict[str, Leaf]:
    """Return the tensors that are the embedding, by encoder; an unnamed one is for whatever encoder it fits."""
    flat = {str(k): v for k, v in content.items()}
    inner = flat.get("string_to_param")
    if isinstance(inner, Mapping):
        tensors = _leaves({str(k): v for k, v in inner.items()})
    else:
        tensors = _leaves({k: v for k, v in flat.items() if k.startswith("string_to_param.")}) or _leaves(flat)
        for pair in _PAIRS:
            if set(pair) <= set(tensors):
                return dict(zip(_PAIRS[0], (tensors[k] for k in pair), strict=True))
    if "emb_params" in tensors:
        return {"": tensors["emb_params"]}
    if len(tensors) == 1:
        return {"": next(iter(tensors.values()))}
    if any("lora" in k or "hada_" in k for k in tensors):
        raise ModelError(f"{label} is a LoRA, not an embedding; it belongs into the folder of LoRAs")
    what = f"{len(tensors)} tensors ({', '.join(list(tensors)[:3])}, ...)" if tensors else "no tensor"
    raise ModelError(
        f"{label} is no embedding Redraw knows: it holds {what}; an embedding has one, or clip_l and clip_g"
    )


def _leaves(table: Mapping[str, Any]) -> dict[str, Leaf]:
    return {k: v for k, v in table.items() if isinstance(v, TensorSpec | torch.Tensor)}


def _checked(label: str, leaf: Leaf, fetch: Fetch | None) -> torch.Tensor:
    """Return a tensor as `[v, width]` in fp32, once its shape is one an embedding can have."""
    shape = tuple(leaf.shape)
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    rows = (1, *shape) if len(shape) == 1 else shape
    if len(rows) != 2 or not 0 < rows[1] <= MAX_WIDTH or not rows[0]:
        raise ModelError(f"{label}: a tensor of shape {list(leaf.shape)} is no list of vectors")
    if rows[0] > MAX_VECTORS:
        raise ModelError(f"{label} has {rows[0]} vectors; a prompt's row takes {MAX_VECTORS}")
    if isinstance(leaf, TensorSpec):
        if fetch is None:
            raise ModelError(f"{label}: its vectors are somewhere else")
        leaf = fetch(leaf)
    if leaf.dtype not in _NUMBERS and not str(leaf.dtype).startswith("torch.float8"):
        raise ModelError(f"{label}: its vectors are {str(leaf.dtype).removeprefix('torch.')}, not fractions")
    vectors = leaf.detach().reshape(rows).to("cpu", torch.float32, copy=True).contiguous()
    if not torch.isfinite(vectors).all():
        raise ModelError(f"{label}: its vectors hold NaN or infinity")
    return vectors


def _picture_name(content: Mapping[Any, Any], path: Path) -> str:
    """Return the name a picture gives its embedding, or the file's where that is no usable text."""
    name = content.get("name")
    usable = isinstance(name, str) and 0 < len(name.strip()) <= MAX_NAME and name.isprintable()
    return str(name) if usable else path.stem


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
