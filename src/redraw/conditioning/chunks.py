"""Token lists cut into the pieces of 75 a text encoder takes.

A prompt arrives as weighted pieces of text. Today there is one piece with weight 1; the prompt grammar will hand in
more, and `None` between pieces for BREAK.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from redraw.models.tokenizer import Tokenizer

CHUNK: Final = 75
COMMA_BACKTRACK: Final = 20


@dataclass(frozen=True)
class Piece:
    """A run of text that shares one weight."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Chunk:
    """One text encoder input: BOS, 75 tokens, EOS.

    Attributes:
        tokens: 77 ids.
        multipliers: 77 weights, 1.0 where nothing was emphasised.
    """

    tokens: tuple[int, ...]
    multipliers: tuple[float, ...]


@dataclass(frozen=True)
class Chunks:
    """A whole prompt in chunks.

    Attributes:
        chunks: at least one.
        used: tokens up to the last one that is not filling; what a token counter shows.
    """

    chunks: tuple[Chunk, ...]
    used: int

    @property
    def limit(self) -> int:
        """The counter's right side: how many tokens fit without another chunk."""
        return max(1, -(-self.used // CHUNK)) * CHUNK


class _Filler:
    """Collects tokens and closes a chunk whenever 75 are full."""

    def __init__(self, tokenizer: Tokenizer, backtrack: int) -> None:
        self.tokenizer, self.backtrack = tokenizer, backtrack
        self.done: list[Chunk] = []
        self.open: list[tuple[int, float]] = []
        self.after_comma = -1  # where the text behind the open chunk's last comma begins
        self.used = 0

    def add(self, token: int, weight: float) -> None:
        """Put one token in; a full chunk is closed first, at its last comma if that is near enough."""
        full = len(self.open) == CHUNK
        if token == self.tokenizer.comma:
            if full:
                self.close()
            self.after_comma = len(self.open) + 1 if not full else -1
        elif full:
            near = self.after_comma > 0 and CHUNK - (self.after_comma - 1) <= self.backtrack
            cut = self.after_comma if near and self.backtrack else CHUNK
            moved = self.open[cut:]
            del self.open[cut:]
            self.close()
            self.open = moved
        self.open.append((token, weight))

    def close(self, last: bool = False) -> None:
        """Fill the open chunk up and start another; the last one counts only what it holds."""
        self.used += len(self.open) if last else CHUNK
        t = self.tokenizer
        body = self.open + [(t.eos, 1.0)] + [(t.pad, 1.0)] * (CHUNK - len(self.open))
        self.done.append(Chunk((t.bos, *(i for i, _ in body)), (1.0, *(w for _, w in body))))
        self.open, self.after_comma = [], -1


def chunk_pieces(tokenizer: Tokenizer, pieces: Iterable[Piece | None], backtrack: int = COMMA_BACKTRACK) -> Chunks:
    """Return weighted pieces of text as chunks.

    When a chunk is full and its last comma is at most `backtrack` tokens back, what follows that comma moves to the
    next chunk (0 switches this off).

    Args:
        tokenizer: the model's.
        pieces: text in order; None fills the open chunk up and starts another (BREAK).
        backtrack: see above.
    """
    filler = _Filler(tokenizer, backtrack)
    for piece in pieces:
        if piece is None:
            filler.close()
            continue
        for token in tokenizer.ids(piece.text):
            filler.add(token, piece.weight)
    if filler.open or not filler.done:
        filler.close(last=True)
    return Chunks(tuple(filler.done), filler.used)


def chunk_text(tokenizer: Tokenizer, text: str, backtrack: int = COMMA_BACKTRACK) -> Chunks:
    """Return plain text, without any prompt syntax, as chunks."""
    return chunk_pieces(tokenizer, [Piece(text)], backtrack)


def tokens_of(chunks: Sequence[Chunk]) -> list[list[int]]:
    """Return the ids of some chunks as rows of 77."""
    return [list(c.tokens) for c in chunks]
