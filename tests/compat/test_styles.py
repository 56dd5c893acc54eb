"""Prompt styles: the file, and what becomes of the prompts."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraw.compat.styles import Style, apply_styles, parse_styles
from redraw.errors import RequestError

STYLES = [
    Style("photo", "a photo of {prompt}, sharp", "blur"),
    Style("cross", "white cross", "{prompt}, orange"),
    Style("nothing", "", ""),
]


@pytest.mark.parametrize(
    ("prompt", "negative", "names", "styled"),
    [
        ("a cat", "", ["photo"], ("a photo of a cat, sharp", "blur")),
        ("a cat", "red", ["cross"], ("a cat, white cross", "red, orange")),
        ("a cat ", " red", ["photo", "cross"], ("a photo of a cat , sharp, white cross", "red, blur, orange")),
        ("", "", ["cross"], ("white cross", ", orange")),
        ("a cat", "red", ["nothing"], ("a cat", "red")),
        ("a cat", "red", [], ("a cat", "red")),
    ],
)
def test_styles_are_merged_in_order(prompt: str, negative: str, names: list[str], styled: tuple[str, str]) -> None:
    assert apply_styles(prompt, negative, names, STYLES) == (*styled, ())


def test_an_unknown_style_is_named_and_changes_nothing() -> None:
    assert apply_styles("a cat", "", ["Photo", "cross"], STYLES) == ("a cat, white cross", ", orange", ("Photo",))


def test_the_file_of_a1111_is_read(goldens: Path) -> None:
    found = parse_styles((goldens / "model" / "styles.csv").read_bytes())
    assert found == [
        Style("st1", "a photo of {prompt}, (yellow:1.2) stripe", "black"),
        Style("st2", "white cross", "{prompt}, orange"),
        Style("st3", "", ""),
    ]


def test_old_files_byte_order_marks_comments_and_doubles_are_understood() -> None:
    data = "\ufeffname,text\n#divider,\nold,a drawing\nold,an ink drawing\n".encode()
    assert parse_styles(data) == [Style("old", "an ink drawing", "")]


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(RequestError, match="styles"):
        parse_styles(b"name,prompt\n\xff\xfe,x\n")
