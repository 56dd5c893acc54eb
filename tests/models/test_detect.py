"""Families are proven by names and shapes; other files are called what they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from redraw.errors import ModelError, UnsupportedModel
from redraw.models.checkpoint import open_checkpoint
from redraw.models.detect import Detection, detect

UNET = "model.diffusion_model."


def _saved(path: Path, *names: str, metadata: dict[str, str] | None = None) -> Path:
    save_file({n: torch.zeros(4, 4) for n in names}, path, metadata=metadata)
    return path


def _changed(source: Path, target: Path, metadata: dict[str, str] | None = None, **tensors: torch.Tensor) -> Detection:
    """Detect a copy of a checkpoint with other metadata and some tensors replaced (names with `__` for dots)."""
    state = {**load_file(source), **{k.replace("__", "."): v for k, v in tensors.items()}}
    save_file(state, target, metadata=metadata or {"redraw.text_encoder": '{"num_attention_heads": 2}'})
    return detect(open_checkpoint(target))


def test_widths_and_depths_are_read_off_the_tensors(tiny_checkpoint: Path) -> None:
    found = detect(open_checkpoint(tiny_checkpoint))
    assert found.family.name == "sd1"
    unet, vae, text = found.shape.unet, found.shape.vae, found.shape.text
    assert (unet.in_channels, unet.out_channels) == (4, 4)
    assert unet.channels == (32, 32, 32, 32)
    assert unet.blocks == (2, 2, 2, 2)
    assert unet.depth == (1, 1, 1, 0)
    assert (unet.mid_depth, unet.context, unet.linear, unet.time_width) == (1, 16, False, 128)
    assert unet.heads == (8, 8, 8, 8)
    assert (vae.channels, vae.blocks, vae.latent_channels, vae.factor) == ((32, 32, 32, 32), 2, 4, 8)
    assert (text.width, text.layers, text.mlp, text.positions, text.heads) == (16, 12, 32, 77, 2)
    assert text.activation == "quick_gelu"


@pytest.mark.parametrize("channels", [4, 8, 9])
def test_input_channels_tell_inpainting_and_editing(tiny_checkpoint: Path, tmp_path: Path, channels: int) -> None:
    first = torch.zeros(32, channels, 3, 3)
    name = f"{UNET}input_blocks.0.0.weight".replace(".", "__")
    found = _changed(tiny_checkpoint, tmp_path / "a.safetensors", **{name: first})
    assert found.shape.unet.in_channels == channels


def test_other_input_channels_are_refused_with_the_key(tiny_checkpoint: Path, tmp_path: Path) -> None:
    name = f"{UNET}input_blocks.0.0.weight".replace(".", "__")
    with pytest.raises(UnsupportedModel, match=r"input_blocks.0.0.weight has 5 where 4 or 8 or 9"):
        _changed(tiny_checkpoint, tmp_path / "a.safetensors", **{name: torch.zeros(32, 5, 3, 3)})


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight",), "this is a LoRA"),
        (("unet.down_blocks.0.attentions.0.to_q.lora_A.weight",), "this is a LoRA"),
        (("lora_unet_mid.hada_w1_a",), "this is a LoHa"),
        (("emb_params",), "this is an embedding"),
        (("clip_l", "clip_g"), "this is an embedding"),
        (("first_stage_model.decoder.up.0.block.0.conv1.weight",), "this is a VAE"),
        (("decoder.up_blocks.0.resnets.0.conv1.weight",), "this is a VAE"),
        (("conditioner.embedders.0.transformer.x", f"{UNET}label_emb.0.0.weight"), "Stable Diffusion XL"),
        ((f"{UNET}input_blocks.0.0.weight", "cond_stage_model.model.ln_final.weight"), "Stable Diffusion 2"),
        (("control_model.input_hint_block.0.weight",), "this is a ControlNet"),
        ((f"{UNET}input_blocks.0.0.weight",), "this is a UNet without"),
        (("down_blocks.0.resnets.0.conv1.weight", "time_embedding.linear_1.weight"), "this is a diffusers UNet"),
        (("model.diffusion_model.double_blocks.0.img_attn.qkv.weight",), "this is a Flux model"),
        (("model.diffusion_model.joint_blocks.0.x",), "Stable Diffusion 3"),
        (("conv_first.weight", "RRDB_trunk.0.RDB1.conv1.weight"), "this is an upscaler"),
        (("params_ema.conv_first.weight",), "this is an upscaler"),
        (("text_model.embeddings.token_embedding.weight",), "this is a text encoder"),
    ],
)
def test_other_kinds_of_files_are_called_what_they_are(tmp_path: Path, names: tuple[str, ...], says: str) -> None:
    path = _saved(tmp_path / "thing.safetensors", *names)
    with pytest.raises(UnsupportedModel, match=says) as caught:
        detect(open_checkpoint(path))
    assert "thing.safetensors" in str(caught.value)
    assert "; for Stable Diffusion" in str(caught.value)
    assert str(caught.value).count("of its marks") == 1


def test_an_unknown_file_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match=r"input_blocks.0.0.weight is missing.*of its marks it has none"):
        detect(open_checkpoint(_saved(tmp_path / "a.safetensors", "something.weight")))


def test_a_text_encoder_of_another_width_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    name = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight".replace(".", "__")
    with pytest.raises(UnsupportedModel, match="width 16, the text encoder gives 8"):
        _changed(tiny_checkpoint, tmp_path / "a.safetensors", **{name: torch.zeros(49408, 8)})


def test_heads_that_do_not_divide_the_width_name_their_source(tiny_checkpoint: Path, tmp_path: Path) -> None:
    metadata = {"redraw.unet": json.dumps({"num_attention_heads": 5})}
    with pytest.raises(ModelError, match=r"5, 5, 5, 5\) attention heads do not divide .* \(said by metadata\)"):
        _changed(tiny_checkpoint, tmp_path / "a.safetensors", metadata)


def test_a_checkpoint_without_the_text_model_prefix_is_understood(tiny_checkpoint: Path, tmp_path: Path) -> None:
    state = {k.replace("transformer.text_model.", "transformer."): v for k, v in load_file(tiny_checkpoint).items()}
    save_file(state, tmp_path / "old.safetensors")
    assert detect(open_checkpoint(tmp_path / "old.safetensors")).text_prefixes == ("cond_stage_model.transformer.",)
