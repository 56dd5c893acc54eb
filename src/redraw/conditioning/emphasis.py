"""Emphasis: `(more)`, `[less]`, `(this much:1.3)`, escapes, and BREAK.

    prompt   = { text | escape | open | close | weight } ;
    open     = "(" | "[" ;
    close    = ")" | "]" ;
    weight   = ":" [space] number [space] ")" ;      (* closes the innermost round bracket *)
    number   = ["+" | "-"] digits and dots ;          (* what is no number, as 1.1.1, stays text in normal brackets *)
    escape   = "\\" ( "(" | ")" | "[" | "]" | "\\" ) ;  (* any other backslash vanishes *)
    text     = anything else ; the word BREAK in it, with the spaces around, starts another chunk

Round and square brackets are counted apart, so `(a [b) c]` is legal. Every bracket multiplies the weight of what is in
it: round ones by 1.1 or the given number, square ones by 1/1.1. An open bracket without its partner reaches to the
end; a closing one without its partner is text. Inside any emphasis BREAK is an ordinary word (with a weight below
zero), as in A1111.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

ROUND: Final = 1.1
SQUARE: Final = 1 / 1.1
# Spans are multiplied out one after the other, in A1111's order, up to this much work; it takes thousands of nested
# brackets to need more.
EXACT_WORK: Final = 1_000_000

# Group 1 is the number of a weight.
TOKEN: Final = re.compile(r"\\[()\[\]\\]|\\|[()\[\]]|:\s*([+-]?[.\d]+)\s*\)|[^\\()\[\]:]+|:")
_BREAK: Final = re.compile(r"\bBREAK\b")
_SPECIAL: Final = re.compile(r"[\\()\[\]]")


@dataclass(frozen=True)
class Piece:
    """A run of text that shares one weight."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class _Span:
    """Which pieces a bracket multiplies: from `start` up to, not with, `end`; and by how much."""

    start: int
    end: int
    factor: float
    round: bool


class _Reader:
    """What was read so far.

    Attributes:
        texts: the pieces; None stands for BREAK.
        spans: brackets that are closed, in the order of closing.
        round, square: where the open ones begin.
    """

    def __init__(self) -> None:
        self.texts: list[str | None] = []
        self.spans: list[_Span] = []
        self.round: list[int] = []
        self.square: list[int] = []

    def read(self, text: str) -> None:
        for found in TOKEN.finditer(text):
            token, number = found[0], found[1]
            if token[0] == "\\":
                self.texts.append(token[1:])
            elif token == "(":
                self.round.append(len(self.texts))
            elif token == "[":
                self.square.append(len(self.texts))
            elif number is not None and self.round:
                self._weigh(token, number)
            elif token == ")" and self.round:
                self._close(self.round, ROUND)
            elif token == "]" and self.square:
                self._close(self.square, SQUARE)
            else:
                self._add(token)
        self.spans += [_Span(start, len(self.texts), ROUND, True) for start in self.round]
        self.spans += [_Span(start, len(self.texts), SQUARE, False) for start in self.square]

    def _weigh(self, token: str, number: str) -> None:
        factor = number_of(number)
        if factor is None:
            self._add(token[:-1])
            factor = ROUND
        self._close(self.round, factor)

    def _close(self, opened: list[int], factor: float) -> None:
        self.spans.append(_Span(opened.pop(), len(self.texts), factor, opened is self.round))

    def _add(self, text: str) -> None:
        """Add text, cut at each BREAK, which eats the spaces around it."""
        parts = _BREAK.split(text)
        for i, part in enumerate(parts):
            if i:
                self.texts.append(None)
            left = part.lstrip() if i else part
            self.texts.append(left.rstrip() if i < len(parts) - 1 else left)


def read_emphasis(text: str) -> tuple[Piece | None, ...]:
    """Return the text in pieces of equal weight, in order; None is a BREAK that starts another chunk.

    Never fails, and takes time in proportion to the text's length.
    """
    reader = _Reader()
    reader.read(text)
    weights = _weights(len(reader.texts), reader.spans)
    merged: list[Piece | None] = []
    for part, weight in zip(reader.texts, weights, strict=True):
        last = merged[-1] if merged else None
        if part is None:
            merged.append(None if weight == 1.0 else Piece("BREAK", -weight))
        elif last is not None and last.weight == weight:
            merged[-1] = Piece(last.text + part, weight)
        else:
            merged.append(Piece(part, weight))
    return tuple(p for p in merged if p is None or p.text)


def literal(text: str) -> str:
    r"""Return prompt text that means `text` letter by letter: brackets, backslashes and BREAK are escaped.

    >>> literal("a (b) BREAK")
    'a \\(b\\) B\\REAK'
    """
    return _BREAK.sub(r"B\\REAK", _SPECIAL.sub(r"\\\g<0>", text))


def write_emphasis(pieces: Iterable[Piece | None]) -> str:
    """Return prompt text that `read_emphasis` reads as these pieces (their weights as `(text:weight)`)."""
    return "".join(_written(pieces))


def number_of(text: str) -> float | None:
    """Return the number a text stands for, or None where it is none (`1.1.1`, `.`)."""
    try:
        return float(text)
    except ValueError:
        return None


def _written(pieces: Iterable[Piece | None]) -> Iterator[str]:
    for piece in pieces:
        if piece is None:
            yield " BREAK "
        elif piece.weight == 1.0:
            yield literal(piece.text)
        else:
            yield f"({literal(piece.text)}:{_digits(piece.weight)})"


def _digits(number: float) -> str:
    """A number without an exponent, which the grammar does not know."""
    short = repr(number)
    return short if "e" not in short else f"{number:.330f}".rstrip("0")


def _weights(count: int, spans: Sequence[_Span]) -> list[float]:
    """Return the weight of each piece."""
    if sum(span.end - span.start for span in spans) <= EXACT_WORK:
        weights = [1.0] * count
        for span in spans:
            for i in range(span.start, span.end):
                weights[i] *= span.factor
        return weights
    return _swept(count, spans)


def _swept(count: int, spans: Sequence[_Span]) -> list[float]:
    """The same in one pass: round and square spans are each nested in their own kind, so two stacks hold the products.

    The order of multiplication differs, and with it perhaps the last digit.
    """
    weights = [1.0] * count
    for kind in (True, False):
        opening = sorted((s for s in spans if s.round is kind), key=lambda s: (s.start, -s.end))
        stack: list[tuple[int, float]] = []
        following = iter(opening)
        span = next(following, None)
        for i in range(count):
            while stack and stack[-1][0] <= i:
                stack.pop()
            while span is not None and span.start == i:
                if span.end > i:
                    stack.append((span.end, span.factor * (stack[-1][1] if stack else 1.0)))
                span = next(following, None)
            weights[i] *= stack[-1][1] if stack else 1.0
    return weights
