"""Weights of words in the languages of other programs."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraw.compat.foreign.weights import from_comfyui, from_compel, from_novelai


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("plain, words", "plain, words"),
        ("{a}", "(a:1.05)"),
        ("{{{a}}}", "(a:1.1576)"),
        ("[a]", "(a:0.9524)"),
        ("{a, [b]}", "(a,:1.05) b"),
        ("{ a } b", " (a:1.05)  b"),
        ("(a)", r"\(a\)"),
        ("a}b", "a}b"),
        ("a]b", r"a\]b"),
        ("{a", "(a:1.05)"),
        ("1.5::a b::, c", "(a b:1.5), c"),
        ("0.5::a", "(a:0.5)"),
        ("-2::a:: b", "(a:-2) b"),
        ("2::a 3::b::", "(a:2) (b:3)"),
        ("{1.5::a::}", "(a:1.575)"),
        ("12:30, 1girl", "12:30, 1girl"),
        ("", ""),
    ],
)
def test_novelais_brackets_and_numbers(text: str, meant: str) -> None:
    assert from_novelai(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a cat", "a cat"),
        ("a cat+", "a (cat:1.1)"),
        ("a cat--, dog", "a (cat:0.81), dog"),
        ("a (red cat)1.3", "a (red cat:1.3)"),
        ("a (red cat)++", "a (red cat:1.21)"),
        ("(a (red)+ cat)0.5", "(a (red:1.1) cat:0.5)"),
        ("a (red) cat", "a red cat"),
        (r"a \(red\) cat", r"a \(red\) cat"),
        ("<EasyNegative>, x", "EasyNegative, x"),
        ("[a]", r"\[a\]"),
        ("well-known sci-fi", "well-known sci-fi"),
        ("(open", "open"),
        ("close)", r"close\)"),
        ('("a", "b").blend(1, 1)', '("a", "b").blend(1, 1)'),
        ("", ""),
    ],
)
def test_compels_signs_and_groups(text: str, meant: str) -> None:
    assert from_compel(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("embedding:EasyNegative, x", "EasyNegative, x"),
        ("(embedding:sub/bad-hands.pt:1.2)", "(bad-hands:1.2)"),
        (r"a [b] \[c\]", r"a \[b\] \[c\]"),
        ("(a:1.2)", "(a:1.2)"),
    ],
)
def test_comfyuis_brackets_and_embeddings(text: str, meant: str) -> None:
    assert from_comfyui(text) == meant


READERS = [from_novelai, from_compel, from_comfyui]


@pytest.mark.parametrize("read", READERS)
@given(text=st.text("ab {}[]()<>+-:.,12\\\"'"))
def test_any_text_has_a_meaning(read: Callable[[str], str], text: str) -> None:
    read(text)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "text", ["(" * 50_000, "(a)" * 30_000, "{" * 50_000, "1" * 50_000, "+" * 50_000, "a+" * 30_000, "!" * 50_000,
             "embedding:" * 9000, "<" * 50_000, "[" * 50_000, "(a)1" + "1" * 50_000, "::" * 30_000],
)  # fmt: skip
def test_hostile_texts_take_no_time(read: Callable[[str], str], text: str) -> None:
    begun = time.process_time()
    read(text)
    assert time.process_time() - begun < 3
