"""Prompt styles: the file, and what becomes of the prompts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraw.compat.styles import Style, apply_styles, extract_styles, parse_styles, with_style, without_style
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


def test_a_saved_style_is_read_back_and_the_rest_of_the_file_stays() -> None:
    data = '\ufeffname,prompt,negative_prompt,mood\r\n# people,,,\r\nphoto,old,,calm\r\ncross,"a, b",,\r\n'.encode()
    changed = with_style(data, Style("photo", 'a "photo",\nof {prompt} 猫', "blur"))
    assert changed.startswith(b"\xef\xbb\xbfname,prompt,negative_prompt,mood\r\n# people,,,\r\n")
    assert parse_styles(changed) == [Style("photo", 'a "photo",\nof {prompt} 猫', "blur"), Style("cross", "a, b", "")]
    assert b",calm\r\n" in changed
    added = with_style(changed, Style("new", "x", "y"))
    assert [style.name for style in parse_styles(added)] == ["photo", "cross", "new"]
    assert without_style(added, "photo") == with_style(without_style(data, "photo"), Style("new", "x", "y"))


def test_the_first_style_begins_a_file() -> None:
    assert with_style(b"", Style("x", "y", "")) == b"\xef\xbb\xbfname,prompt,negative_prompt\r\nx,y,\r\n"


def test_an_old_file_keeps_its_columns() -> None:
    changed = with_style(b"name,text\na,old\n", Style("b", "new", "bad"))
    assert parse_styles(changed) == [Style("a", "old", ""), Style("b", "new", "bad")]
    assert b"name,text,negative_prompt" in changed


@pytest.mark.parametrize("name", ["", " x", "x ", "#x", "a\nb", "a\0b", ".", ".."])
def test_a_name_no_file_holds_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match="name"):
        with_style(b"", Style(name, "", ""))


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a,b\n1,2\n"])
def test_what_is_no_file_of_styles_is_not_written_over(data: bytes) -> None:
    with pytest.raises(RequestError, match="styles"):
        with_style(data, Style("x", "", ""))
    with pytest.raises(RequestError, match="styles"):
        without_style(data, "x")


FILM = Style("film", "photo of {prompt}, grain", "cartoon")
DARK = Style("dark", "night", "")
EMPTY = Style("empty", "", "")


@pytest.mark.parametrize(
    ("prompt", "negative", "found"),
    [
        ("photo of a fox, grain", "bad, cartoon", ("a fox", "bad", ("film",))),
        ("photo of a fox, grain", "bad", ("photo of a fox, grain", "bad", ())),
        ("a fox, night", "bad", ("a fox", "bad", ("dark",))),
        ("photo of a fox, grain, night", "cartoon", ("a fox", "", ("film", "dark"))),
        ("a fox", "", ("a fox", "", ())),
        ("night", "", ("", "", ("dark",))),
        ("photo of , grain", "cartoon", ("", "", ("film",))),
        ("", "", ("", "", ())),
    ],
)
def test_styles_are_found_in_prompts(prompt: str, negative: str, found: tuple[str, str, tuple[str, ...]]) -> None:
    assert extract_styles(prompt, negative, [EMPTY, FILM, DARK]) == found


@given(st.lists(st.sampled_from(["film", "dark"]), max_size=4), st.sampled_from(["a fox", "sky, sea", ""]))
def test_styles_that_were_applied_are_found_again(names: list[str], prompt: str) -> None:
    whole, negative, _ = apply_styles(prompt, "", names, [FILM, DARK])
    assert extract_styles(whole, negative, [FILM, DARK]) == (prompt, "", tuple(names))


def test_a_style_that_finds_itself_for_ever_ends() -> None:
    assert len(extract_styles("a, a, " * 500 + "a", "", [Style("a", "a", "")])[2]) == 100
