"""VAEs of every layout are one VAE; a file that lacks parts says so, or gets them from others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from redraw.errors import ModelError, UnsupportedModel
from redraw.models.checkpoint import open_checkpoint
from redraw.models.configs import vae_config
from redraw.models.describe import describe
from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.models.parts import completed, missing_parts, open_vae

UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model."
METADATA = {"redraw.text_encoder": '{"num_attention_heads": 2}', "redraw.native_size": "64"}
State = dict[str, torch.Tensor]


def _parts(checkpoint: Path, *prefixes: str) -> State:
    return {k: v for k, v in load_file(checkpoint).items() if k.startswith(prefixes)}


def _save(state: State, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in state.items()}, path, metadata=METADATA)
    return path


def _layouts(tiny: Model, checkpoint: Path, folder: Path) -> dict[str, Path]:
    """The model's VAE, saved in every way people save one."""
    ldm = {k.removeprefix(VAE): v for k, v in _parts(checkpoint, VAE).items()}
    modern = {k: v.half() for k, v in tiny.vae.state_dict().items()}
    for place in (folder / "alone", folder / "model" / "vae"):
        _save(modern, place / "diffusion_pytorch_model.safetensors")
        (place / "config.json").write_text(json.dumps(vae_config(tiny.facts.shape.vae)))
    return {
        "original names": _save(ldm, folder / "a.safetensors"),
        "original names with a prefix": _save({f"vae.{k}": v for k, v in ldm.items()}, folder / "b.safetensors"),
        "inside a checkpoint": checkpoint,
        "diffusers' names": _save(modern, folder / "c.safetensors"),
        "a folder": folder / "alone",
        "inside a folder": folder / "model",
    }


LAYOUTS = [
    *("original names", "original names with a prefix", "inside a checkpoint", "diffusers' names"),
    *("a folder", "inside a folder"),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_vae_of_every_layout_is_read(tiny: Model, tiny_checkpoint: Path, tmp_path: Path, layout: str) -> None:
    path = _layouts(tiny, tiny_checkpoint, tmp_path)[layout]
    shape, checkpoint = open_vae(path)
    assert shape == tiny.facts.shape.vae
    assert {VAE + k for k in checkpoint} >= set(_parts(tiny_checkpoint, VAE))
    model = load_model(tiny_checkpoint, vae=path)
    for one, other in zip(model.vae.state_dict().values(), tiny.vae.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert model.notes == []
    assert model.vae_name == path.name
    assert model.vae_sha256 != hashlib.sha256().hexdigest()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "no config.json"),
        ("{", "cannot be read"),
        ("[]", "configuration is that of something else"),
        ('{"_class_name": "AutoencoderTiny"}', "configuration is that of AutoencoderTiny"),
        ('{"block_out_channels": [8], "down_block_types": ["Odd"]}', "blocks of the kinds Odd"),
    ],
)
def test_a_folder_that_is_no_vae_says_why(tmp_path: Path, config: str | None, message: str) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(ModelError, match=message):
        open_vae(tmp_path)


@pytest.mark.parametrize("prefix", [UNET, "diffusion_model.", ""])
def test_a_file_with_a_unet_alone_says_what_it_lacks_and_how_to_give_it(
    tiny_checkpoint: Path, tmp_path: Path, prefix: str
) -> None:
    bare = {prefix + k.removeprefix(UNET): v for k, v in _parts(tiny_checkpoint, UNET).items()}
    path = _save(bare, tmp_path / "unet.safetensors")
    with pytest.raises(UnsupportedModel, match=r"no VAE; name one \(--vae\).*no text encoder") as caught:
        load_model(path)
    assert len(caught.value.reasons) == 2
    assert not describe(path, hashed=False).usable


@pytest.mark.parametrize("prefix", [UNET, "diffusion_model.", ""])
def test_a_whole_checkpoint_lends_what_a_unet_lacks(
    tiny: Model, tiny_checkpoint: Path, tmp_path: Path, prefix: str
) -> None:
    bare = {prefix + k.removeprefix(UNET): v * 2 for k, v in _parts(tiny_checkpoint, UNET).items()}
    model = load_model(_save(bare, tmp_path / "unet.safetensors"), base=tiny_checkpoint)
    assert model.notes == ["the VAE is that of tiny.safetensors", "the text encoder is that of tiny.safetensors"]
    assert torch.equal(model.unet.conv_in.weight, tiny.unet.conv_in.weight * 2)
    assert torch.equal(model.vae.decoder.conv_in.weight, tiny.vae.decoder.conv_in.weight)
    assert model.text_states(torch.zeros(1, 77, dtype=torch.long)).shape == (1, 77, 16)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_checkpoint_without_a_vae_takes_the_one_that_is_named(
    tiny: Model, tiny_checkpoint: Path, tmp_path: Path, layout: str
) -> None:
    path = _save(_parts(tiny_checkpoint, UNET, TEXT), tmp_path / "no-vae.safetensors")
    with pytest.raises(UnsupportedModel, match=r"it has no VAE; name one \(--vae\)$"):
        load_model(path)
    model = load_model(path, vae=_layouts(tiny, tiny_checkpoint, tmp_path)[layout])
    latents = torch.ones(1, 4, 2, 3)
    assert torch.equal(model.decode(latents), tiny.decode(latents))


def test_a_checkpoint_without_a_text_encoder_says_so(tiny_checkpoint: Path, tmp_path: Path) -> None:
    path = _save(_parts(tiny_checkpoint, UNET, VAE), tmp_path / "mute.safetensors")
    with pytest.raises(UnsupportedModel, match="it has no text encoder; it has to be loaded together with"):
        load_model(path)


def test_a_whole_file_and_a_foreign_one_are_left_as_they_are(tiny_checkpoint: Path, tmp_path: Path) -> None:
    whole = open_checkpoint(tiny_checkpoint)
    assert completed(whole) is whole
    control = {"input_blocks.0.0.weight": torch.zeros(1), "input_hint_block.0.weight": torch.zeros(1)}
    foreign = open_checkpoint(_save(control, tmp_path / "control.safetensors"))
    assert completed(foreign) is foreign
    assert missing_parts(foreign) == []


@pytest.mark.parametrize("ids", [None, torch.arange(77)[None], torch.arange(77)[None].float()])
@pytest.mark.parametrize("nested", [True, False])
def test_text_encoders_of_every_age_load(
    tiny: Model, tiny_checkpoint: Path, tmp_path: Path, ids: torch.Tensor | None, nested: bool
) -> None:
    root = f"{TEXT}transformer."
    state = load_file(tiny_checkpoint)
    if ids is not None:
        state[f"{root}text_model.embeddings.position_ids"] = ids
    if not nested:
        state = {k.replace(f"{root}text_model.", root): v for k, v in state.items()}
    model = load_model(_save(state, tmp_path / "a.safetensors"))
    tokens = torch.tensor([[49406, 320, 1125, *[49407] * 74]])
    assert torch.equal(model.text_states(tokens), tiny.text_states(tokens))
    assert model.notes == []
