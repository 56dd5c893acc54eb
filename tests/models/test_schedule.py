"""Noise schedules come from the file, the description or the family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from redraw.errors import ModelError
from redraw.models.loader import load_model
from redraw.models.networks import quietly
from redraw.models.schedule import ends_in_noise, noise_schedule

BETAS = (0.00085, 0.012)
METADATA = {"redraw.text_encoder": '{"num_attention_heads": 2}', "redraw.native_size": "64"}


@pytest.mark.parametrize("kind", ["scaled_linear", "linear", "squaredcos_cap_v2"])
@pytest.mark.parametrize("steps", [1000, 50])
def test_every_kind_of_schedule_is_diffusers(kind: str, steps: int) -> None:
    with quietly():
        from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

        said = {"beta_schedule": kind, "beta_start": 0.0001, "beta_end": 0.02, "num_train_timesteps": steps}
        wanted = DDPMScheduler(**said).alphas_cumprod
    assert torch.allclose(noise_schedule(said, BETAS, 1000), wanted, atol=1e-5)


def test_nothing_said_is_the_familys_schedule() -> None:
    betas = torch.linspace(BETAS[0] ** 0.5, BETAS[1] ** 0.5, 1000, dtype=torch.float64) ** 2
    assert torch.equal(noise_schedule({}, BETAS, 1000), torch.cumprod(1 - betas, 0).float())


def test_betas_in_a_list_are_used() -> None:
    assert noise_schedule({"trained_betas": [0.5, 0.5]}, BETAS, 1000).tolist() == [0.5, 0.25]


def test_the_files_own_table_wins() -> None:
    own = torch.tensor([0.9, 0.5]).double()
    assert torch.equal(noise_schedule({"beta_schedule": "linear"}, BETAS, 1000, own), own.float())


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"beta_schedule": "sigmoid"}, "'sigmoid' is not supported"),
        ({"trained_betas": ["a"]}, "no list of numbers"),
        ({"trained_betas": 3}, "no list of numbers"),
        ({"trained_betas": [0.5, 1.5]}, "from 0 to 1"),
        ({"trained_betas": [0.5, float("nan")]}, "from 0 to 1"),
        ({"beta_end": 2.0}, "makes no sense"),
        ({"num_train_timesteps": 10**9}, "makes no sense"),
    ],
)
def test_a_schedule_nobody_knows_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        noise_schedule(said, BETAS, 1000)


def _marked(checkpoint: Path, path: Path, **marks: torch.Tensor) -> Path:
    save_file({**load_file(checkpoint), **marks}, path, metadata=METADATA)
    return path


def test_marks_among_the_tensors_tell_v_prediction_and_zero_terminal_snr(tiny_checkpoint: Path, tmp_path: Path) -> None:
    marks = {"v_pred": torch.tensor([]), "ztsnr": torch.tensor([])}
    model = load_model(_marked(tiny_checkpoint, tmp_path / "a.safetensors", **marks))
    assert (model.prediction, model.facts.zero_terminal_snr, model.notes) == ("v", True, [])
    plain = load_model(tiny_checkpoint)
    assert (plain.prediction, plain.facts.zero_terminal_snr) == ("eps", False)


def test_a_table_that_ends_in_pure_noise_is_zero_terminal_snr(tiny_checkpoint: Path, tmp_path: Path) -> None:
    own = torch.linspace(0.99, 0.0, 1000)
    assert ends_in_noise(own)
    model = load_model(_marked(tiny_checkpoint, tmp_path / "a.safetensors", alphas_cumprod=own))
    assert model.facts.zero_terminal_snr
    assert not ends_in_noise(noise_schedule({}, BETAS, 1000))
