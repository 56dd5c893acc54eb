"""The trainer of the demonstration LoRA, on a few steps of the starter model, and the file that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from training.lora import NAME, attach, dial, metadata, write
from training.pupil import STARTER, Batch, Pupil, teach

from redraw.models.loader import load_model
from redraw.models.lora import Use, open_lora, prepare

RANKS = {"linear": 2, "conv": 2, "text": 2}
SHIPPED = STARTER.parent / "networks" / f"{NAME}.safetensors"


def noise_of(pupil: Pupil) -> torch.Tensor:
    """What the model predicts for one fixed input."""
    made = torch.Generator().manual_seed(1)
    with torch.no_grad():
        noisy, step = torch.randn((1, 4, 16, 16), generator=made), torch.tensor([500])
        return pupil(noisy, step, pupil.tokens(["a dog on a blue background"]))


def batch(rng: np.random.Generator) -> Batch:
    """Always the same flat latents, which the starter never draws."""
    return torch.full((2, 4, 16, 16), 1.5), ["a dog on a blue background", ""]


def test_an_untrained_lora_changes_nothing() -> None:
    pupil = Pupil()
    before = noise_of(pupil)
    changes = attach(pupil, RANKS)
    assert torch.equal(noise_of(pupil), before)
    assert {name.split("_")[1] for name in changes} == {"unet", "te"}


@pytest.mark.slow
def test_a_few_steps_lower_the_loss_and_the_file_does_what_was_trained(tmp_path: Path) -> None:
    pupil = Pupil()
    plain, changes = noise_of(pupil), attach(pupil, RANKS)
    learning = [weight for change in changes.values() for weight in change.parameters()]
    losses = teach(pupil, learning, batch, steps=24, rate=5e-3)
    assert np.mean(losses[-6:]) < 0.7 * np.mean(losses[:6])
    trained = noise_of(pupil)
    dial(changes, 0.0)
    assert torch.allclose(noise_of(pupil), plain, atol=1e-6)

    write(changes, tmp_path / f"{NAME}.safetensors", metadata(24, 2, 5e-3, 2))
    other = Pupil()
    patch = prepare(other.model, [Use(open_lora(tmp_path / f"{NAME}.safetensors"))])
    assert patch.report[0].unapplied == ()
    assert patch.report[0].applied == 3 * len(changes)
    with patch.worn():
        worn = noise_of(other)
    assert float((worn - trained).abs().max()) < 0.02 * float((trained - plain).abs().max())


@pytest.mark.skipif(not SHIPPED.exists(), reason="the demonstration LoRA is not in this checkout")
def test_the_lora_that_ships_is_small_says_what_it_is_and_fits_the_starter_whole() -> None:
    assert SHIPPED.stat().st_size < 1_000_000
    with safe_open(SHIPPED, "pt") as opened:
        said = opened.metadata()
    assert said["ss_output_name"] == NAME
    assert "Apache-2.0" in said["modelspec.license"]
    file = open_lora(SHIPPED)
    assert (file.alias, file.family) == (NAME, "sd1")
    patch = prepare(load_model(STARTER), [Use(file)])
    assert patch.report[0].unapplied == ()
