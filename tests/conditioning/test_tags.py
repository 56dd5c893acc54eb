"""Tags of networks and comments are taken out of prompts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraw.conditioning.tags import Strengths, Tag, read_tag, strengths, with_networks, without_comments


@pytest.mark.parametrize(
    ("text", "rest", "tag"),
    [
        ("a <lora:x> b", "a  b", Tag("lora", "x")),
        ("<lyco:x:0.5>", "", Tag("lora", "x", ("0.5",))),
        ("<hypernet:my net:0.5>", "", Tag("hypernet", "my net", ("0.5",))),
        ("<lora:x:te=1:unet=0.5:dyn=4>", "", Tag("lora", "x", (), {"te": "1", "unet": "0.5", "dyn": "4"})),
        ("<lora:a=b=c:1>", "", Tag("lora", "a=b=c", ("1",))),
        ("<lora:te=1>", "", Tag("lora", "", (), {"te": "1"})),
        ("<foo:bar\nbaz>", "", Tag("foo", "bar\nbaz")),
        ("<a:<lora:x>", "", Tag("a", "<lora", ("x",))),
    ],
)
def test_a_tag_is_taken_out(text: str, rest: str, tag: Tag) -> None:
    assert with_networks(text) == (rest, (tag,))


@pytest.mark.parametrize("text", ["<lora:>", "<lora>", "<lora:x", "< lora:x>", "a < b : c >", "lora:x:1"])
def test_what_is_no_tag_stays(text: str) -> None:
    assert with_networks(text) == (text, ())


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("x", Strengths()),
        ("x:0.5", Strengths(0.5, 0.5)),
        ("x:0.5:1.5", Strengths(0.5, 1.5)),
        ("x:0.5:1.5:4", Strengths(0.5, 1.5, 4)),
        ("x:te=0.2", Strengths(0.2, 0.2)),
        ("x:unet=0.2", Strengths(1.0, 0.2)),
        ("x:-1", Strengths(-1, -1)),
        ("x:high", Strengths(unread=("high",))),
        ("x:1:1:1e999", Strengths()),
    ],
)
def test_arguments_say_how_strong_a_network_is(tag: str, expected: Strengths) -> None:
    assert strengths(read_tag(tag)) == expected


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("ink", Tag("lora", "ink")),
        ("ink:0.8", Tag("lora", "ink", ("0.8",))),
        ("lora:ink:0.8", Tag("lora", "ink", ("0.8",))),
        (" <hypernet:ink:0.5> ", Tag("hypernet", "ink", ("0.5",))),
    ],
)
def test_requests_list_tags_without_brackets(written: str, tag: Tag) -> None:
    assert read_tag(written) == tag


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("a # b\nc", "a \nc"),
        ("# a\nb", "\nb"),
        ("a\n# b\nc", "a\nc"),
        ("a\n#b\n#c\nd", "a\n\nd"),
        ("a #b", "a \n"),
        ("a b", "a b"),
    ],
)
def test_comments_become_line_breaks(text: str, rest: str) -> None:
    assert without_comments(text) == rest


@given(st.lists(st.tuples(st.text(alphabet="ab,"), st.text(alphabet="xyz", min_size=1)), max_size=5))
def test_written_tags_are_read_back_and_nothing_else_is_lost(made: list[tuple[str, str]]) -> None:
    tags = tuple(Tag("lora", name, ("0.5",), {"dyn": "4"}) for _, name in made)
    text = "".join(words + str(tag) for (words, _), tag in zip(made, tags, strict=True))
    assert with_networks(text) == ("".join(words for words, _ in made), tags)


@pytest.mark.parametrize("text", ["<a:" * 50_000, "<" * 100_000, "<a" * 50_000, "#\n" * 50_000, "\n" * 100_000 + "#"])
def test_long_texts_take_little_time(text: str) -> None:
    begun = time.perf_counter()
    with_networks(without_comments(text))
    assert time.perf_counter() - begun < 5
