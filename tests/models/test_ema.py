"""Averaged weights find their places again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from redraw.models.architecture import UNetShape
from redraw.models.describe import describe
from redraw.models.ema import averages, ema_name
from redraw.models.facts import read_facts
from redraw.models.keymap import unet_keys
from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.models.networks import build_unet
from redraw.models.places import Candidate

SD1 = UNetShape(4, 4, (32,) * 4, (2, 2, 2, 2), (1, 1, 1, 0), 1, 16, False, 128, (8,) * 4)
SDXL = UNetShape(4, 4, (32,) * 3, (2, 2, 2), (0, 2, 10), 10, 16, True, 128, (8,) * 3)
LABELS = ("label_emb.0.0.weight", "label_emb.0.2.bias")
METADATA = {"redraw.text_encoder": '{"num_attention_heads": 2}', "redraw.native_size": "64"}
UNET = "model.diffusion_model."


def _dotless(name: str) -> str:
    """The name as Stable Diffusion's training code averages it (LitEma)."""
    return "model_ema." + name.removeprefix("model.").replace(".", "")


@pytest.mark.parametrize("shape", [SD1, SDXL], ids=["sd1", "sdxl"])
def test_every_name_of_a_unet_gets_its_dots_back(shape: UNetShape) -> None:
    keys = unet_keys(shape)
    names = [UNET + str(keys.ldm_name(k)) for k in build_unet(shape).state_dict()]
    names += [UNET + k for k in LABELS]
    assert len(names) > 400
    assert {n: ema_name(_dotless(n)) for n in names} == {n: n for n in names}


def test_a_name_that_kept_its_dots_only_changes_its_prefix() -> None:
    assert ema_name("model_ema.diffusion_model.out.2.bias") == f"{UNET}out.2.bias"


@pytest.mark.parametrize(
    "name",
    [
        *("model_ema.decay", "model_ema.num_updates", "betas", "model_ema.diffusion_model", f"{UNET}out.2.bias"),
        *("model_ema.diffusion_modelinput_blocks0weight", "model_ema.diffusion_modelsomething0weight"),
    ],
)
def test_what_is_no_average_of_a_unet_has_no_plain_name(name: str) -> None:
    assert ema_name(name) is None
    assert averages([name]) == {}


def _averaged(checkpoint: Path, path: Path, plain: bool) -> Path:
    """A file with averaged weights twice as large as the plain ones."""
    state = load_file(checkpoint)
    unet = {k for k in state if k.startswith(UNET)}
    ema = {_dotless(k): state[k] * 2 for k in unet}
    kept = {k: v for k, v in state.items() if plain or k not in unet}
    extra = {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(7)}
    save_file({**kept, **ema, **extra}, path, metadata=METADATA)
    return path


def test_a_file_with_averaged_weights_alone_works(tiny: Model, tiny_checkpoint: Path, tmp_path: Path) -> None:
    model = load_model(_averaged(tiny_checkpoint, tmp_path / "ema.safetensors", plain=False))
    assert model.notes == ["the averaged (EMA) weights of the file are used; it has no others"]
    for one, other in zip(model.unet.state_dict().values(), tiny.unet.state_dict().values(), strict=True):
        assert torch.equal(one, other * 2)


def test_a_file_with_averaged_weights_alone_is_listed_as_a_checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> None:
    path = _averaged(tiny_checkpoint, tmp_path / "ema.safetensors", plain=False)
    report = describe(path, hashed=False)
    assert (report.kind, report.usable) == ("checkpoint", True)
    assert report.parameters == describe(tiny_checkpoint, hashed=False).parameters
    facts, _ = read_facts(Candidate(path, tmp_path, tmp_path, "", ""))
    assert facts.kind == "checkpoint"


def test_a_file_with_both_kinds_uses_the_plain_ones_and_says_so(
    tiny: Model, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    model = load_model(_averaged(tiny_checkpoint, tmp_path / "both.safetensors", plain=True))
    assert model.notes == ["the file also has averaged (EMA) weights; the plain ones are used"]
    for one, other in zip(model.unet.state_dict().values(), tiny.unet.state_dict().values(), strict=True):
        assert torch.equal(one, other)
