"""Captions as tokens, and the small table that trains in place of CLIP's 49,408 rows.

Only rows of words that occur in captions ever get a gradient, so only those are kept while training (their numbers
are written `compact`); the export spreads them over the whole table and leaves zeros elsewhere.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from redraw.models.tokenizer import clip_tokenizer
from training.scenes import BACKGROUNDS, caption
from training.subjects import Subject

START, END, LENGTH = 49406, 49407, 77


def ids(text: str) -> list[int]:
    """The 77 CLIP tokens of a caption: start, words, end, then ends as padding."""
    words = clip_tokenizer().ids(text)[: LENGTH - 2]
    return [START, *words, *[END] * (LENGTH - 1 - len(words))]


def vocabulary(subjects: list[Subject]) -> list[int]:
    """Every token that a caption of these subjects can have, sorted; a token's place is its compact number."""
    rng, found = np.random.default_rng(0), {START, END}
    texts = [caption(subject, backdrop, rng) for subject in subjects for backdrop in BACKGROUNDS]
    texts += [tag for subject in subjects for tag in subject.tags] + ["a an, on in the at background flat emoji"]
    for text in texts:
        found.update(clip_tokenizer().ids(text))
    return sorted(found)


class Compact:
    """CLIP token numbers to compact ones; words that were never trained all become the added last row, zero."""

    def __init__(self, tokens: list[int]) -> None:
        self.tokens = tokens
        self.places = {token: place for place, token in enumerate(tokens)}

    def __call__(self, texts: list[str]) -> Tensor:
        """Compact numbers [n, 77] of captions."""
        unknown = len(self.tokens)
        return torch.tensor([[self.places.get(token, unknown) for token in ids(text)] for text in texts])
