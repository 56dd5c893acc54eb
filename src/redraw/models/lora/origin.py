"""Which family of models a network file was made for: by its names and widths, else by what its trainer wrote down."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from redraw.models.families import FAMILIES
from redraw.models.lora.keys import Split, split_key
from redraw.models.tensors import TensorSpec

_OTHERS: Final[Mapping[str, str]] = {"sd3": "Stable Diffusion 3", "flux": "Flux"}
_NAMES: Final = (
    ("flux", re.compile(r"double_blocks|single_blocks|single_transformer_blocks")),
    ("sd3", re.compile(r"joint_blocks|lora_te3_|^transformer\.transformer_blocks|^lora_transformer_")),
    (
        "sdxl",
        re.compile(r"lora_te2_|text_encoder_2\.|clip_g\b|(?:input|output)_blocks_[4578]_1_transformer_blocks_[1-9]"),
    ),
    ("sdxl", re.compile(r"(?:down_blocks.[12]|up_blocks.[01]|mid_block).attentions.\d.transformer_blocks.[1-9]")),
)
_CONTEXT: Final = re.compile(r"attn2.to_[kv]$")
_TEXT: Final = re.compile(r"(?:_te_|text_encoder).*self_attn.[qkv]_proj$")
_BY_WIDTH: Final[Mapping[int, str]] = {768: "sd1", 1024: "sd2", 2048: "sdxl", 1280: "sdxl-refiner"}
_INPUT_SIDE: Final = {"down": 1, "hada_w1_b": 1, "diff": 1}
_SAID: Final = (
    ("sdxl", re.compile(r"sdxl|stable-diffusion-xl")),
    ("sd2", re.compile(r"\bsd_?v?2|stable-diffusion-v?2")),
    ("sd1", re.compile(r"\bsd_?v?1|stable-diffusion-v?1")),
    ("sd3", re.compile(r"\bsd3|stable-diffusion-3")),
    ("flux", re.compile(r"flux")),
)
_METADATA: Final = ("ss_base_model_version", "modelspec.architecture")


def proven_family(specs: Mapping[str, TensorSpec]) -> str | None:
    """Return the family that names and widths prove, or None where they fit several (or a model of unusual width).

    Names count from a quarter of the keys on, widths by majority: a few stray keys prove nothing.
    """
    matrices = [(split, spec.shape[_INPUT_SIDE[split.part]]) for split, spec in _matrices(specs)]
    contexts = Counter(_BY_WIDTH[n] for split, n in matrices if _CONTEXT.search(split.module) and n in _BY_WIDTH)
    named = Counter(family for key in specs for family, pattern in _NAMES if pattern.search(key))
    for family, _ in contexts.most_common(1):
        return family
    for family, count in named.most_common(1):
        if count * 4 >= len(specs):
            return family
    texts = Counter(n for split, n in matrices if _TEXT.search(split.module))
    return "sd2" if texts and texts.most_common(1)[0][0] == 1024 else None


def said_family(metadata: Mapping[str, str]) -> str | None:
    """Return the family that a trainer's metadata name, or None."""
    for key in _METADATA:
        text = metadata.get(key, "").lower()
        for family, pattern in _SAID:
            if pattern.search(text):
                return family
    return None


def family_label(name: str) -> str:
    """Return what people call a family."""
    return next((f.label for f in FAMILIES if f.name == name), _OTHERS.get(name, name))


def _matrices(specs: Mapping[str, TensorSpec]) -> Iterable[tuple[Split, TensorSpec]]:
    for key, spec in specs.items():
        split = split_key(key)
        if split.part in _INPUT_SIDE and len(spec.shape) > 1:
            yield split, spec
