"""Prompt editing: what is read as an edit, what stays text, and what is used when."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraw.conditioning.editing import Choice, Edit, Entry, Items, Timeline, read_editing, schedule, write_editing

ANY = st.text(alphabet=st.sampled_from("ab \\()[]:|0.5-e1\n")) | st.text()
PLAIN = st.text(alphabet="abc ,é", min_size=1, max_size=5)
NUMBERS = st.sampled_from(["1", "0.5", "-3", "12", ".25", "1.5", "0", "1e1"])


def lasting(text: str, steps: int = 10) -> list[tuple[int, str]]:
    """The schedule as pairs."""
    return [(entry.end, entry.text) for entry in schedule(text, Timeline(steps))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a [b:3]", [(3, "a "), (10, "a b")]),
        ("a [b: 3 ]", [(3, "a "), (10, "a b")]),
        ("a [[[b]]:2]", [(2, "a "), (10, "a [[b]]")]),
        ("[(a:2):3]", [(3, ""), (10, "(a:2)")]),
        ("a [b : c : 1] d", [(1, "a b  d"), (10, "a  c  d")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("a [b:.5] c", [(5, "a  c"), (10, "a b c")]),
        ("a [unbalanced", [(10, "a [unbalanced")]),
        ("((a][:b:c [d:3]", [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
        ("[a:b:c [d:e:3]]", [(3, "[a:b:c d]"), (10, "[a:b:c e]")]),
        ("(a [b:c:5] d)", [(5, "(a b d)"), (10, "(a c d)")]),
        ("(a:b:c) [d:e:5]", [(5, "(a:b:c) d"), (10, "(a:b:c) e")]),
        ("[a:b:1e0]", [(1, "a"), (10, "b")]),
        ("[a:b:+2]", [(2, "a"), (10, "b")]),
        (r"[a\:b:2]", [(2, ""), (10, r"a\:b")]),
        (r"[a:b\]:2]", [(2, "a"), (10, r"b\]")]),
        ("[:2]", [(2, ""), (10, "")]),
        ("[a:b:1.0]", [(10, "a")]),
        ("[a:b:99]", [(10, "a")]),
        ("[a:b:0]", [(10, "b")]),
    ],
)
def test_edits_switch_when_they_say(text: str, expected: list[tuple[int, str]]) -> None:
    assert lasting(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a|b]", ["a", "b", "a"]),
        ("[fe|]male", ["female", "male", "female"]),
        ("[|]x", ["x", "x", "x"]),
        ("[a|(b:1.1)]", ["a", "(b:1.1)", "a"]),
        ("[a|[b:c:2]]", ["a", "b", "a"]),
        ("[[a|b]:c:1]", ["a", "c", "c"]),
    ],
)
def test_choices_take_turns(text: str, expected: list[str]) -> None:
    assert [found for _, found in lasting(text, 3)] == expected


@pytest.mark.parametrize("text", ["[a|b:3]", "[a:b|c:3]", "a | [b:c:3]", "(a|b) [c:d:3]", "[a:b:3] [c|d", "[a:b:3]\\"])
def test_a_bar_or_backslash_out_of_place_leaves_the_whole_prompt_as_it_is(text: str) -> None:
    assert read_editing(text) is None
    assert lasting(text) == [(10, text)]


@pytest.mark.parametrize(
    "text", ["[a:b]", "[a:b:]", "[a:b:c]", "[a]", "(a:b)", "[a:b:c:3]", "a: b", "][", "[a:b:1.1.1]"]
)
def test_what_is_no_edit_stays_text(text: str) -> None:
    assert read_editing(text) == (text,)


def test_the_second_pass_goes_on_counting_and_the_old_timeline_does_not() -> None:
    text = "[a:b:0.5][c:d:1.5][e:f:12]"
    assert schedule(text, Timeline(10, 8)) == (Entry(2, "bce"), Entry(4, "bcf"), Entry(8, "bdf"))
    assert schedule(text, Timeline(10, 8, old=True)) == (Entry(1, "ace"), Entry(4, "ade"), Entry(8, "bde"))


@pytest.mark.parametrize(("number", "when"), [("1e999", 20), ("-1e999", 0), ("1.", 20), ("7", 7), (".999", 19)])
def test_numbers_of_any_size_are_read(number: str, when: int) -> None:
    assert Timeline(20).when(number) == when


@given(ANY, st.integers(1, 30), st.none() | st.integers(1, 30), st.booleans())
def test_no_text_is_an_error_and_schedules_are_in_order(text: str, steps: int, second: int | None, old: bool) -> None:
    timeline = Timeline(steps, second, old)
    found = schedule(text, timeline)
    ends = [entry.end for entry in found]
    assert ends == sorted(set(ends))
    assert ends[0] >= 1
    assert ends[-1] == timeline.total


@given(st.text(alphabet=st.characters(exclude_characters="()[]\\:|")))
def test_text_without_special_signs_is_used_unchanged(text: str) -> None:
    assert schedule(text, Timeline(20)) == (Entry(20, text),)


@given(ANY)
def test_what_was_read_is_written_as_it_was(text: str) -> None:
    items = read_editing(text)
    if items is not None:
        written = write_editing(items)
        assert "".join(written.split()) == "".join(text.split())  # spaces around numbers are not kept
        assert read_editing(written) == items


def _no_text(items: Items) -> bool:
    return not isinstance(items[0], str) and not isinstance(items[-1], str)


TREES = st.recursive(
    PLAIN.map(lambda text: (text,)),
    lambda inner: st.one_of(
        st.builds(lambda a, b, n: (Edit(a, b, n),), st.none() | inner, inner, NUMBERS),
        st.builds(lambda options: (Choice(tuple(options)),), st.lists(inner, min_size=2, max_size=3)),
        st.builds(
            lambda a, e, b: (*a, *e, *b), PLAIN.map(lambda t: (t,)), inner.filter(_no_text), PLAIN.map(lambda t: (t,))
        ),
    ),
    max_leaves=12,
)


@given(TREES)
def test_written_edits_are_read_back(items: Items) -> None:
    assert read_editing(write_editing(items)) == items


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000,
        "(" * 10_000 + ")" * 10_000,
        "[" * 10_000 + "a:b:5]" * 10_000,
        "[a|" * 10_000 + "]" * 10_000,
        ":" * 10_000,
    ],
)
def test_ten_thousand_brackets_take_little_time(text: str) -> None:
    begun = time.perf_counter()
    schedule(text, Timeline(2))
    assert time.perf_counter() - begun < 5
