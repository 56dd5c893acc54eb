"""A network file's keys taken apart: which module a tensor belongs to, and which part of the change it is.

Four ways of writing are in use, and files mix them:

* kohya and LyCORIS: `lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight`, `lycoris_...hada_w1_a`;
* PEFT: `base_model.model.down_blocks.0.attentions.0.proj_in.lora_A.default.weight`, `unet....lora_B.weight`;
* diffusers before PEFT: `unet....processor.to_q_lora.down.weight`, `text_encoder....lora_linear_layer.up.weight`;
* diffusers in between: `unet....attn1.to_q.lora.down.weight`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_ALIASES: Final[Mapping[str, str]] = {
    "lora_down": "down",
    "lora_up": "up",
    "lora_mid": "mid",
    "lora_A": "down",
    "lora_B": "up",
    "dyn_down": "down",
    "dyn_up": "up",
    "dyn_mid": "mid",
    "lora_magnitude_vector": "dora_scale",
}
_PARTS: Final = frozenset(
    (
        *("alpha", "scale", "dora_scale", "on_input", "diff", "diff_b", "w_norm", "b_norm", "ia3_l"),
        *("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"),
        *("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"),
        *("oft_blocks", "oft_diag", "rescale", "bias_indices", "bias_values", "bias_size"),
        *("a1", "a2", "b1", "b2", "bm"),
    )
)
_PAIR: Final = ("lora", "lora_linear_layer")
_OLD_ATTENTION: Final[Mapping[str, str]] = {
    "to_q_lora": "to_q",
    "to_k_lora": "to_k",
    "to_v_lora": "to_v",
    "to_out_lora": "to_out.0",
}
_OLD_TEXT_ATTENTION: Final[Mapping[str, str]] = {
    "to_q": "q_proj",
    "to_k": "k_proj",
    "to_v": "v_proj",
    "to_out.0": "out_proj",
}
BUNDLE: Final = "bundle_emb"


@dataclass(frozen=True)
class Split:
    """A key taken apart.

    Attributes:
        module: the name of the changed module as the file spells it, without old diffusers' `processor` parts.
        part: which tensor of the change this is (`down`, `alpha`, `hada_w1_a`, ...); empty where it is none known.
    """

    module: str
    part: str


def split_key(key: str) -> Split:
    """Return the module and the part that `key` names; the part is empty where no kind of network has such a one."""
    tokens = key.split(".")
    last = tokens[-1] if tokens[-1] in ("weight", "bias") and len(tokens) > 1 else ""
    body = tokens[:-1] if last else tokens
    if len(body) > 2 and _part(body[-2]) and not _part(body[-1]):  # PEFT's name of the adapter
        body = body[:-1]
    found = _part(body[-1])
    if found and len(body) > 1:
        part = "up_bias" if (found, last) == ("up", "bias") else found
        return Split(_module(body[:-1]), part if last != "bias" or part == "up_bias" else "")
    if len(body) > 2 and body[-1] in ("down", "up", "alpha") and (body[-2] in _PAIR or body[-2] in _OLD_ATTENTION):
        owner = body[:-2] if body[-2] in _PAIR else body[:-1]
        return Split(_module(owner), body[-1] if last != "bias" else "")
    # The bare weight of a module is IA3's, if an `on_input` stands beside it.
    return Split(_module(body), last if last == "weight" else "")


def grouped(keys: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return module -> part -> key; a key without a known part stands under itself as part, behind a `?`."""
    modules: dict[str, dict[str, str]] = {}
    for key in keys:
        split = split_key(key)
        parts = modules.setdefault(split.module, {})
        known = split.part and split.part not in parts
        parts[split.part if known else f"?{key}"] = key
    return modules


def _part(token: str) -> str:
    return _ALIASES.get(token) or (token if token in _PARTS else "")


def _module(tokens: list[str]) -> str:
    """Return the module's dotted name, with what diffusers once wrote around attention brought to today's form."""
    if len(tokens) > 1 and tokens[-1] in _PAIR:
        tokens = tokens[:-1]
    if tokens and tokens[-1] in _OLD_ATTENTION:
        tokens = [*tokens[:-1], _OLD_ATTENTION[tokens[-1]]]
        if "text_model" in tokens or tokens[0].startswith("text_encoder"):
            tokens[-1] = _OLD_TEXT_ATTENTION[tokens[-1]]
    return ".".join(t for t in tokens if t != "processor")
