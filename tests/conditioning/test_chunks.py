"""Tokens are cut into chunks of 75 the way A1111 cuts them."""

from __future__ import annotations

import pytest

from redraw.conditioning.chunks import CHUNK, TextOptions, chunk_pieces, chunks_of, token_count
from redraw.conditioning.emphasis import Piece
from redraw.conditioning.explain import Glossary, Vectors
from redraw.models.tokenizer import clip_tokenizer

BOS, EOS, COMMA, RED = 49406, 49407, 267, 736


def _cut(text: str, backtrack: int = 20) -> list[int]:
    """How many tokens each chunk holds."""
    chunks = chunks_of(text, TextOptions(backtrack=backtrack)).chunks
    return [list(c.tokens).index(EOS) - 1 for c in chunks]


@pytest.mark.parametrize(
    ("before", "after", "cut"),
    [
        (54, 30, [75, 10]),  # comma is token 55: 21 tokens are behind or at it when the chunk is full
        (55, 30, [56, 30]),  # token 56: 20
        (73, 30, [74, 30]),
        (74, 30, [75, 30]),  # the comma is the last token of the chunk: nothing moves
        (75, 30, [75, 31]),  # the comma itself opens the next chunk
    ],
)
def test_text_behind_a_near_comma_moves_as_a_whole(before: int, after: int, cut: list[int]) -> None:
    assert _cut("red " * before + "," + " red" * after) == cut
    assert _cut("red " * before + "," + " red" * after, backtrack=0) == [CHUNK, before + after + 1 - CHUNK]


@pytest.mark.parametrize(("count", "limit"), [(0, 75), (1, 75), (75, 75), (76, 150), (150, 150), (151, 225)])
def test_the_counter_shows_used_and_limit(count: int, limit: int) -> None:
    found = chunks_of("red " * count)
    assert (found.used, found.limit) == (count, limit)
    assert all(len(c.tokens) == len(c.multipliers) == 77 for c in found.chunks)
    assert all(c.tokens[0] == BOS and c.tokens[-1] == EOS for c in found.chunks)


def test_weights_travel_with_their_tokens() -> None:
    chunk = chunk_pieces(clip_tokenizer(), [Piece("a"), Piece("red circle", 1.5), Piece("on", 0.5)]).chunks[0]
    assert chunk.multipliers[:6] == (1.0, 1.0, 1.5, 1.5, 0.5, 1.0)


def test_a_break_fills_the_chunk_up() -> None:
    found = chunk_pieces(clip_tokenizer(), [Piece("red"), None, Piece("red")])
    assert [c.tokens[1:3] for c in found.chunks] == [(RED, EOS), (RED, EOS)]
    assert found.used == 76


def test_the_counter_shows_the_longest_text() -> None:
    assert token_count(["red", "red " * 80, "(red:1.5) BREAK red"]) == (80, 150)
    assert token_count([]) == (0, 75)


def test_without_emphasis_brackets_and_breaks_are_counted_as_text() -> None:
    assert chunks_of("(a:1.5) BREAK b").used == 76
    assert chunks_of("(a:1.5) BREAK b", TextOptions(emphasis="none")).used > 6


def _found(text: str, count: int = 3) -> list[list[tuple[int, str]]]:
    """Where the embedding "blob" stands in each chunk."""
    chunks = chunks_of(text, None, Glossary([Vectors("blob", count), Vectors("blob two", 1)])).chunks
    return [[(at, one.name) for at, one in chunk.fixes] for chunk in chunks]


def test_an_embedding_takes_its_places() -> None:
    (chunk,) = chunks_of("a (blob:1.3) b", None, Glossary([Vectors("blob", 3)])).chunks
    assert (chunk.tokens[1], chunk.tokens[2:5], chunk.used) == (320, (0, 0, 0), 5)
    assert chunk.multipliers[2:6] == (1.3, 1.3, 1.3, 1.0)
    assert [at for at, _ in chunk.fixes] == [1]


def test_the_longest_name_wins() -> None:
    assert _found("blob two blob") == [[(0, "blob two"), (1, "blob")]]


def test_an_embedding_that_does_not_fit_begins_a_chunk() -> None:
    assert _found("red " * 72 + "blob") == [[(72, "blob")]]
    assert _found("red " * 73 + "blob") == [[], [(0, "blob")]]


def test_an_embedding_moves_on_with_the_text_behind_a_comma() -> None:
    assert _found("red " * 60 + "," + " red" * 5 + " blob" + " red" * 10) == [[], [(5, "blob")]]


def test_an_embedding_longer_than_a_chunk_is_cut() -> None:
    assert _found("red blob", 100) == [[], [(0, "blob")]]
    chunks = chunks_of("red blob red", None, Glossary([Vectors("blob", 100)])).chunks
    assert [len(chunk.tokens) for chunk in chunks] == [77, 77, 77]
