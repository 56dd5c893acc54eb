"""The tokenizer gives CLIP's numbers, for any text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from redraw.models.tokenizer import clip_tokenizer, repair


@pytest.mark.golden
def test_every_golden_prompt_gives_the_same_numbers(goldens: Path) -> None:
    cases = json.loads((goldens / "pure" / "tokenize.json").read_text())
    entries = {k: v for k, v in cases.items() if isinstance(v, dict)}
    assert len(entries) > 90
    wrong = [k for k, v in entries.items() if clip_tokenizer().ids(v["prompt"]) != v["ids"]]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        ("   \n\t ", []),
        ("a red circle on a blue background", [320, 736, 7117, 525, 320, 1746, 5994]),
        ("A RED Circle", [320, 736, 7117]),
        ("red,red", [736, 267, 736]),
        ("<|endoftext|>", [49407]),
        ("red<|startoftext|>red", [736, 49406, 736]),
    ],
)
def test_known_texts(text: str, ids: list[int]) -> None:
    assert clip_tokenizer().ids(text) == ids


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("the cat\u2019s hat", "the cat's hat"),
        ("\u201cquoted\u201d", '"quoted"'),
        ("ﬁne ﬂower", "fine flower"),
        ("ＷＩＤＥ", "wide"),
        ("salt &amp; pepper", "salt & pepper"),
        ("re\u0301d", "r\u00e9d"),
        ("red\u0000 \u0007circle", "red circle"),
    ],
)
def test_typography_is_made_plain(text: str, same_as: str) -> None:
    assert clip_tokenizer().ids(text) == clip_tokenizer().ids(same_as)


def test_entities_stay_where_the_text_has_tags() -> None:
    assert repair("<b> &amp;") == "<b> &amp;"


def test_words_come_back() -> None:
    ids = clip_tokenizer().ids("red circle")
    assert clip_tokenizer().words(ids) == ["red</w>", "circle</w>"]


@pytest.mark.parametrize("text", ["\ud800", "\U0010ffff", "😀" * 200, "\u202e\u200d", "a" * 5000])
def test_strange_text_is_no_error(text: str) -> None:
    ids = clip_tokenizer().ids(text)
    assert all(0 <= i < 49408 for i in ids)
