"""What the arguments of a command mean."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from redraw.cli.inputs import expand_inputs, read_pictures, split_words
from redraw.errors import RequestError


@pytest.mark.parametrize(
    ("words", "prompt", "needed", "expected"),
    [
        (["a.png", "a fox"], None, True, (["a.png"], "a fox")),
        (["a.png", "b.png", "a fox"], None, True, (["a.png", "b.png"], "a fox")),
        (["a.png", "b.png"], "a fox", True, (["a.png", "b.png"], "a fox")),
        (["a.png"], "", True, (["a.png"], "")),
        (["a.png"], None, False, (["a.png"], "")),
        (["a.png", "a fox"], None, False, (["a.png"], "a fox")),
    ],
)
def test_the_prompt_stands_last(words: list[str], prompt: str | None, needed: bool, expected: Any) -> None:
    assert split_words(words, prompt, example="x", prompt_needed=needed) == expected


def test_a_missing_prompt_shows_a_right_command() -> None:
    with pytest.raises(RequestError, match=r"redraw img2img cat\.png"):
        split_words(["a.png"], None, example="redraw img2img cat.png 'a fox'")


def test_globs_expand_in_order_and_other_names_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.png", "[x].png"):
        (tmp_path / name).touch()
    assert list(expand_inputs(["-", "[x].png", "?.png", "none.png"])) == ["-", "[x].png", "a.png", "b.png", "none.png"]


def test_stdin_is_read_for_one_picture_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"bytes")))
    assert read_pictures({"mask": "-", "steps": 3}, ["a.png"])["mask"].open_bytes() == b"bytes"
    for fields, inputs in (({"mask": "-"}, ["-"]), ({}, ["-", "-"]), ({"mask": "-", "paint": "-"}, ["a.png"])):
        with pytest.raises(RequestError, match="taken already"):
            read_pictures(fields, inputs)


def test_alpha_is_a_word_and_a_file_of_that_name_has_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alpha").write_bytes(b"a mask")
    assert read_pictures({"mask": "alpha"}, [])["mask"] == "alpha"
    assert read_pictures({"mask": "./alpha"}, [])["mask"].open_bytes() == b"a mask"
    assert read_pictures({"paint": "alpha"}, [])["paint"].open_bytes() == b"a mask"
