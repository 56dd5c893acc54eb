"""What people wrote about a model is read as text, and damaged notes do no harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from redraw.models.notes import Notes, frequent_tags, read_notes


def test_trained_tags_are_counted_over_all_folders() -> None:
    tags = json.dumps({"10_cat": {"cat": 10, "1girl": 3}, "5_more": {" dog": 7, "cat": 2, "bad": "x", "flag": True}})
    assert frequent_tags({"ss_tag_frequency": tags}) == ("cat", "dog", "1girl")
    assert frequent_tags({"ss_tag_frequency": tags}, 1) == ("cat",)


@pytest.mark.parametrize("text", ["", "[", "[1]", '{"a": 1}', '{"a": {"b": null}}'])
def test_strange_tags_are_none(text: str) -> None:
    assert frequent_tags({"ss_tag_frequency": text}) == ()


def write(folder: Path, ending: str, value: Any) -> Path:
    """A sidecar."""
    path = folder / f"a{ending}"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_the_user_wins_over_the_site_and_the_site_over_the_file(tmp_path: Path) -> None:
    metadata = {
        "modelspec.title": "Title",
        "modelspec.description": "From inside",
        "modelspec.trigger_phrase": "t1, t2",
    }
    assert read_notes([], metadata) == Notes(title="Title", description="From inside", triggers=("t1", "t2"))
    site = {"model": {"name": "Site name"}, "trainedWords": ["s1, still s1"], "baseModel": "SD 1.5", "description": "x"}
    civitai = write(tmp_path, ".civitai.info", site)
    notes = read_notes([civitai], {})
    assert (notes.title, notes.triggers, notes.base) == ("Site name", ("s1, still s1",), "SD 1.5")
    user = write(
        tmp_path,
        ".json",
        {
            "activation text": "u1, u2",
            "preferred weight": 0.8,
            "negative text": "n",
            "notes": "mine",
            "sd version": "SD1",
        },
    )
    notes = read_notes([user, civitai], metadata)
    assert (notes.triggers, notes.weight, notes.negative, notes.text, notes.base) == (
        ("u1", "u2"),
        0.8,
        "n",
        "mine",
        "SD1",
    )


def test_markup_and_control_characters_are_taken_out_and_long_texts_are_cut(tmp_path: Path) -> None:
    text = "<p>Use <b>ink</b>&amp;paper</p><script>alert(1)</script>\x00\x1b[31m" + "x" * 9000
    notes = read_notes([write(tmp_path, ".civitai.info", {"description": text})], {})
    assert notes.description.startswith("Use ink &paper alert(1)")
    assert "<" not in notes.description
    assert "\x1b" not in notes.description
    assert len(notes.description) <= 2000


@pytest.mark.parametrize(
    "value",
    ["", "{", "[1, 2]", {"trainedWords": 5, "model": 3, "description": ["x"]}, "[" * 100_000, " " * (2**20 + 1)],
)
def test_damaged_notes_say_nothing(tmp_path: Path, value: Any) -> None:
    assert read_notes([write(tmp_path, ".civitai.info", value), write(tmp_path, ".json", value)], {}) == Notes()
    assert read_notes([tmp_path / "gone.json"], {}) == Notes()


@pytest.mark.parametrize(("weight", "read"), [(1, 1.0), (True, 0.0), ("2", 0.0), (1e9, 0.0), (None, 0.0)])
def test_a_weight_is_a_sensible_number(tmp_path: Path, weight: Any, read: float) -> None:
    assert read_notes([write(tmp_path, ".json", {"preferred weight": weight})], {}).weight == read


def test_notes_are_plain_data_and_back() -> None:
    notes = Notes("a", triggers=("b", "c"))
    assert Notes.of(json.loads(json.dumps(vars(notes)))) == notes
    with pytest.raises(ValueError, match="other notes"):
        Notes.of({"title": "a"})
