"""Prompts to context tensors.

`encode` takes each prompt literally. The prompt grammar (weights, BREAK, schedules) will stand in front of it and
hand weighted pieces to `encode_pieces`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

import torch

from redraw.conditioning.chunks import COMMA_BACKTRACK, Chunks, Piece, chunk_pieces
from redraw.models.model import Model
from redraw.models.tokenizer import clip_tokenizer

KEPT: Final = 64

Key = tuple[tuple[Piece | None, ...], int, int]
_kept: WeakKeyDictionary[Model, OrderedDict[Key, torch.Tensor]] = WeakKeyDictionary()


def encode(
    model: Model, prompts: Sequence[str], clip_skip: int = 1, backtrack: int = COMMA_BACKTRACK
) -> list[torch.Tensor]:
    """Return one context `[1, 77*k, width]` fp32 on the CPU for each prompt; k grows with the prompt's length.

    Args:
        model: whose text encoder is used.
        prompts: plain texts.
        clip_skip: 1 is the encoder's last layer, 2 the one before, ...
        backtrack: how many tokens back a full chunk may be broken at a comma; see `chunk_pieces`.
    """
    return [encode_pieces(model, (Piece(prompt),), clip_skip, backtrack) for prompt in prompts]


def encode_pieces(
    model: Model, pieces: Sequence[Piece | None], clip_skip: int = 1, backtrack: int = COMMA_BACKTRACK
) -> torch.Tensor:
    """Return the context `[1, 77*k, width]` of one prompt in weighted pieces; the last 64 of a model are kept."""
    kept = _kept.setdefault(model, OrderedDict())
    key = (tuple(pieces), clip_skip, backtrack)
    if key in kept:
        kept.move_to_end(key)
    else:
        kept[key] = _encoded(model, chunk_pieces(clip_tokenizer(), pieces, backtrack), clip_skip)
        while len(kept) > KEPT:
            kept.popitem(last=False)
    return kept[key]


def forget(model: Model) -> None:
    """Drop what is kept for `model`; needed after its text encoder's weights changed."""
    _kept.pop(model, None)


def _encoded(model: Model, chunks: Chunks, clip_skip: int) -> torch.Tensor:
    """Run the text encoder over every chunk and put the results behind one another."""
    tokens = torch.tensor([c.tokens for c in chunks.chunks])
    states = model.text_states(tokens, clip_skip)
    return states.flatten(0, 1)[None]
