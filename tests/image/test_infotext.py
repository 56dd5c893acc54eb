"""Infotext: building, quoting and parsing."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraw.image.infotext import build, parse, quote, unquote


@pytest.mark.golden
def test_every_recorded_infotext_is_parsed_as_a1111_parses_it(goldens: Path) -> None:
    recorded = json.loads((goldens / "pure/infotext_parse.json").read_text())
    assert len(recorded) > 100
    for entry in recorded:
        found = parse(entry["text"], defaults=True)
        assert found == entry["parsed"], entry["text"]
        assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in entry["parsed"].items()}


@pytest.mark.golden
def test_values_are_quoted_as_a1111_quotes_them(goldens: Path) -> None:
    for value, quoted in json.loads((goldens / "pure/infotext_quote.json").read_text()):
        assert quote(value) == quoted


def test_the_text_has_prompt_negative_and_one_line_of_pairs() -> None:
    params: dict[str, Any] = {"Steps": 20, "CFG scale": 7.0, "Tiling": True, "Gone": None, "Script": "a: b", "X": "X"}
    assert (
        build("a\nb", "n", params)
        == 'a\nb\nNegative prompt: n\nSteps: 20, CFG scale: 7.0, Tiling: True, Script: "a: b", X'
    )
    assert build("a", "", {"Steps": 1}) == "a\nSteps: 1"
    assert build("", "", {}) == ""


def test_fewer_than_three_pairs_are_part_of_the_prompt() -> None:
    assert parse("Steps: 1, Sampler: Euler") == {"Prompt": "Steps: 1, Sampler: Euler", "Negative prompt": ""}


def test_a_program_that_is_not_a1111_gets_no_old_rules() -> None:
    found = parse("[a]\nSteps: 1, Sampler: DDIM, Version: redraw-0.1.0", defaults=True)
    assert "Old prompt editing timelines" not in found
    assert "Pad conds v0" not in found


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("v1.5.2", {"Old prompt editing timelines", "Pad conds v0", "Downcast alphas_cumprod"}),
        ("1.6.0", {"Downcast alphas_cumprod"}),
        ("v1.7.0-224-gabc", {"Downcast alphas_cumprod"}),
        ("v1.7.0-225-gabc", set()),
        ("v1.8.0", set()),
    ],
)
def test_old_versions_switch_their_rules_on(version: str, keys: set[str]) -> None:
    found = parse(f"[a]\nSteps: 1, Sampler: DDIM, Version: {version}", defaults=True)
    assert {k for k, v in found.items() if v is True} == keys


@pytest.mark.parametrize(
    ("prompt", "emphasised"),
    [
        ("plain", False),
        ("(a)", True),
        ("[a", True),
        ("(a:1.0)", False),
        ("(a:1.3)", True),
        (r"\(a\)", False),
        ("()", False),
        ("a) b]", False),
        ("a (b", True),
    ],
)
def test_emphasis_is_named_where_a_prompt_uses_it(prompt: str, emphasised: bool) -> None:
    found = parse(f"{prompt}\nSteps: 1, Sampler: Euler, Seed: 3", defaults=True)
    assert ("Emphasis" in found) is emphasised


# A1111's format loses some texts for good: blank lines at the edges, spaces around lines, quotes without a comma.
line = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=40).map(str.strip)
prompts = st.lists(line, max_size=4).map("\n".join).map(str.strip).filter(lambda t: "Negative prompt:" not in t)
keys = st.from_regex(r"[A-Za-z][\w \-/]{0,20}\w", fullmatch=True)
values = line.filter(lambda t: t and not t.startswith('"') and not t.replace("x", "").isdigit())
params = st.dictionaries(keys, values, min_size=3, max_size=8)


def _own_lines(prompt: str) -> bool:
    return all(part == part.strip() and part for part in prompt.split("\n")) if prompt else True


@given(prompts.filter(_own_lines), prompts.filter(_own_lines), params)
def test_what_was_built_is_parsed_back(prompt: str, negative: str, pairs: dict[str, str]) -> None:
    pairs = {k: v for k, v in pairs.items() if k != v}
    if len(pairs) < 3:
        return
    found = parse(build(prompt, negative, pairs))
    assert found == {**pairs, "Prompt": prompt, "Negative prompt": negative}


@given(st.text())
def test_quoting_is_undone_unless_the_text_looks_quoted(text: str) -> None:
    if not (text.startswith('"') and text.endswith('"')):
        assert unquote(quote(text)) == text


@given(st.text())
def test_any_text_can_be_parsed(text: str) -> None:
    parse(text, defaults=True)


@pytest.mark.parametrize("text", ["a" * 200_000, "a " * 100_000, 'aa: "' * 50_000, "aa: x," * 50_000, "((" * 100_000])
def test_hostile_texts_are_parsed_in_no_time(text: str) -> None:
    start = time.process_time()
    parse(f"p\n{text}", defaults=True)
    assert time.process_time() - start < 5
