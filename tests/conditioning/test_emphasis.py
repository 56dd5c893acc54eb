"""Emphasis, escapes and BREAK are read as A1111 reads them, for any text and in little time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import redraw.conditioning.emphasis as emphasis
from redraw.conditioning.emphasis import Piece, literal, read_emphasis, write_emphasis

ANY = st.text(alphabet=st.sampled_from("ab \\()[]:.|1-+BREAK,\n")) | st.text()
WORDS = st.text(alphabet="abcdef ,é", min_size=1, max_size=8)


def read(text: str) -> list[tuple[str, float] | None]:
    """The pieces as pairs, with weights rounded to what is worth looking at."""
    return [None if p is None else (p.text, round(p.weight, 9)) for p in read_emphasis(text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a (b) c", [("a ", 1), ("b", 1.1), (" c", 1)]),
        ("a [b] c", [("a ", 1), ("b", round(1 / 1.1, 9)), (" c", 1)]),
        ("((b))", [("b", 1.21)]),
        ("(b:1.5)", [("b", 1.5)]),
        ("(b: 1.5 )", [("b", 1.5)]),
        ("(b :-.5)", [("b ", -0.5)]),
        ("(a (b:2) c:0.5)", [("a ", 0.5), ("b", 1), (" c", 0.5)]),
        ("(a:1:2)", [("a:1", 2)]),
        ("[b:1.5]", [("b:1.5", round(1 / 1.1, 9))]),
        ("[b:1.5)", [("b:1.5)", round(1 / 1.1, 9))]),
        ("(a [b) c]", [("a ", 1.1), ("b", 1), (" c", round(1 / 1.1, 9))]),
        (r"\(a\) \[b\] \\ \c", [(r"(a) [b] \ c", 1)]),
        ("a (b", [("a ", 1), ("b", 1.1)]),
        ("a) b]", [("a) b]", 1)]),
        ("a BREAK b", [("a", 1), None, ("b", 1)]),
        ("a\n BREAK\nBREAK b", [("a", 1), None, None, ("b", 1)]),
        ("BREAKING a_BREAK", [("BREAKING a_BREAK", 1)]),
        ("(a BREAK b)", [("a", 1.1), ("BREAK", -1.1), ("b", 1.1)]),
        ("(BREAK:-1)", [("BREAK", 1)]),
        ("(a)(b)", [("ab", 1.1)]),
        ("", []),
    ],
)
def test_emphasis_means_what_it_means_in_a1111(text: str, pieces: list[tuple[str, float] | None]) -> None:
    assert read(text) == pieces


@pytest.mark.parametrize(
    ("text", "inside"), [("(a:1.1.1)", "a:1.1.1"), ("(a:.)", "a:."), ("(a: ..5 )", "a: ..5 "), ("(a:)", "a:")]
)
def test_what_is_no_number_stays_text_in_plain_brackets(text: str, inside: str) -> None:
    assert read(text) == [(inside, 1.1)]


@given(ANY)
def test_no_text_is_an_error_and_no_letter_but_brackets_is_lost(text: str) -> None:
    pieces = read_emphasis(text)
    assert all(piece is None or piece.text for piece in pieces)
    kept = "".join("" if piece is None else piece.text for piece in pieces)
    for letter in "ab,|":
        assert kept.count(letter) == text.count(letter)


@given(st.text(alphabet=st.characters(exclude_characters="()[]\\:")))
def test_text_without_special_signs_is_one_plain_piece(text: str) -> None:
    pieces = [piece for piece in read_emphasis(text) if piece is not None]
    if "BREAK" not in text:
        assert pieces == ([Piece(text)] if text else [])
    assert all(piece.weight == 1.0 for piece in pieces)


@given(st.text())
def test_escaped_text_is_literal(text: str) -> None:
    assert "".join(piece.text for piece in read_emphasis(literal(text)) if piece is not None) == text
    assert None not in read_emphasis(literal(text))
    assert all(piece is None or piece.weight == 1.0 for piece in read_emphasis(literal(text)))


@given(st.lists(st.none() | st.tuples(WORDS, st.floats(-50, 50)), max_size=6))
def test_written_pieces_are_read_back(made: list[tuple[str, float] | None]) -> None:
    pieces: list[Piece | None] = []
    for one in made:
        last = pieces[-1] if pieces else None
        if one is None or (last is not None and last.weight == one[1]):
            pieces.append(None)
        else:
            pieces.append(Piece(one[0].strip() or "x", one[1]))
    assert list(read_emphasis(write_emphasis(pieces))) == pieces


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000, "[" * 10_000, "(a" * 10_000 + ")" * 10_000, "(a[b" * 5_000 + ")]" * 5_000, " " * 50_000 + "BREAK"],
)
def test_ten_thousand_brackets_take_little_time(text: str) -> None:
    begun = time.perf_counter()
    read_emphasis(text)
    assert time.perf_counter() - begun < 5


@given(st.text(alphabet="ab()[]:2 ", max_size=60))
def test_the_quick_way_for_deep_nesting_gives_the_same_weights(text: str) -> None:
    exact = read_emphasis(text.replace("b", "c"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emphasis, "EXACT_WORK", -1)
        quick = read_emphasis(text.replace("b", "c"))
    # Pieces may be merged differently where the last digit of a weight differs, so letters are compared.
    exact_letters = [(c, p.weight) for p in exact if p is not None for c in p.text]
    quick_letters = [(c, p.weight) for p in quick if p is not None for c in p.text]
    assert [c for c, _ in exact_letters] == [c for c, _ in quick_letters]
    assert [w for _, w in quick_letters] == pytest.approx([w for _, w in exact_letters])
