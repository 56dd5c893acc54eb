"""Weights stored in eight bits give what weights rounded to eight bits give, and come back whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from redraw.errors import ModelError
from redraw.models import fp8
from redraw.models.loader import load_model
from redraw.models.model import Model

X = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
CONTEXT = torch.randn(1, 77, 16, generator=torch.Generator().manual_seed(4))
TIME = torch.tensor(300.0)


@pytest.fixture
def model(tiny_checkpoint: Path) -> Model:
    return load_model(tiny_checkpoint)


def _layers(model: Model) -> Iterator[nn.Module]:
    return (m for m in model.unet.modules() if isinstance(m, nn.Linear | nn.Conv2d))


def _rounded(checkpoint: Path) -> Model:
    """The model with its weights cast to eight bits and back, by plain code."""
    model = load_model(checkpoint)
    for layer in _layers(model):
        for parameter in layer.parameters(recurse=False):
            parameter.data = parameter.data.to(torch.float8_e4m3fn).float()
    return model


def _bytes(network: nn.Module) -> int:
    return sum(p.numel() * p.itemsize for p in network.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_computes_as_if_the_weights_were_cast_and_cast_back(
    model: Model, tiny_checkpoint: Path, dtype: torch.dtype
) -> None:
    wanted = _rounded(tiny_checkpoint).to(dtype=dtype).predict(X, TIME, CONTEXT)
    plain = model.to(dtype=dtype).predict(X, TIME, CONTEXT)
    model.store_fp8(True)
    assert torch.equal(model.predict(X, TIME, CONTEXT), wanted)
    assert not torch.equal(wanted, plain)


def test_the_memory_of_the_unet_halves_against_fp16(model: Model) -> None:
    model.to(dtype=torch.float16)
    before = _bytes(model.unet)
    model.store_fp8(True)
    assert _bytes(model.unet) < 0.52 * before
    assert {p.dtype for layer in _layers(model) for p in layer.parameters(recurse=False)} == {torch.float8_e4m3fn}
    assert model.vae.decoder.conv_in.weight.dtype is torch.float16


def test_turning_it_off_gives_the_full_weights_back(model: Model, tiny: Model) -> None:
    model.store_fp8(True)
    model.store_fp8(True)
    model.store_fp8(False)
    model.store_fp8(False)
    assert not model.fp8
    for (name, one), other in zip(model.unet.state_dict().items(), tiny.unet.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    assert {type(layer) for layer in _layers(model)} == {nn.Linear, nn.Conv2d}


def test_moving_casting_and_healing_leave_the_weights_in_eight_bits(model: Model, tiny_checkpoint: Path) -> None:
    wanted = _rounded(tiny_checkpoint).predict(X, TIME, CONTEXT)
    model.to(dtype=torch.bfloat16)
    model.store_fp8(True)
    stored = _bytes(model.unet)
    assert model.raise_precision("unet")
    assert model.dtype is torch.float32
    assert torch.allclose(model.predict(X, TIME, CONTEXT), wanted, atol=0.01)
    assert model.unet.conv_in.weight.dtype is torch.float8_e4m3fn
    model.restore()
    assert (model.dtype, _bytes(model.unet)) == (torch.bfloat16, stored)


def test_tiling_still_wraps_around(model: Model, tiny_checkpoint: Path) -> None:
    rounded = _rounded(tiny_checkpoint)
    model.store_fp8(True)
    with model.tiling(), rounded.tiling():
        assert torch.equal(model.predict(X, TIME, CONTEXT), rounded.predict(X, TIME, CONTEXT))


def test_weights_beyond_the_formats_range_stop_at_its_end() -> None:
    layer = nn.Sequential(nn.Linear(2, 1, bias=False))
    layer.load_state_dict({"0.weight": torch.tensor([[1000.0, -1000.0]])})
    fp8.store(layer)
    assert layer.state_dict()["0.weight"].float().tolist() == [[448.0, -448.0]]


def test_a_weight_that_is_gone_is_named() -> None:
    layer = nn.Sequential(nn.Linear(2, 1))
    fp8.store(layer)
    with pytest.raises(ModelError, match=r"no longer has the weight 0.weight"):
        fp8.unstore(layer, {}, torch.float32)
