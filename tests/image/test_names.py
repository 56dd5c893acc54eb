"""File names from patterns."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraw.image.names import NameValues, expand, file_stem, grid_stem, next_number, sanitize

VALUES = NameValues(
    prompt="a (red:1.2) circle, <lora:x:1> on blue / test",
    seed=7,
    seeds=[7],
    steps=8,
    cfg_scale=7.5,
    width=64,
    height=64,
    styles=["st1"],
    sampler="DPM++ 2M",
    scheduler="Karras",
    model_name="tiny-sd1",
    denoising=0.6,
    now=datetime(2026, 11, 21, 14, 5, 6, tzinfo=UTC),
)
# Hashes of a negative prompt and of a picture that were not recorded.
UNCHECKED = {"[negative_prompt_hash]", "[full_prompt_hash]", "[image_hash]", "[image_hash<6>]"}


@pytest.mark.golden
def test_patterns_give_the_names_a1111_gives(goldens: Path) -> None:
    recorded = json.loads((goldens / "pure/filename_patterns.json").read_text())
    expected = {k: v for k, v in recorded.items() if k not in UNCHECKED}
    assert len(expected) >= 28
    assert {pattern: expand(pattern, VALUES) for pattern in expected} == expected


@pytest.mark.golden
def test_parts_are_cleaned_as_a1111_cleans_them(goldens: Path) -> None:
    for text, underscored, spaced in json.loads((goldens / "pure/sanitize.json").read_text()):
        assert sanitize(text) == underscored
        assert sanitize(text, replace_spaces=False) == spaced


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[SEED]", "7"),
        ("[seed<3>]", "[seed]"),
        ("[model_hash]", "[model_hash]"),
        ("x[batch_number]y", "y"),
        ("[date]", "2026-11-21"),
        ("[datetime]", "20261121140506"),
        ("[datetime<%H-%M>]", "14-05"),
        ("[datetime<%H><Asia/Tokyo>]", "23"),
        ("[datetime<%H><No/Where>]", "14"),
        ("[job_timestamp]", "20261121140506"),
        ("[hasprompt<cat|dog>]", "dog"),
        ("[hasprompt<cat>]", ""),
        ("[hasprompt<CIRCLE><cat|dog>]", "CIRCLEdog"),
        ("[prompt_hash<x>]", "[prompt_hash]"),
        ("[]", "[]"),
        ("plain", "plain"),
        ("[basename]", "img"),
    ],
)
def test_tags_are_filled_in_or_stay(pattern: str, expected: str) -> None:
    assert expand(pattern, VALUES) == expected


def test_counting_tags_appear_in_batches_and_longer_runs() -> None:
    values = NameValues(seed=5, seeds=[5, 6], batch_size=2, batch_number=1, generation_number=3, run_size=4)
    assert expand("[batch_number]-[generation_number]-[seed_first]-[seed_last]", values) == "1-3-5-6"


def test_hashes_are_sha256() -> None:
    values = NameValues(prompt="p", negative_prompt="n", image_bytes=b"pixels")
    assert expand("[negative_prompt_hash]", values) == hashlib.sha256(b"n").hexdigest()[:8]
    assert expand("[full_prompt_hash<12>]", values) == hashlib.sha256(b"p n").hexdigest()[:12]
    assert expand("[image_hash]", values) == hashlib.sha256(b"pixels").hexdigest()


def test_a_prompt_without_words_is_called_empty() -> None:
    assert expand("[prompt_words]", NameValues(prompt=" ,; ")) == "empty"


@given(st.text())
def test_a_prompt_never_makes_a_folder_or_an_illegal_name(prompt: str) -> None:
    for tag in ("[prompt]", "[prompt_spaces]", "[prompt_words]", "[hasprompt<x|..>]"):
        name = expand(tag, NameValues(prompt=prompt))
        assert not set(name) & set('#<>:"/\\|?*\n\r\t\0')
        assert not name.endswith((".", " "))
        assert len(name) <= 128


@given(st.text())
def test_no_pattern_breaks_the_expansion(pattern: str) -> None:
    expand(pattern, VALUES)


def test_a_stem_has_five_digits_before_the_pattern() -> None:
    assert file_stem("[seed]", VALUES, 12) == "00012-7"
    assert file_stem("[none]", VALUES, 12) == "00012"
    assert file_stem("[seed]", VALUES, None) == "7"
    assert file_stem("[none]", VALUES, None) == "00000"
    assert grid_stem(3) == "grid-0003"


def test_the_next_number_follows_the_highest() -> None:
    assert next_number([]) == 0
    assert next_number(["00004-7.png", "00011-x-9.png", "notes.txt", "-3.png", "٣.png"]) == 12
    assert next_number(["grid-0007.png", "00011-x.png"], "grid") == 8
