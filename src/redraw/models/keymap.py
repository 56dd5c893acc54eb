"""The names of the same weights in two worlds: Stable Diffusion's original code ("LDM") and diffusers/transformers.

A `KeyMap` is a list of modules, each with its name in both worlds; inside a module a small table renames its parts.
It is made from a shape (`architecture`), works in both directions, and is the only place that knows either layout.
LDM names stand without the checkpoint's prefix (`model.diffusion_model.` and so on); `CHECKPOINT_PREFIX` has those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from redraw.models.architecture import Architecture, TextShape, UNetShape, VaeShape
from redraw.models.families import family_named
from redraw.models.openclip import to_openclip

if TYPE_CHECKING:
    import torch

CHECKPOINT_PREFIX: Final[Mapping[str, str]] = {
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "text_encoder": "cond_stage_model.transformer.text_model.",
}

_UNET_BLOCK: Final[Mapping[str, str]] = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_VAE_BLOCK: Final[Mapping[str, str]] = {
    "norm1": "norm1",
    "conv1": "conv1",
    "norm2": "norm2",
    "conv2": "conv2",
    "nin_shortcut": "conv_shortcut",
}
_VAE_ATTENTION: Final[Mapping[str, str]] = {
    "norm": "group_norm",
    "q": "to_q",
    "k": "to_k",
    "v": "to_v",
    "proj_out": "to_out.0",
}
_OLD_DIFFUSERS_ATTENTION: Final[Mapping[str, str]] = {
    "query": "to_q",
    "key": "to_k",
    "value": "to_v",
    "proj_attn": "to_out.0",
}


@dataclass(frozen=True)
class Module:
    """One module under both names.

    Attributes:
        ldm: its LDM name.
        diffusers: its diffusers or transformers name; may be empty for the network itself.
        inner: LDM to diffusers names of its parts; None: the parts are named alike.
        conv: its matrices are 1x1 convolutions in LDM and linear layers in diffusers.
    """

    ldm: str
    diffusers: str
    inner: Mapping[str, str] | None = None
    conv: bool = False


class KeyMap:
    """Renames weights between LDM and diffusers, in both directions."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules = tuple(modules)
        self._by_ldm = {m.ldm: m for m in self.modules}
        self._by_diffusers = {m.diffusers: m for m in self.modules}

    def diffusers_name(self, ldm: str) -> str | None:
        """Return the diffusers name of the weight `ldm`, or None if it belongs to no module."""
        for head, tail in _splits(ldm):
            module = self._by_ldm.get(head)
            if module is not None:
                inner = tail if module.inner is None else _rename(tail, module.inner)
                return None if inner is None else _join(module.diffusers, inner)
        return None

    def ldm_name(self, diffusers: str) -> str | None:
        """Return the LDM name of the weight `diffusers`, or None if it belongs to no module."""
        for head, tail in _splits(diffusers):
            module = self._by_diffusers.get(head)
            if module is not None:
                backwards = None if module.inner is None else {v: k for k, v in module.inner.items()}
                inner = tail if backwards is None else _rename(tail, backwards)
                return None if inner is None else _join(module.ldm, inner)
        return None

    def to_diffusers(self, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return LDM weights under diffusers names and shapes; what belongs to no module is left out."""
        named = ((self.diffusers_name(k), v) for k, v in state.items())
        return {k: self.diffusers_shaped(k, v) for k, v in named if k is not None}

    def to_ldm(self, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return diffusers weights under LDM names and shapes; what belongs to no module is left out."""
        named = ((self.ldm_name(k), v) for k, v in state.items())
        return {k: self.ldm_shaped(k, v) for k, v in named if k is not None}

    def diffusers_shaped(self, diffusers: str, tensor: torch.Tensor) -> torch.Tensor:
        """Return `tensor` in the shape that diffusers gives the weight `diffusers`."""
        if tensor.ndim == 4 and self._is_conv(diffusers, self._by_diffusers):
            return tensor[:, :, 0, 0]
        return tensor

    def ldm_shaped(self, ldm: str, tensor: torch.Tensor) -> torch.Tensor:
        """Return `tensor` in the shape that LDM gives the weight `ldm`."""
        if tensor.ndim == 2 and self._is_conv(ldm, self._by_ldm):
            return tensor[:, :, None, None]
        return tensor

    def _is_conv(self, name: str, table: Mapping[str, Module]) -> bool:
        return any(table[head].conv for head, _ in _splits(name) if head in table)


def unet_keys(shape: UNetShape) -> KeyMap:
    """Return the names of a UNet's weights."""
    return KeyMap(_unet_modules(shape))


def vae_keys(shape: VaeShape) -> KeyMap:
    """Return the names of a VAE's weights."""
    return KeyMap(_vae_modules(len(shape.channels), shape.blocks))


def text_keys(shape: TextShape | None = None) -> KeyMap:
    """Return the names of a CLIP text encoder's weights: both worlds agree, but for the prefix."""
    return KeyMap(Module(n, n) for n in ("embeddings", "encoder", "final_layer_norm"))


def to_checkpoint(
    shape: Architecture,
    unet: Mapping[str, torch.Tensor],
    vae: Mapping[str, torch.Tensor],
    *text_encoders: Mapping[str, torch.Tensor],
    family: str = "sd1",
) -> dict[str, torch.Tensor]:
    """Return the state of a single-file checkpoint from the networks' `state_dict()`s.

    Text encoders, in the family's order, may have their names with or without `text_model.`. Buffers such as
    `alphas_cumprod` are the caller's.
    """
    parts = {
        CHECKPOINT_PREFIX["unet"]: unet_keys(shape.unet).to_ldm(unet),
        CHECKPOINT_PREFIX["vae"]: vae_keys(shape.vae).to_ldm(vae),
    }
    for slot, state in zip(family_named(family).text, text_encoders, strict=True):
        text = {k.removeprefix("text_model."): v for k, v in state.items() if not k.endswith("position_ids")}
        parts[slot.prefixes[0]] = to_openclip(text) if slot.layout == "openclip" else text_keys().to_ldm(text)
    return {prefix + k: v for prefix, state in parts.items() for k, v in state.items()}


def modern_diffusers_name(name: str) -> str:
    """Return a VAE weight's present diffusers name, from the one diffusers wrote before 0.12 (`query`, `proj_attn`)."""
    head, dot, tail = name.partition(".attentions.0.")
    part, _, rest = tail.partition(".")
    return f"{head}{dot}{_OLD_DIFFUSERS_ATTENTION[part]}.{rest}" if part in _OLD_DIFFUSERS_ATTENTION else name


def _unet_modules(shape: UNetShape) -> Iterator[Module]:
    yield Module("input_blocks.0.0", "conv_in")
    yield Module("time_embed.0", "time_embedding.linear_1")
    yield Module("time_embed.2", "time_embedding.linear_2")
    yield Module("time_embed.cond_proj", "time_embedding.cond_proj")
    yield Module("label_emb.0.0", "add_embedding.linear_1")
    yield Module("label_emb.0.2", "add_embedding.linear_2")
    levels = len(shape.channels)
    at = 1
    for level in range(levels):
        for block in range(shape.blocks[level]):
            yield Module(f"input_blocks.{at}.0", f"down_blocks.{level}.resnets.{block}", _UNET_BLOCK)
            if shape.depth[level]:
                yield Module(f"input_blocks.{at}.1", f"down_blocks.{level}.attentions.{block}")
            at += 1
        if level < levels - 1:
            yield Module(f"input_blocks.{at}.0.op", f"down_blocks.{level}.downsamplers.0.conv")
            at += 1
    yield Module("middle_block.0", "mid_block.resnets.0", _UNET_BLOCK)
    yield Module("middle_block.1", "mid_block.attentions.0")
    yield Module("middle_block.2", "mid_block.resnets.1", _UNET_BLOCK)
    at = 0
    for up, level in enumerate(reversed(range(levels))):
        for block in range(shape.blocks[level] + 1):
            yield Module(f"output_blocks.{at}.0", f"up_blocks.{up}.resnets.{block}", _UNET_BLOCK)
            if shape.depth[level]:
                yield Module(f"output_blocks.{at}.1", f"up_blocks.{up}.attentions.{block}")
            if level and block == shape.blocks[level]:
                place = 2 if shape.depth[level] else 1
                yield Module(f"output_blocks.{at}.{place}.conv", f"up_blocks.{up}.upsamplers.0.conv")
            at += 1
    yield Module("out.0", "conv_norm_out")
    yield Module("out.2", "conv_out")


def _vae_modules(levels: int, blocks: int) -> Iterator[Module]:
    yield Module("quant_conv", "quant_conv")
    yield Module("post_quant_conv", "post_quant_conv")
    for side in ("encoder", "decoder"):
        yield Module(f"{side}.conv_in", f"{side}.conv_in")
        yield Module(f"{side}.norm_out", f"{side}.conv_norm_out")
        yield Module(f"{side}.conv_out", f"{side}.conv_out")
        yield Module(f"{side}.mid.block_1", f"{side}.mid_block.resnets.0", _VAE_BLOCK)
        yield Module(f"{side}.mid.attn_1", f"{side}.mid_block.attentions.0", _VAE_ATTENTION, conv=True)
        yield Module(f"{side}.mid.block_2", f"{side}.mid_block.resnets.1", _VAE_BLOCK)
    for level in range(levels):
        up = levels - 1 - level
        for block in range(blocks):
            yield Module(
                f"encoder.down.{level}.block.{block}", f"encoder.down_blocks.{level}.resnets.{block}", _VAE_BLOCK
            )
        for block in range(blocks + 1):
            yield Module(f"decoder.up.{level}.block.{block}", f"decoder.up_blocks.{up}.resnets.{block}", _VAE_BLOCK)
        yield Module(f"encoder.down.{level}.downsample.conv", f"encoder.down_blocks.{level}.downsamplers.0.conv")
        yield Module(f"decoder.up.{level}.upsample.conv", f"decoder.up_blocks.{up}.upsamplers.0.conv")


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Yield every way to cut a dotted name in two, longest head first."""
    parts = name.split(".")
    for at in range(len(parts) - 1, 0, -1):
        yield ".".join(parts[:at]), ".".join(parts[at:])


def _rename(tail: str, table: Mapping[str, str]) -> str | None:
    for head, rest in _splits(tail):
        if head in table:
            return _join(table[head], rest)
    return None


def _join(head: str, tail: str) -> str:
    return f"{head}.{tail}" if head and tail else head or tail
