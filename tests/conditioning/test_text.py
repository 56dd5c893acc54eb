"""Prompts become A1111's context tensors, and the last ones are kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from redraw.conditioning.text import KEPT, encode, forget
from redraw.models.loader import load_model
from redraw.models.model import Model


@pytest.fixture(scope="module")
def model(goldens: Path) -> Model:
    """A1111's tiny model."""
    return load_model(goldens / "model" / "tiny-sd1.safetensors")


@pytest.mark.golden
@pytest.mark.parametrize("skip", [1, 2])
@pytest.mark.parametrize("name", ["plain", "empty", "long", "comma_wrap", "uni"])
def test_golden_prompts_give_the_same_vectors(goldens: Path, model: Model, name: str, skip: int) -> None:
    prompt = json.loads((goldens / "pure" / "tokenize.json").read_text())[name]["prompt"]
    expected = torch.from_numpy(np.load(goldens / "pure" / "text_encoder.npz")[f"{name}|skip{skip}"])
    (found,) = encode(model, [prompt], skip)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < 1e-4


def test_a_prompt_is_encoded_once(tiny_checkpoint: Path) -> None:
    model = load_model(tiny_checkpoint)
    first, other = encode(model, ["a cat", "a dog"])
    assert first.shape == (1, 77, 16)
    assert not torch.equal(first, other)
    (again,) = encode(model, ["a cat"])
    assert again is first
    (skipped,) = encode(model, ["a cat"], clip_skip=2)
    assert not torch.equal(skipped, first)
    forget(model)
    (fresh,) = encode(model, ["a cat"])
    assert fresh is not first
    assert torch.equal(fresh, first)


def test_only_the_last_prompts_are_kept(tiny_checkpoint: Path) -> None:
    model = load_model(tiny_checkpoint)
    (first,) = encode(model, ["number one"])
    encode(model, [f"number {i}" for i in range(KEPT)])
    (again,) = encode(model, ["number one"])
    assert again is not first
    assert torch.equal(again, first)
