"""Errors as data."""

from __future__ import annotations

import pytest

import redraw.errors
from redraw.errors import ModelError, PictureError, RedrawError, RequestError, UnknownName
from redraw.jobs.problem import _TITLES, problem_of, without_folders


def test_an_error_about_a_field_names_it() -> None:
    assert problem_of(RequestError("strength", 2, "between 0 and 1")) == {
        "type": "RequestError",
        "title": "A field of the request is wrong",
        "detail": "strength: 2 is not allowed; between 0 and 1",
        "field": "strength",
        "allowed": "between 0 and 1",
    }
    problem = problem_of(UnknownName("sampler", "Eular", ["Euler"]))
    assert (problem["type"], problem["field"], problem["allowed"]) == ("UnknownName", "sampler", "did you mean Euler?")


def test_an_error_without_a_field_has_none() -> None:
    assert set(problem_of(ModelError("it is broken"))) == {"type", "title", "detail"}


def test_an_unexpected_error_tells_nothing_but_its_type() -> None:
    problem = problem_of(ValueError("secret at /home/me"))
    assert problem["type"] == "InternalError"
    assert "ValueError" in problem["detail"]
    assert "secret" not in str(problem)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("/srv/data/blobs/ab/abc.png: no such file", "abc.png: no such file"),
        (
            "it could be any of /m/a/x.safetensors, /m/b/x.safetensors",
            "it could be any of x.safetensors, x.safetensors",
        ),
        ("C:\\models\\sd\\v1.ckpt is broken", "v1.ckpt is broken"),
        ("'/srv/data/x.png' (/tmp/y)", "'x.png' (y)"),
        ("3/4 and/or v1/v2", "3/4 and/or v1/v2"),
        ("postgresql://host/name", "postgresql://host/name"),
    ],
)
def test_paths_lose_their_folders(text: str, cut: str) -> None:
    assert without_folders(text) == cut
    assert problem_of(PictureError("x", text))["allowed"] == cut


def test_every_error_of_the_tree_has_a_title() -> None:
    tree = [kind for kind in vars(redraw.errors).values() if isinstance(kind, type) and issubclass(kind, RedrawError)]
    assert {kind for kind, _ in _TITLES} == set(tree) - {RedrawError}
