"""LDM and diffusers names map onto each other without loss, and as diffusers itself maps them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from redraw.models.architecture import (
    Architecture,
    TextShape,
    UNetShape,
    VaeShape,
    below,
    read_text,
    read_unet,
    read_vae,
)
from redraw.models.configs import from_configs, text_config, unet_config, vae_config
from redraw.models.keymap import CHECKPOINT_PREFIX, KeyMap, modern_diffusers_name, to_checkpoint, unet_keys, vae_keys
from redraw.models.networks import build_text_encoder, build_unet, build_vae, quietly

TEXT = TextShape(width=32, layers=2, mlp=48, positions=77, vocabulary=99, heads=4)
UNETS = {
    "like SD1": UNetShape(4, 4, (32, 64, 64, 64), (2, 2, 2, 2), (1, 1, 1, 0), 1, 32, False, 128, (4, 4, 4, 4)),
    "inpainting": UNetShape(9, 4, (32, 64), (1, 1), (1, 1), 1, 32, False, 128, (4, 4)),
    "linear and deep": UNetShape(4, 4, (32, 64, 64), (1, 2, 3), (0, 2, 3), 3, 32, True, 96, (2, 4, 8)),
    "one level": UNetShape(4, 4, (64,), (3,), (1,), 1, 16, False, 256, (8,)),
}
VAES = {
    "like SD1": VaeShape((32, 64, 64, 64), 2, 4),
    "small": VaeShape((32, 64), 1, 8),
}


def _weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {k: torch.randn(v.shape) for k, v in network.state_dict().items() if not k.endswith("position_ids")}


def _shapes(state: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {k: tuple(v.shape) for k, v in state.items()}


def _same(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def _round_trip(keys: KeyMap, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    there = keys.to_ldm(state)
    assert len(there) == len(state), "two weights got the same name, or one got none"
    assert _same(keys.to_diffusers(there), state)
    return there


@pytest.mark.parametrize("shape", UNETS.values(), ids=UNETS)
def test_unet_weights_survive_the_round_trip_and_tell_their_shape(shape: UNetShape) -> None:
    state = _weights(build_unet(shape))
    ldm = _round_trip(unet_keys(shape), state)
    found = read_unet(_shapes(ldm), heads=8)
    assert found == UNetShape(**{**vars(shape), "heads": (8,) * len(shape.channels)})


@pytest.mark.parametrize("shape", VAES.values(), ids=VAES)
def test_vae_weights_survive_the_round_trip_and_tell_their_shape(shape: VaeShape) -> None:
    state = _weights(build_vae(shape))
    ldm = _round_trip(vae_keys(shape), state)
    assert read_vae(_shapes(ldm)) == shape
    assert ldm["encoder.mid.attn_1.q.weight"].ndim == 4


@pytest.mark.parametrize("prefix", ["", "text_model."])
def test_a_whole_checkpoint_is_written_from_three_networks(prefix: str) -> None:
    shape = Architecture(UNETS["inpainting"], VAES["small"], TEXT)
    unet, vae, text = (
        _weights(build_unet(shape.unet)),
        _weights(build_vae(shape.vae)),
        _weights(build_text_encoder(TEXT)),
    )
    state = to_checkpoint(shape, unet, vae, {prefix + k: v for k, v in text.items()})
    assert len(state) == len(unet) + len(vae) + len(text)
    shapes = _shapes(state)
    assert read_text(below(shapes, CHECKPOINT_PREFIX["text_encoder"]), head_width=8) == TEXT
    assert read_vae(below(shapes, CHECKPOINT_PREFIX["vae"])) == shape.vae


def test_the_real_stable_diffusion_1_has_its_known_number_of_weights() -> None:
    unet = UNetShape(4, 4, (320, 640, 1280, 1280), (2, 2, 2, 2), (1, 1, 1, 0), 1, 768, False, 1280, (8, 8, 8, 8))
    vae = VaeShape((128, 256, 512, 512), 2, 4)
    text = TextShape(width=768, layers=12, mlp=3072, positions=77, vocabulary=49408, heads=12)
    networks = (build_unet(unet), build_vae(vae), build_text_encoder(text))
    state = to_checkpoint(Architecture(unet, vae, text), *(n.state_dict() for n in networks))
    counts = [sum(k.startswith(p) for k in state) for p in CHECKPOINT_PREFIX.values()]
    assert counts == [686, 248, 196]
    assert sum(v.numel() for k, v in state.items() if k.startswith(CHECKPOINT_PREFIX["unet"])) == 859_520_964
    shapes = _shapes(state)
    assert read_unet(below(shapes, CHECKPOINT_PREFIX["unet"]), 8) == unet
    assert read_vae(below(shapes, CHECKPOINT_PREFIX["vae"])) == vae
    assert read_text(below(shapes, CHECKPOINT_PREFIX["text_encoder"])) == text


def test_configurations_describe_the_same_shapes() -> None:
    for unet in UNETS.values():
        for vae in VAES.values():
            shape = Architecture(unet, vae, TEXT)
            assert from_configs(unet_config(unet), vae_config(vae), text_config(TEXT)) == shape


def test_unknown_names_have_no_counterpart() -> None:
    keys = unet_keys(UNETS["like SD1"])
    assert keys.diffusers_name("input_blocks.99.0.in_layers.0.weight") is None
    assert keys.diffusers_name("input_blocks.1.0.no_layer.weight") is None
    assert keys.ldm_name("down_blocks.9.resnets.0.norm1.weight") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mid_block.attentions.0.query.weight", "mid_block.attentions.0.to_q.weight"),
        ("mid_block.attentions.0.proj_attn.bias", "mid_block.attentions.0.to_out.0.bias"),
        ("conv_in.bias", "conv_in.bias"),
    ],
)
def test_old_diffusers_names_of_the_vae_attention_are_known(old: str, new: str) -> None:
    assert modern_diffusers_name(f"decoder.{old}") == f"decoder.{new}"


def test_names_agree_with_the_converter_of_diffusers(tiny_checkpoint: Path) -> None:
    with quietly():
        from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
    state = load_file(tiny_checkpoint)
    parts = {
        part: {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        for part, prefix in CHECKPOINT_PREFIX.items()
    }
    unet, vae = read_unet(_shapes(parts["unet"]), 8), read_vae(_shapes(parts["vae"]))
    theirs = convert_ldm_unet_checkpoint(dict(state), {**unet_config(unet), "class_embed_type": None})
    assert _same(unet_keys(unet).to_diffusers(parts["unet"]), theirs)
    theirs = convert_ldm_vae_checkpoint(dict(state), vae_config(vae))
    assert _same(vae_keys(vae).to_diffusers(parts["vae"]), theirs)
