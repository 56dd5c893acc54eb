"""Errors are one sentence a user can act on."""

from __future__ import annotations

import pytest

from redraw.errors import (
    Cancelled,
    ModelError,
    OutOfMemory,
    OutputError,
    PictureError,
    RedrawError,
    RequestError,
    UnknownName,
    UnsupportedModel,
    near_names,
)


@pytest.mark.parametrize(
    "error",
    [
        RequestError("strength", 2, "it is a number between 0 and 1"),
        UnknownName("sampler", "eulr", ["Euler", "Heun"]),
        PictureError("cat.png", "no such file"),
        OutputError("cannot write"),
        UnsupportedModel("x.pt", ["this is a LoRA", "no UNet keys"]),
        OutOfMemory("the VAE needs 4 GB", ["tiles"]),
        Cancelled("stopped"),
    ],
)
def test_every_error_is_ours_and_one_line(error: RedrawError) -> None:
    assert isinstance(error, RedrawError)
    assert str(error)
    assert "\n" not in str(error)


def test_the_tree_is_as_drawn() -> None:
    assert issubclass(UnknownName, RequestError)
    assert issubclass(PictureError, RequestError)
    assert issubclass(UnsupportedModel, ModelError)
    assert not issubclass(ModelError, RequestError)


def test_a_long_value_is_cut() -> None:
    assert len(str(RequestError("prompt", "x" * 5000, "it is short"))) < 200


@pytest.mark.parametrize(("name", "near"), [("eulr", "Euler"), ("DPM++ 2n", "DPM++ 2M"), ("heun2", "Heun")])
def test_near_names_look_alike_whatever_their_case(name: str, near: str) -> None:
    assert near in near_names(name, ["Euler", "Euler a", "DPM++ 2M", "Heun"])


def test_no_near_name_is_better_than_a_far_one() -> None:
    assert near_names("zzzz", ["Euler", "Heun"]) == ()
