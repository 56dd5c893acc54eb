"""Tokens are cut into chunks of 75 the way A1111 cuts them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from redraw.conditioning.chunks import CHUNK, chunk_pieces, chunk_text
from redraw.conditioning.emphasis import Piece
from redraw.models.tokenizer import clip_tokenizer

BOS, EOS, COMMA, RED = 49406, 49407, 267, 736
PLAIN = ["plain", "empty", "long", "long_nocomma", "case", "uni", "spaces", "curly", "exact75", "76", "comma_wrap"]


@pytest.mark.golden
@pytest.mark.parametrize("name", PLAIN)
def test_golden_prompts_give_the_same_chunks(goldens: Path, name: str) -> None:
    case = json.loads((goldens / "pure" / "tokenize.json").read_text())[name]
    found = chunk_text(clip_tokenizer(), case["prompt"])
    assert [list(c.tokens) for c in found.chunks] == [c["tokens"] for c in case["chunks"]]
    assert [list(c.multipliers) for c in found.chunks] == [c["multipliers"] for c in case["chunks"]]
    assert found.used == case["token_count"]


def _cut(text: str, backtrack: int = 20) -> list[int]:
    """How many tokens each chunk holds."""
    chunks = chunk_text(clip_tokenizer(), text, backtrack).chunks
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
    found = chunk_text(clip_tokenizer(), "red " * count)
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
