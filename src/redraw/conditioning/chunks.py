"""Token lists cut into the pieces of 75 a text encoder takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """One text encoder input: BOS, 75 tokens, EOS.

    Attributes:
        tokens: 77 ids.
        multipliers: 77 weights, 1.0 where nothing was emphasised.
    """

    tokens: tuple[int, ...]
    multipliers: tuple[float, ...]
