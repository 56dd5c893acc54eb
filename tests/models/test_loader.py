"""Files, folders and separate VAEs become the same model; incomplete ones say what they lack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from redraw.errors import ModelError, UnsafeFile, UnsupportedModel
from redraw.models.configs import text_config, unet_config, vae_config
from redraw.models.hashes import file_sha256
from redraw.models.loader import load_model
from redraw.models.model import Model

VAE = "first_stage_model."


def _metadata() -> dict[str, str]:
    return {"redraw.text_encoder": '{"num_attention_heads": 2}', "redraw.native_size": "64"}


def _same_weights(a: Model, b: Model, vae: bool = True) -> bool:
    networks = [(a.unet, b.unet), (a.text_encoder, b.text_encoder), *([(a.vae, b.vae)] if vae else [])]
    return all(
        torch.equal(x, y)
        for one, other in networks
        for x, y in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def _runs(model: Model) -> None:
    latents = model.encode(torch.zeros(1, 3, 16, 24))
    assert latents.shape == (1, 4, 2, 3)
    assert model.predict(latents, torch.tensor(500.0), torch.zeros(1, 77, 16)).shape == latents.shape
    assert model.decode(latents).shape == (1, 3, 16, 24)
    assert model.text_states(torch.zeros(1, 77, dtype=torch.long)).shape == (1, 77, 16)


def _folder(model: Model, path: Path, variant: str = "", legacy: bool = False) -> Path:
    """Write a model as diffusers would."""
    shape = model.facts.shape
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    vae = dict(model.vae.state_dict())
    if legacy:
        for new, name in old.items():
            vae = {k.replace(f"attentions.0.{new}.", f"attentions.0.{name}."): v for k, v in vae.items()}
    parts = {
        "unet": (unet_config(shape.unet), model.unet.state_dict(), "diffusion_pytorch_model"),
        "vae": (vae_config(shape.vae), vae, "diffusion_pytorch_model"),
        "text_encoder": (
            text_config(shape.text),
            {f"text_model.{k}": v for k, v in model.text_encoder.state_dict().items()},
            "model",
        ),
    }
    for name, (config, state, stem) in parts.items():
        (path / name).mkdir(parents=True)
        (path / name / "config.json").write_text(json.dumps(config))
        tensors = {k: v.clone().contiguous() for k, v in state.items()}
        if variant == "bin":
            torch.save(
                tensors, path / name / f"{stem.replace('model', 'pytorch_model') if stem == 'model' else stem}.bin"
            )
        else:
            save_file(tensors, path / name / f"{stem}{variant}.safetensors")
    return path


def test_a_checkpoint_loads_and_runs(tiny: Model, tiny_checkpoint: Path) -> None:
    assert tiny.name == "tiny"
    assert tiny.notes == []
    assert tiny.native_size == 64
    assert (tiny.prediction, tiny.in_channels, tiny.factor, tiny.scale_factor) == ("eps", 4, 8, 0.18215)
    assert tiny.preview is None, "the family's colours belong to another VAE"
    assert tiny.dtype is torch.float32
    assert not any(p.requires_grad or p.is_meta for p in tiny.unet.parameters())
    assert len(tiny.sha256) == 64
    assert tiny.short_hash == tiny.sha256[:10]
    assert (tiny.vae_name, tiny.vae_sha256) == (None, None)
    _runs(tiny)


def test_a_preview_matrix_in_the_file_gets_a_row_to_add(tiny_checkpoint: Path, tmp_path: Path) -> None:
    rows = [[0.1, 0.2, 0.3]] * 4
    for given in (rows, [*rows, [1, 1, 1]]):
        metadata = {**_metadata(), "redraw.preview": json.dumps(given)}
        save_file(load_file(tiny_checkpoint), tmp_path / "a.safetensors", metadata=metadata)
        preview = load_model(tmp_path / "a.safetensors").preview
        assert preview is not None
        assert torch.allclose(preview, torch.tensor([*rows, given[4] if len(given) > 4 else [0, 0, 0]]))


def test_a_missing_schedule_is_the_familys(tiny: Model) -> None:
    acp = tiny.alphas_cumprod.double()
    sigmas = ((1 - acp) / acp).sqrt()
    assert sigmas[0].item() == pytest.approx(0.0291672, abs=1e-6)
    assert sigmas[999].item() == pytest.approx(14.614641, abs=1e-4)


def test_a_schedule_in_the_file_is_used(tiny_checkpoint: Path, tmp_path: Path) -> None:
    own = torch.linspace(0.99, 0.01, 1000)
    save_file({**load_file(tiny_checkpoint), "alphas_cumprod": own}, tmp_path / "a.safetensors", metadata=_metadata())
    assert torch.equal(load_model(tmp_path / "a.safetensors").alphas_cumprod, own)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_ckpt_file_gives_the_same_model(tiny: Model, tiny_checkpoint: Path, tmp_path: Path, zipped: bool) -> None:
    content = {"state_dict": load_file(tiny_checkpoint), "global_step": 3}
    torch.save(content, tmp_path / "a.ckpt", _use_new_zipfile_serialization=zipped)
    (tmp_path / "a.json").write_text('{"text_encoder": {"num_attention_heads": 2}}')
    model = load_model(tmp_path / "a.ckpt")
    assert _same_weights(model, tiny)
    assert model.notes == ["left alone in a.ckpt: global_step"]
    _runs(model)


def test_an_fp32_file_is_used_without_copying(tiny: Model, tiny_checkpoint: Path, tmp_path: Path) -> None:
    save_file(
        {k: v.float() for k, v in load_file(tiny_checkpoint).items()}, tmp_path / "a.safetensors", metadata=_metadata()
    )
    model = load_model(tmp_path / "a.safetensors")
    assert _same_weights(model, tiny)
    _runs(model)


@pytest.mark.parametrize("variant", ["", ".fp16", "bin"])
def test_a_diffusers_folder_gives_the_same_model(tiny: Model, tmp_path: Path, variant: str) -> None:
    model = load_model(_folder(tiny, tmp_path / "saved", variant))
    assert _same_weights(model, tiny)
    assert model.name == "saved"
    assert len(model.sha256) == 64
    _runs(model)


def test_a_folder_with_old_attention_names_gives_the_same_model(tiny: Model, tmp_path: Path) -> None:
    assert _same_weights(load_model(_folder(tiny, tmp_path / "saved", legacy=True)), tiny)


def test_a_folder_with_a_part_missing_says_which(tiny: Model, tmp_path: Path) -> None:
    folder = _folder(tiny, tmp_path / "saved")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"vae: there is no diffusion_pytorch_model.safetensors"):
        load_model(folder)
    (folder / "vae" / "config.json").unlink()
    with pytest.raises(UnsupportedModel, match=r"no vae/config.json"):
        load_model(folder)


@pytest.mark.parametrize(
    ("part", "field", "value", "message"),
    [
        ("unet", "addition_embed_type", "text_time", "addition_embed_type"),
        ("unet", "cross_attention_dim", 1024, "width 1024, the text encoder gives 16"),
        ("unet", "block_out_channels", [32, 32], "configuration"),
        ("vae", "down_block_types", ["Odd"], "Odd"),
        ("text_encoder", "hidden_act", "relu", "activation relu"),
        ("unet", "attention_head_dim", 7, "do not divide"),
    ],
)
def test_a_folder_of_another_family_says_why(
    tiny: Model, tmp_path: Path, part: str, field: str, value: object, message: str
) -> None:
    folder = _folder(tiny, tmp_path / "saved")
    config = folder / part / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), field: value}))
    with pytest.raises(UnsupportedModel, match=message):
        load_model(folder)


@pytest.mark.parametrize(
    ("prefix", "names", "ending"),
    [(VAE, "ldm", "safetensors"), ("", "ldm", "pt"), ("", "diffusers", "safetensors")],
)
def test_a_separate_vae_replaces_the_models_own(
    tiny: Model, tiny_checkpoint: Path, tmp_path: Path, prefix: str, names: str, ending: str
) -> None:
    ldm = {k.removeprefix(VAE): v for k, v in load_file(tiny_checkpoint).items() if k.startswith(VAE)}
    state = {k: v.half().contiguous() for k, v in tiny.vae.state_dict().items()} if names == "diffusers" else ldm
    doubled = {prefix + k: v * 2 if k.endswith("conv_out.weight") else v for k, v in state.items()}
    path = tmp_path / f"other.{ending}"
    if ending == "pt":
        torch.save({"state_dict": doubled}, path)
    else:
        save_file(doubled, path)
    model = load_model(tiny_checkpoint, vae=path)
    assert _same_weights(model, tiny, vae=False)
    assert torch.equal(model.vae.decoder.conv_out.weight, tiny.vae.decoder.conv_out.weight * 2)
    assert model.vae_name == path.name
    assert model.vae_sha256 == file_sha256(path)
    _runs(model)


def test_a_file_that_is_no_vae_is_refused_as_one(tiny_checkpoint: Path, tmp_path: Path) -> None:
    save_file({"x.lora_down.weight": torch.zeros(2, 2)}, tmp_path / "l.safetensors")
    with pytest.raises(UnsupportedModel, match=r"this is a LoRA; as a VAE: decoder.up.0 is missing"):
        load_model(tiny_checkpoint, vae=tmp_path / "l.safetensors")


def test_missing_weights_are_named(tiny_checkpoint: Path, tmp_path: Path) -> None:
    state = load_file(tiny_checkpoint)
    del state["model.diffusion_model.input_blocks.1.1.norm.weight"]
    save_file(state, tmp_path / "a.safetensors", metadata=_metadata())
    with pytest.raises(ModelError, match=r"the UNet: down_blocks.0.attentions.0.norm.weight missing"):
        load_model(tmp_path / "a.safetensors")


def test_wrong_shapes_are_named(tiny_checkpoint: Path, tmp_path: Path) -> None:
    state = load_file(tiny_checkpoint)
    state["model.diffusion_model.time_embed.0.bias"] = torch.zeros(5)
    save_file(state, tmp_path / "a.safetensors", metadata=_metadata())
    with pytest.raises(ModelError, match=r"linear_1.bias is \[5\], not \[128\]"):
        load_model(tmp_path / "a.safetensors")


def test_extra_tensors_are_noted_but_known_ones_are_not(tiny_checkpoint: Path, tmp_path: Path) -> None:
    extra = {
        "betas": torch.zeros(3),
        "model_ema.decay": torch.zeros(1),
        "cond_stage_model.transformer.text_model.embeddings.position_ids": torch.arange(77)[None],
    }
    save_file({**load_file(tiny_checkpoint), **extra}, tmp_path / "a.safetensors", metadata=_metadata())
    assert load_model(tmp_path / "a.safetensors").notes == []
    odd = {"something.else": torch.zeros(1), "model.diffusion_model.odd.weight": torch.zeros(1)}
    save_file({**load_file(tiny_checkpoint), **odd}, tmp_path / "b.safetensors", metadata=_metadata())
    assert [n.partition(" tensors")[0] for n in load_model(tmp_path / "b.safetensors").notes] == ["1", "1"]


def test_an_unsafe_or_foreign_file_is_not_loaded(tmp_path: Path) -> None:
    torch.save({"a": torch.nn.Linear(2, 2)}, tmp_path / "whole.pt")
    with pytest.raises(UnsafeFile, match=r"torch.nn.modules.linear.Linear"):
        load_model(tmp_path / "whole.pt")
    with pytest.raises(ModelError, match="no such file"):
        load_model(tmp_path / "gone.safetensors")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_networks_take_the_dtype_that_was_asked_for(tiny_checkpoint: Path, dtype: torch.dtype) -> None:
    model = load_model(tiny_checkpoint, dtype=dtype, vae_dtype=torch.float32)
    assert {p.dtype for p in model.unet.parameters()} == {dtype}
    assert {p.dtype for p in model.vae.parameters()} == {torch.float32}
    assert {p.dtype for p in model.text_encoder.parameters()} == {torch.float32}


def test_a_folder_in_pieces_gives_the_same_model(tiny: Model, tmp_path: Path) -> None:
    folder = _folder(tiny, tmp_path / "saved")
    for part, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        whole = folder / part / f"{stem}.safetensors"
        state = load_file(whole)
        whole.unlink()
        table = {name: f"{stem}-0000{i % 2 + 1}-of-00002.safetensors" for i, name in enumerate(state)}
        for piece in set(table.values()):
            save_file({k: v for k, v in state.items() if table[k] == piece}, folder / part / piece)
        (folder / part / f"{whole.name}.index.json").write_text(json.dumps({"weight_map": table}))
    model = load_model(folder)
    assert _same_weights(model, tiny)
    assert len(model.sha256) == 64
