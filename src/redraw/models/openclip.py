"""OpenCLIP's text encoders (SD2, SDXL) under transformers' names, and back.

OpenCLIP keeps the three projections of an attention in one matrix, and its last projection the other way around.
Names stand without prefix: neither the checkpoint's nor `text_model.`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

PROJECTION: Final = "text_projection.weight"
# What is in such files besides weights: the temperature of contrastive training, and the causal mask.
UNNEEDED: Final = ("logit_scale", "attn_mask")
_OUTER: Final[Mapping[str, str]] = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_INNER: Final[Mapping[str, str]] = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_JOINED: Final = ("q_proj", "k_proj", "v_proj")
_BLOCK: Final = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)")


@dataclass(frozen=True)
class Place:
    """Where a weight of OpenCLIP goes.

    Attributes:
        name: in transformers.
        third: which third of its rows that is, None for all.
        turned: whether rows and columns change places.
    """

    name: str
    third: int | None = None
    turned: bool = False


def places(key: str) -> list[Place]:
    """Return where the weight `key` goes; nowhere if it is none of a text encoder's."""
    if key in _OUTER:
        return [Place(_OUTER[key])]
    if key in ("text_projection", PROJECTION):
        return [Place(PROJECTION, turned=key == "text_projection")]
    match = _BLOCK.fullmatch(key)
    if match is None:
        return []
    block, inner = f"encoder.layers.{match[1]}", match[2]
    if inner in ("attn.in_proj_weight", "attn.in_proj_bias"):
        kind = inner.rpartition("_")[2]
        return [Place(f"{block}.self_attn.{part}.{kind}", third=i) for i, part in enumerate(_JOINED)]
    head, _, kind = inner.rpartition(".")
    return [Place(f"{block}.{_INNER[head]}.{kind}")] if head in _INNER else []


def to_transformers(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return OpenCLIP's weights under transformers' names, as views where possible; unknown ones keep their own."""
    named: dict[str, torch.Tensor] = {}
    for key, tensor in state.items():
        found = places(key)
        for place in found:
            part = tensor if place.third is None else tensor.chunk(3)[place.third]
            named[place.name] = part.t().contiguous() if place.turned else part
        if not found and key not in UNNEEDED:
            named[key] = tensor
    return named


def transformers_shapes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return the same for shapes alone."""
    named: dict[str, tuple[int, ...]] = {}
    for key, shape in shapes.items():
        for place in places(key):
            part = shape if place.third is None else (shape[0] // 3, *shape[1:])
            named[place.name] = part[::-1] if place.turned else part
    return named


def to_openclip(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return transformers' weights under OpenCLIP's names and in its shapes."""
    import torch

    outer = {v: k for k, v in _OUTER.items()}
    return {
        key: torch.cat([state[n] for n in names])
        if len(names) > 1
        else state[names[0]].t()
        if turned
        else state[names[0]]
        for key, names, turned in _backwards(state, outer)
    }


def _backwards(state: Mapping[str, torch.Tensor], outer: Mapping[str, str]) -> Iterator[tuple[str, list[str], bool]]:
    inner = {v: k for k, v in _INNER.items()}
    for name in state:
        if name in outer:
            yield outer[name], [name], False
        elif name == PROJECTION:
            yield "text_projection", [name], True
        else:
            _, _, number, rest = name.split(".", 3)
            head, _, kind = rest.rpartition(".")
            block = f"transformer.resblocks.{number}"
            if head in inner:
                yield f"{block}.{inner[head]}.{kind}", [name], False
            elif head == "self_attn.q_proj":
                yield f"{block}.attn.in_proj_{kind}", [name.replace("q_proj", part) for part in _JOINED], False
