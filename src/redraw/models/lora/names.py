"""Which module of a model a network file means by a name, and which name was nearly right.

All ways of writing agree once dots are underscores and the prefix is off: what is left is the module's name in
diffusers' or transformers' networks, in the original ("LDM") UNet, or in OpenCLIP's text encoder.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from torch import nn

from redraw.models.keymap import unet_keys
from redraw.models.model import Model

_UNET: Final = re.compile(
    r"(?:(?:lora|lycoris|oft)_unet_|lycoris_|(?:model_)?diffusion_model_"
    r"|(?:base_model_model_)?(?:unet_)?(?:base_model_model_)?)(?P<rest>.*)"
)
_TEXT: Final = re.compile(
    r"(?:(?:lora|lycoris|oft)_te(?P<kohya>[123]?)_|(?:base_model_model_)?text_encoder(?:_(?P<diffusers>[23]))?_"
    r"(?:base_model_model_)?|(?:text_encoders_)?clip_(?P<clip>[lgh])_(?:transformer_)?|te(?P<short>[12]?)_"
    r"|cond_stage_model_(?:transformer_|model_)?|lycoris_|base_model_model_)?(?:text_model_)?(?:model_)?(?P<rest>.*)"
)
_OPEN_CLIP: Final = {
    "ln_1": ("layer_norm1",),
    "ln_2": ("layer_norm2",),
    "attn_out_proj": ("self_attn.out_proj",),
    "attn_in_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "mlp_c_fc": ("mlp.fc1",),
    "mlp_c_proj": ("mlp.fc2",),
}
_KOHYA: Final = ("lora_", "lycoris_", "oft_")
_LEAST_LIKENESS: Final = 0.6


@dataclass(frozen=True, eq=False)
class Target:
    """What a name means.

    Attributes:
        network: `unet` or the text encoder's name.
        name: the module's name in that network.
        modules: the module; or three, whose weights stand one under another in a fused one (OpenCLIP's attention).
    """

    network: str
    name: str
    modules: tuple[nn.Module, ...]


class Names:
    """Every module of a model that a network can change, by all its names."""

    def __init__(self, model: Model) -> None:
        ldm = unet_keys(model.facts.shape.unet)
        self._tables: dict[str, dict[str, Target]] = {"unet": {}}
        self.canonical: dict[Target, str] = {}
        for name, module in _changeable(model.unet):
            target = Target("unet", name, (module,))
            table = self._tables["unet"]
            table[_flat(name)] = target
            original = ldm.ldm_name(f"{name}.weight")
            if original is not None:
                table[_flat(original.removesuffix(".weight"))] = target
            self.canonical[target] = f"lora_unet_{_flat(name)}"
        self._encoders = tuple(e.name for e in model.text_encoders)
        for place, encoder in enumerate(model.text_encoders):
            head = f"lora_te{place + 1 if len(self._encoders) > 1 else ''}_text_model_"
            table = self._tables[encoder.name] = self._text_table(encoder.name, encoder.body, head)
            projection = getattr(encoder.network, "text_projection", None)
            if isinstance(projection, nn.Module):
                table["text_projection"] = Target(encoder.name, "text_projection", (projection,))
        self._near: _Near | None = None

    def find(self, name: str) -> Target | None:
        """Return what the file's module `name` means in this model, or None."""
        flat = _flat(name)
        match = _UNET.fullmatch(flat)
        found = self._tables["unet"].get(match["rest"]) if match else None
        if found is not None:
            return found
        match = _TEXT.fullmatch(flat)
        encoder = self._encoder(match) if match else None
        return self._tables[encoder].get(match["rest"]) if match and encoder else None

    def nearest(self, name: str) -> str:
        """Return the known module name that looks most like `name`, in its way of writing; empty if none does."""
        found = self.find(name)
        if found is None:  # an unknown part may stand behind a known module
            found = self.find(name.rpartition(".")[0])
        if found is None:
            if self._near is None:
                self._near = _Near(list(self.canonical.values()), list(self.canonical))
            found = self._near.to(_flat(name))
        if found is None:
            return ""
        if "." not in name or name.startswith(_KOHYA):
            return self.canonical.get(found, name)
        part = found.network
        if part != "unet":
            place = self._encoders.index(part)
            part = "text_encoder" + (f"_{place + 1}" if place else "") + ".text_model"
        return f"{part}.{found.name}"

    def _encoder(self, match: re.Match[str]) -> str | None:
        """Return the encoder a prefix speaks of."""
        if match["clip"]:
            name = f"clip_{match['clip']}"
            return name if name in self._encoders else None
        number = match["kohya"] or match["diffusers"] or match["short"] or ""
        if number in ("", "1"):
            first = self._encoders[0]
            return None if number == "1" and first == "clip_g" else first
        return "clip_g" if number == "2" and "clip_g" in self._encoders else None

    def _text_table(self, encoder: str, body: nn.Module, head: str) -> dict[str, Target]:
        table = {}
        for name, module in _changeable(body):
            target = Target(encoder, name, (module,))
            table[_flat(name)] = target
            self.canonical[target] = head + _flat(name)
        for layer in range(1000):
            if f"encoder_layers_{layer}_layer_norm1" not in table:
                break
            for theirs, ours in _OPEN_CLIP.items():
                found = [table[_flat(f"encoder.layers.{layer}.{name}")] for name in ours]
                target = found[0]
                if len(found) > 1:
                    name = f"encoder.layers.{layer}.self_attn.in_proj"
                    target = Target(encoder, name, tuple(t.modules[0] for t in found))
                table[f"transformer_resblocks_{layer}_{theirs}"] = target
        table["ln_final"] = table["final_layer_norm"]
        return table


class _Near:
    """Finds the likest of many names: shared words and pairs of words choose a few, difflib decides."""

    def __init__(self, names: list[str], targets: list[Target]) -> None:
        self.names, self.targets = names, targets
        words = [_words(n) for n in names]
        known = {w: i for i, w in enumerate(sorted({w for some in words for w in some}))}
        self.rows = known
        self.table = np.zeros((len(known), len(names)), np.float32)
        for column, some in enumerate(words):
            self.table[[known[w] for w in some], column] = 1
        self.table *= np.log1p(len(names) / self.table.sum(1, keepdims=True))

    def to(self, name: str) -> Target | None:
        rows = [self.rows[w] for w in _words(name) if w in self.rows]
        if not rows:
            return None
        scores = self.table[rows].sum(0)
        best, likest = None, _LEAST_LIKENESS
        matcher = difflib.SequenceMatcher(b=name, autojunk=False)
        for i in np.argsort(-scores, kind="stable")[:3]:
            matcher.set_seq1(self.names[i])
            if matcher.quick_ratio() > likest and (ratio := matcher.ratio()) > likest:
                best, likest = self.targets[i], ratio
        return best


def _words(name: str) -> set[str]:
    words = name.split("_")
    return {*words, *(f"{a}_{b}" for a, b in pairwise(words))}


def _changeable(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield every named module that has a weight of its own."""
    for name, module in network.named_modules():
        if name and isinstance(module._parameters.get("weight"), nn.Parameter):
            yield name, module


def _flat(name: str) -> str:
    return name.replace(".", "_")
