"""Emphasis as A1111 read it before 29 September 2022: by tokens, and without numbers.

Every round or square bracket changes the weight of what follows it, for good or until its partner: `(` times 1.1, `)`
divided by 1.1, `[` divided, `]` times. A token that has a bracket in it is dropped, whatever else is in it. There is
one chunk; what does not fit is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from redraw.models.tokenizer import Tokenizer

STEP: Final = 1.1
_FACTORS: Final = {"(": STEP, "]": STEP, ")": 1 / STEP, "[": 1 / STEP}


def weighted_tokens(tokenizer: Tokenizer, text: str) -> Iterator[tuple[int, float]]:
    """Yield the tokens of a text without brackets, each with its weight."""
    weight = 1.0
    for token in tokenizer.ids(text):
        factor = _factor(tokenizer, token)
        if factor is None:
            yield token, weight
        else:
            weight *= factor


@lru_cache(maxsize=4096)
def _factor(tokenizer: Tokenizer, token: int) -> float | None:
    """Return what a token does to the weight; None for a token without brackets, or whose brackets are even."""
    factor = 1.0
    for sign in tokenizer.words([token])[0]:
        factor *= _FACTORS.get(sign, 1.0)
    return None if factor == 1.0 else factor
