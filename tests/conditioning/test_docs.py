"""What docs/prompts.md promises is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from redraw.conditioning.editing import Timeline, schedule
from redraw.conditioning.emphasis import read_emphasis
from redraw.conditioning.explain import explain
from redraw.conditioning.prompt import read_prompt

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "prompts.md").read_text(encoding="utf-8")
FOREIGN = PAGE.split("## If you come from another program")[1].split("## Where this differs")[0]


def test_the_spellings_of_other_programs_are_warned_about() -> None:
    rows = [line.split("|")[1] for line in FOREIGN.replace("\\|", "¦").splitlines() if line.startswith("| ")][2:]
    examples = [one.replace("¦", "|") for row in rows for one in re.findall(r"`([^`]+)`", row)]
    meant_here = {"(word:1.2)"}  # correct here too
    assert meant_here < set(examples)
    for example in set(examples) - meant_here:
        assert read_prompt(f"a cat, {example}", 20).warnings, example


@pytest.mark.parametrize(
    ("text", "weight"),
    [("(red)", 1.1), ("((red))", 1.21), ("[red]", 1 / 1.1), ("(red:1.4)", 1.4), ("(red: +1.3 )", 1.3)],
)
def test_the_weights_of_the_page_are_right(text: str, weight: float) -> None:
    assert text.split(":")[0].strip("()[]") in PAGE
    (piece,) = read_emphasis(text)
    assert piece is not None
    assert piece.weight == pytest.approx(weight)


def test_the_edits_of_the_page_are_right() -> None:
    for text, first, last in (
        ("[cat:dog:0.5]", "cat", "dog"),
        ("[cat:dog:8]", "cat", "dog"),
        ("[hat:0.5]", "", "hat"),
        ("[hat::0.5]", "hat", ""),
    ):
        assert f"`{text}`" in PAGE
        before, after = schedule(text, Timeline(20))
        assert (before.end, before.text, after.text) == (8 if "8" in text else 10, first, last)


def test_the_example_is_what_the_command_prints() -> None:
    found = explain("a [cat:fox:0.5] in (deep:1.3) snow", 20)
    for span in found.spans[0]:
        assert re.search(rf"^{span.first}-{span.last} +{re.escape(span.text)}$", PAGE, re.MULTILINE)
