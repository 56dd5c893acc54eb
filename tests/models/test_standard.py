"""Checkpoints of other programs are read as the original code would have written them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from redraw.models.checkpoint import open_checkpoint
from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.models.standard import standard

METADATA = {"redraw.text_encoder": '{"num_attention_heads": 2}', "redraw.native_size": "64"}
UNET = "model.diffusion_model."


def _cast(path: Path, out: Path, *dtypes: torch.dtype) -> dict[str, torch.Tensor]:
    """Write the checkpoint in other formats, by turns; return what a reader must find, in fp32."""
    state = load_file(path)
    cast = {k: v.to(dtypes[i % len(dtypes)]) for i, (k, v) in enumerate(state.items())}
    if out.suffix == ".safetensors":
        save_file(cast, out, metadata=METADATA)
    else:
        torch.save({"state_dict": cast}, out)
        out.with_suffix(".json").write_text('{"text_encoder": {"num_attention_heads": 2}}')
    return {k: v.float() for k, v in cast.items()}


@pytest.mark.parametrize("ending", ["safetensors", "ckpt"])
@pytest.mark.parametrize(
    "dtypes",
    [
        (torch.float8_e4m3fn,),
        (torch.float8_e5m2,),
        (torch.bfloat16,),
        (torch.float64,),
        (torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float64),
    ],
    ids=["e4m3", "e5m2", "bf16", "fp64", "mixed"],
)
def test_every_number_format_is_cast_to_the_one_that_computes(
    tiny_checkpoint: Path, tmp_path: Path, dtypes: tuple[torch.dtype, ...], ending: str
) -> None:
    wanted = _cast(tiny_checkpoint, tmp_path / f"a.{ending}", *dtypes)
    model = load_model(tmp_path / f"a.{ending}")
    assert {p.dtype for n in (model.unet, model.vae) for p in n.parameters()} == {torch.float32}
    assert torch.equal(model.unet.conv_in.weight, wanted[f"{UNET}input_blocks.0.0.weight"])
    assert torch.equal(model.unet.mid_block.resnets[0].conv1.bias, wanted[f"{UNET}middle_block.0.in_layers.2.bias"])
    assert torch.equal(model.vae.decoder.conv_in.weight, wanted["first_stage_model.decoder.conv_in.weight"])
    half = load_model(tmp_path / f"a.{ending}", dtype=torch.bfloat16)
    assert {p.dtype for p in half.unet.parameters()} == {torch.bfloat16}
    assert model.notes == []


def _weights(checkpoint: Path) -> list[str]:
    return [k for k, v in load_file(checkpoint).items() if k.startswith(UNET) and v.ndim > 1]


@pytest.mark.parametrize("ending", ["scale_weight", "weight_scale", "scale"])
@pytest.mark.parametrize("rows", [False, True], ids=["one scale", "a scale for each row"])
def test_scaled_fp8_weights_become_their_product(
    tiny: Model, tiny_checkpoint: Path, tmp_path: Path, ending: str, rows: bool
) -> None:
    state = load_file(tiny_checkpoint)
    wanted = {}
    for key in _weights(tiny_checkpoint):
        whole = state[key].float()
        scale = whole.flatten(1).abs().amax(1) / 448 if rows else whole.abs().max() / 448
        shaped = scale.view(-1, *(1,) * (whole.ndim - 1)) if rows else scale
        state[key] = (whole / shaped).to(torch.float8_e4m3fn)
        state[key.removesuffix("weight") + ending] = scale.view(-1, 1) if rows else scale
        state[key.removesuffix("weight") + "scale_input"] = torch.tensor(1.0)
        wanted[key] = state[key].float() * shaped
    state["scaled_fp8"] = torch.zeros(2).to(torch.float8_e4m3fn)
    save_file(state, tmp_path / "a.safetensors", metadata=METADATA)
    model = load_model(tmp_path / "a.safetensors")
    assert model.notes == []
    assert torch.equal(model.unet.conv_in.weight, wanted[f"{UNET}input_blocks.0.0.weight"])
    close = tiny.unet.conv_in.weight
    assert torch.allclose(model.unet.conv_in.weight, close, atol=float(close.abs().max()) / 16)


def test_a_scale_of_another_shape_is_no_scale(tmp_path: Path) -> None:
    state = {"a.weight": torch.zeros(4, 2).to(torch.float8_e4m3fn), "a.scale_weight": torch.ones(3)}
    save_file(state, tmp_path / "a.safetensors")
    checkpoint = open_checkpoint(tmp_path / "a.safetensors")
    assert standard(checkpoint) is checkpoint


def test_a_scale_beside_a_weight_of_full_precision_is_left_alone(tmp_path: Path) -> None:
    save_file({"a.weight": torch.ones(4, 2), "a.scale": torch.tensor(2.0)}, tmp_path / "a.safetensors")
    checkpoint = open_checkpoint(tmp_path / "a.safetensors")
    assert standard(checkpoint) is checkpoint


def test_the_averaged_weights_can_be_asked_for(tmp_path: Path) -> None:
    both = {f"{UNET}out.2.bias": torch.zeros(4), "model_ema.diffusion_modelout2bias": torch.ones(4)}
    save_file(both, tmp_path / "a.safetensors")
    checkpoint = open_checkpoint(tmp_path / "a.safetensors")
    assert standard(checkpoint).tensor(f"{UNET}out.2.bias").sum() == 0
    chosen = standard(checkpoint, ema=True)
    assert set(chosen) == {f"{UNET}out.2.bias"}
    assert chosen.tensor(f"{UNET}out.2.bias").sum() == 4
    assert chosen.notes == ("the averaged (EMA) weights of the file are used",)
