"""Whole prompts: tags, AND, editing, and what is remarked about them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraw.conditioning.prompt import Entry, Part, Tag, never_reached, read_prompt, weighted_parts

ANY = st.text(alphabet=st.sampled_from("ab \\()[]<>{}:|0.5-#AND+,\n_（：")) | st.text()


def test_a_prompt_is_read_in_order() -> None:
    found = read_prompt("a [b:c:0.5] # no\n<lora:x:0.7> :1.5 AND d <lora:y> AND e", 10)
    assert found.text == "a [b:c:0.5] \n :1.5 AND d  AND e"
    x, y = Tag("lora", "x", ("0.7",)), Tag("lora", "y")
    assert found.tags == (x, y)
    assert found.parts == (
        Part(1.5, (Entry(5, "a b"), Entry(10, "a c")), (x,)),
        Part(1.0, (Entry(10, " d"),), (y,)),
        Part(1.0, (Entry(10, " e"),)),
    )
    assert found.texts == ("a b", "a c", " d", " e")
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("text", "part"),
    [("a <lora:x>AND b", 0), ("a AND<lora:x> b", 1), ("a AND b <lora:x>", 1), ("<lora:x> a AND b", 0)],
)
def test_a_tag_belongs_to_the_part_it_stands_in(text: str, part: int) -> None:
    assert [len(p.tags) for p in read_prompt(text, 5).parts] == [int(part == 0), int(part == 1)]


def test_a_negative_prompt_has_no_tags_and_no_parts() -> None:
    found = read_prompt("a <lora:x> AND [b:c:2]:1.5 ", 4, negative=True)
    assert (found.tags, len(found.parts), found.parts[0].weight) == ((), 1, 1.0)
    assert found.parts[0].entries == (Entry(2, "a <lora:x> AND b:1.5 "), Entry(4, "a <lora:x> AND c:1.5 "))


def test_comments_can_be_switched_off() -> None:
    assert read_prompt("a #b", 4, comments=False).text == "a #b"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", (("a", 1.0),)),
        ("a:1.5", (("a", 1.5),)),
        ("a : -.5 ", (("a", -0.5),)),
        ("a:1.", (("a", 1.0),)),
        ("a:1e3", (("a:1e3", 1.0),)),
        (":2", (("", 2.0),)),
        ("aANDb", (("aANDb", 1.0),)),
        ("a AND AND b", (("a", 1.0), ("", 1.0), (" b", 1.0))),
    ],
)
def test_parts_may_have_weights(text: str, parts: tuple[tuple[str, float], ...]) -> None:
    assert weighted_parts(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "a photo of a cat, (red:1.2), [low], [a:b:0.5] and [c|d], masterpiece",
        "a cat AND a dog :0.5 AND [x::5] <lora:x:0.7>",
        r"\(c\) an artist, ratio 16\:9, C++",
        "red BREAK blue, (big hat) [small:large:12] cats and dogs",
        "a house # with a comment",
        "a smile: happy, (portrait: of a man:1.2)",
        "",
    ],
)
def test_ordinary_prompts_are_not_remarked_upon(text: str) -> None:
    assert read_prompt(text, 20).warnings == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a (red circle", "never closed"),
        ("a red) on", "closes nothing"),
        ("(a [b) c]", "cross"),
        ("[a:b]", "[a:b:0.5]"),
        ("[a:b:]", "[a:b:0.5]"),
        ("[a::]", "[a::0.5]"),
        ("[a:b:c]", '"c" is no number'),
        ("[a:b:c:d]", "too many colons"),
        ("(x:)", "no number"),
        ("(x:1.1.1)", "no number"),
        ("(x:1,2)", "1.2 is"),
        ("(x:120%)", "no number"),
        ("(x BREAK y)", "BREAK inside brackets"),
        ("a :1.2 and b :0.8", "AND in capital letters"),
        ("<lora:x:1 a cat", "with its >"),
        ("<lora x:1>", "with its >"),
        ("(lora:x:1)", "angle brackets"),
        ("<Lora:x:1>", "small letters"),
        ("<lora: x:0.5>", "spaces"),
        ("<lora:x:0,5>", '"0,5" is no number'),
        ("<foo:bar>", "left out"),
        ("<lora:te=1>", "names no network"),
        ("{x}", "(x)"),
        ("{a|b}", "[one|other]"),
        ("（x：1.2）", "write ( )"),
        ("x：1.2", "plain colon"),
        ("＜lora：x：1＞", "<lora:name:1>"),
        ("((x))1.3", "(words:1.3)"),
        ("(x)++", "(words:1.2)"),
        ("(x)--", "(words:0.81)"),
        ("(x):1.3, b", "(words:1.3)"),
        ("big++ cat", "(big:1.2)"),
        ("(x:3)", "weight 3"),
        ("(" * 10 + "x" + ")" * 10, "weight 2.59"),
        ("(x:" + "9" * 400 + ")", "beyond all numbers"),
        ("[a:b:30]", "there are 20 steps"),
        ("[a:b:1.0]", "1.0 is the end"),
        ("[x:1.3]", "(x:1.3)"),
        ("[a:b:0]", "never uses a"),
        ("photo 16:9", "weighs the whole prompt by 9"),
        ("(a AND b)", "inside brackets too"),
        ("a AND", "empty"),
        ("a AND b:0", "does nothing"),
        ("color #ff0000 car", "comment"),
        ("# all", "whole prompt is a comment"),
        ("1.3::text::", "(words:1.3)"),
        ("cat::2 dog", "(words:2)"),
        ("a cat --ar 3", '"--ar" is text'),
        ("embedding:foo", "name alone"),
        ("<easynegative>", "name alone"),
        ('("a").and("b")', "see AND"),
        ("__color__ cat", "no word is put in"),
        ("a | [b:c:0.5]", "editing off"),
        ("[x:y:5] \\", "lone backslash"),
    ],
)
def test_a_warning_says_what_was_probably_meant(text: str, said: str) -> None:
    warnings = read_prompt(text, 20).warnings
    assert any(said in warning for warning in warnings), warnings


@pytest.mark.parametrize(("text", "said"), [("a AND b", "AND is an ordinary"), ("<lora:x:1>", "ordinary text")])
def test_negative_prompts_are_told_what_does_not_work_there(text: str, said: str) -> None:
    (warning,) = read_prompt(text, 20, negative=True).warnings
    assert said in warning


def test_edits_of_the_first_pass_are_no_mistake_in_the_second() -> None:
    assert read_prompt("[a:b:0.5] [c:d:1.5]", 20, hires_steps=10).warnings == ()


@pytest.mark.parametrize(
    ("text", "evaluations", "missed"),
    [
        ("[a:b:0.5]", 11, "b"),
        ("[a:b:0.5]", 12, None),
        ("[a:b:19]", 20, "b"),
        ("[a|b]", 5, None),
        ("[a|b|c]", 3, "c"),
        ("a", 1, None),
        ("c AND [a:b:3]", 4, "b"),
    ],
)
def test_a_run_that_ends_early_is_told_what_it_misses(text: str, evaluations: int, missed: str | None) -> None:
    found = never_reached(read_prompt(text, 20), evaluations)
    assert [warning.split('"')[1] for warning in found] == ([missed] if missed else [])


@given(ANY, st.integers(1, 25), st.booleans(), st.none() | st.integers(1, 9), st.booleans())
def test_no_prompt_is_an_error(text: str, steps: int, negative: bool, second: int | None, old: bool) -> None:
    found = read_prompt(text, steps, negative=negative, hires_steps=second, old_timeline=old)
    assert found.parts
    assert len(found.warnings) <= 12
    assert all(warning and "\n" not in warning and len(warning) < 400 for warning in found.warnings)
    never_reached(found, 3)


@given(st.text(alphabet=st.characters(exclude_characters="()[]\\:|<>#", exclude_categories=["Cs"])))
def test_text_without_special_signs_comes_back_unchanged(text: str) -> None:
    if "AND" not in text:
        found = read_prompt(text, 20)
        assert found.text == text
        assert found.parts == (Part(1.0, (Entry(20, text.rstrip()),)),)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "[" * 10_000 + "a:b:5]" * 10_000,
        "(a:" * 10_000,
        "[a|" * 10_000 + "]" * 10_000,
        "a AND " * 10_000,
        ":1 " * 10_000,
        "<lora:x" * 10_000,
        "<lora:x:y>" * 10_000,
        "a" * 100_000,
        "1" * 100_000,
        "_" * 100_000,
        "(" * 5_000 + "[" * 5_000 + ")" * 5_000,
        "(:" + " " * 100_000,
        "{" * 50_000,
    ],
)
def test_the_longest_prompts_take_little_time(text: str) -> None:
    begun = time.perf_counter()
    read_prompt(text, 20)
    assert time.perf_counter() - begun < 15
