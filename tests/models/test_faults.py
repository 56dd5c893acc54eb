"""Faults strike the calls they were meant for, are counted, and leave nothing behind."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from redraw.errors import NonFinite
from redraw.models.faults import Fault, Where, inject
from redraw.models.loader import load_model
from redraw.models.model import Model

CALLS = {
    "unet": lambda m: m.predict(torch.ones(1, 4, 2, 2), torch.tensor(5.0), torch.ones(1, 77, 16)),
    "vae-encode": lambda m: m.encode(torch.zeros(1, 3, 16, 16)),
    "vae-decode": lambda m: m.decode(torch.ones(1, 4, 2, 2)),
}


@pytest.mark.parametrize("where", CALLS)
@pytest.mark.parametrize("fault", ["nan", "inf"])
def test_the_chosen_calls_give_no_number(tiny: Model, where: Where, fault: Fault) -> None:
    call = CALLS[where]
    good = call(tiny)
    with inject(tiny, where, fault, at=2, times=2) as faults:
        assert torch.equal(call(tiny), good)
        for _ in range(2):
            with pytest.raises(NonFinite):
                call(tiny)
        assert torch.equal(call(tiny), good)
        assert (faults.calls, faults.count) == (4, 2)
    assert torch.equal(call(tiny), good)
    assert not {"_unet_call", "_encode_one", "_decode_one"} & tiny.__dict__.keys()


@pytest.mark.parametrize(("fault", "value"), [("nan", math.nan), ("inf", math.inf)])
def test_one_element_is_hit(tiny: Model, fault: Fault, value: float) -> None:
    with inject(tiny, "vae-decode", fault):
        out = tiny._decode_one(torch.ones(1, 4, 2, 2))
    wrong = out[~torch.isfinite(out)]
    assert len(wrong) == 1
    assert str(float(wrong[0])) == str(value)


def test_black_is_minus_one_everywhere(tiny: Model) -> None:
    with inject(tiny, "vae-decode", "black"):
        assert torch.equal(CALLS["vae-decode"](tiny), torch.full((1, 3, 16, 16), -1.0))


@pytest.mark.parametrize("where", CALLS)
def test_memory_runs_out_and_all_is_put_back(tiny: Model, where: Where) -> None:
    good = CALLS[where](tiny)
    with pytest.raises(torch.OutOfMemoryError, match=f"call 1 of {where}"), inject(tiny, where, "out-of-memory"):
        CALLS[where](tiny)
    assert torch.equal(CALLS[where](tiny), good)


def test_a_fault_of_one_format_is_healed_by_another(tiny_checkpoint: Path) -> None:
    model = load_model(tiny_checkpoint, vae_dtype=torch.bfloat16)
    with inject(model, "vae-decode", "nan", times=99, only_dtype=torch.bfloat16) as faults:
        assert torch.isfinite(CALLS["vae-decode"](model)).all()
    assert (faults.calls, faults.count) == (2, 1)
    assert model.vae_dtype is torch.float32


@pytest.mark.parametrize("where", ["vae-encode", "vae-decode"])
def test_tiles_cure_a_lack_of_memory_of_whole_pictures(tiny_checkpoint: Path, where: Where) -> None:
    model = load_model(tiny_checkpoint)
    with inject(model, where, "out-of-memory", times=99, only_untiled=True) as faults:
        model.vae_tile = 16
        with pytest.raises(torch.OutOfMemoryError):
            CALLS[where](model)
        model.vae_tile = 8
        CALLS[where](model)
    assert faults.count == 1


def test_single_pictures_cure_a_lack_of_memory_of_batches(tiny: Model) -> None:
    one = (torch.ones(1, 4, 2, 2), torch.ones(1), torch.ones(1, 77, 16))
    with inject(tiny, "unet", "out-of-memory", times=99, only_batched=True) as faults:
        tiny._unet_call(*one)
        with pytest.raises(torch.OutOfMemoryError):
            tiny._unet_call(*(x.repeat(2, *[1] * (x.ndim - 1)) for x in one))
    assert faults.count == 1


def test_faults_may_be_nested(tiny: Model) -> None:
    with inject(tiny, "vae-decode", "black") as outer, inject(tiny, "vae-decode", "out-of-memory", at=2) as inner:
        assert (CALLS["vae-decode"](tiny) == -1).all()
        with pytest.raises(torch.OutOfMemoryError):
            CALLS["vae-decode"](tiny)
    assert (outer.count, inner.count) == (1, 1)
    assert "_decode_one" not in tiny.__dict__


@pytest.mark.parametrize(
    ("where", "fault", "at", "times", "why"),
    [
        ("text", "nan", 1, 1, "there is no fault 'nan' of 'text'"),
        ("unet", "smoke", 1, 1, "there is no fault 'smoke'"),
        ("unet", "black", 1, 1, "only a decoding can be black"),
        ("unet", "nan", 0, 1, "count from 1, not 0"),
        ("unet", "nan", 1, 0, "count from 1, not 0"),
    ],
)
def test_faults_that_make_no_sense_are_refused(
    tiny: Model, where: Where, fault: Fault, at: int, times: int, why: str
) -> None:
    with pytest.raises(ValueError, match=why), inject(tiny, where, fault, at, times):
        pass
