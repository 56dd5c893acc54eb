"""The trainer of the demonstration textual inversion, on a few steps, and the file that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from training.inversion import HERE, THING, Inserted, write
from training.pupil import STARTER, Batch, Pupil, teach

from redraw.models.embeddings import load_embeddings
from redraw.models.loader import load_model
from redraw.models.text import Insert

SHIPPED = STARTER.parent / "networks" / f"{THING.name}.safetensors"


def test_the_vectors_are_heard_as_the_product_hears_inserted_vectors() -> None:
    pupil = Pupil()
    inserted = Inserted(pupil, ("yellow", "orange"))
    with torch.no_grad():
        inserted.vectors.mul_(-0.5)
        tokens = pupil.tokens([f"a {inserted.words} at the beach"])
        heard = pupil.context(tokens)
    encoder = load_model(STARTER).text_encoders[0]
    expected, _ = encoder.states(tokens, inserts=[[Insert(2, inserted.vectors.detach())]])
    torch.testing.assert_close(heard, expected, atol=1e-5, rtol=1e-5)
    plain, _ = encoder.states(pupil.tokens(["a yellow orange at the beach"]))
    assert not torch.allclose(plain, expected, atol=1e-2)


@pytest.mark.slow
def test_a_few_steps_lower_the_loss_and_touch_only_the_vectors(tmp_path: Path) -> None:
    pupil = Pupil()
    before = {name: weight.clone() for name, weight in pupil.unet.state_dict().items()}
    inserted = Inserted(pupil, ("yellow", "orange"))

    def batch(rng: np.random.Generator) -> Batch:
        return torch.full((2, 4, 16, 16), 0.7), [f"a {HERE} {HERE} on a red background"] * 2

    losses = teach(pupil, list(inserted.parameters()), batch, steps=24, rate=0.05)
    assert np.mean(losses[-6:]) < np.mean(losses[:6])
    assert all(torch.equal(weight, before[name]) for name, weight in pupil.unet.state_dict().items())

    write(inserted.vectors, tmp_path / f"{THING.name}.safetensors", THING, 24)
    (found,) = load_embeddings([tmp_path / f"{THING.name}.safetensors"]).for_model(pupil.model)
    assert found.name == THING.name
    assert torch.equal(found.vectors["clip_l"], inserted.vectors.detach())


@pytest.mark.skipif(not SHIPPED.exists(), reason="the demonstration inversion is not in this checkout")
def test_the_inversion_that_ships_is_small_and_fits_the_starter() -> None:
    assert SHIPPED.stat().st_size < 10_000
    (found,) = load_embeddings([SHIPPED]).for_model(load_model(STARTER))
    assert found.name == THING.name
    assert 1 <= found.count <= 4
