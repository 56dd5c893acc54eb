"""Schedules of texts to what the UNet listens to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from weakref import WeakKeyDictionary

import torch

from redraw.conditioning.chunks import (
    Chunk,
    EmphasisMode,
    Insertion,
    Insertions,
    TextOptions,
    chunks_of,
)
from redraw.conditioning.editing import Entry
from redraw.models.model import Model
from redraw.models.text import Insert, TextEncoder

KEPT: Final = 64

__all__ = ["KEPT", "Context", "Encoded", "TextOptions", "at", "encode_schedule", "forget", "lengthened"]


@dataclass(frozen=True, eq=False)
class Context:
    """What the UNet listens to.

    Attributes:
        text: `[1, 77*k, width]` fp32 on the CPU; of several encoders, their vectors side by side.
        pooled: the text as a whole, `[1, p]`, of families that want it.
    """

    text: torch.Tensor
    pooled: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class _Kept:
    """The contexts of some texts, and their chunks, whose vectors must live as long as the key that names them."""

    contexts: list[Context]
    chunks: tuple[tuple[Chunk, ...], ...]


Encoded = tuple[tuple[int, Context], ...]
_kept: WeakKeyDictionary[Model, OrderedDict[Hashable, _Kept]] = WeakKeyDictionary()


def encode_schedule(
    model: Model,
    entries: Sequence[Entry],
    options: TextOptions | None = None,
    embeddings: Insertions | None = None,
    *,
    negative: bool = False,
    key: Hashable = (),
) -> Encoded:
    """Return the context of every entry of one prompt, with the last evaluation each is used at; all of equal length.

    The entries are one batch, chunk by chunk: with the `original` emphasis the mean that is kept is that over all of
    them, as in A1111. Shorter texts are filled up with empty chunks.

    Args:
        model: whose text encoders are used.
        entries: at least one, as in `Part.entries`.
        options: how texts are read.
        embeddings: textual inversions that fit the model; see `Embeddings.for_model`.
        negative: whether it is a negative prompt: of a model that was trained so (SDXL), an empty one is all zeros.
        key: what the text encoders are wearing (LoRA), in any hashable form. The last 64 schedules of a model are
            kept, apart for each key; where weights change in another way, call `forget`.
    """
    options = options or TextOptions()
    if negative and all(not entry.text for entry in entries) and model.facts.zeros_for_empty:
        silent = _silence(model)
        return tuple((entry.end, silent) for entry in entries)
    texts = list(dict.fromkeys(entry.text for entry in entries))
    rows = [texts.index(entry.text) for entry in entries]
    chunks = tuple(chunks_of(text, options, embeddings).chunks for text in texts)
    kept = _kept.setdefault(model, OrderedDict())
    whole = (tuple(_key(row) for row in chunks), tuple(rows), options, key, _numbers(model))
    if whole not in kept:
        kept[whole] = _Kept(_encoded(model, chunks, rows, options), chunks)
        while len(kept) > KEPT:
            kept.popitem(last=False)
    kept.move_to_end(whole)
    contexts = kept[whole].contexts
    return tuple((entry.end, contexts[row]) for entry, row in zip(entries, rows, strict=True))


def at(schedule: Encoded, count: int) -> Context:
    """Return what is used when `count` evaluations were made: the first entry that lasts so long, else the first."""
    return next((context for end, context in schedule if count <= end), schedule[0][1])


def lengthened(context: Context, tokens: int) -> Context:
    """Return a context of at least so many token vectors: the last one is repeated, as for parts of AND."""
    missing = tokens - context.text.shape[1]
    if missing <= 0:
        return context
    return replace(context, text=torch.cat([context.text, context.text[:, -1:].expand(-1, missing, -1)], 1))


def forget(model: Model) -> None:
    """Drop what is kept for `model`; needed after its text encoder's weights changed for good."""
    _kept.pop(model, None)


def _encoded(
    model: Model, chunks: Sequence[Sequence[Chunk]], rows: Sequence[int], options: TextOptions
) -> list[Context]:
    """Return the context of every text; `rows` says which text each entry has."""
    columns = _columns(chunks)
    texts, pooled = [], None
    for encoder in model.text_encoders:
        blocks = []
        for i, column in enumerate(columns):
            states, sentence = _states(encoder, column, options)
            blocks.append(emphasised(states, _weights(column), options.emphasis, rows))
            if i == 0 and sentence is not None:
                pooled = sentence
        texts.append(torch.cat(blocks, 1))
    wide = torch.cat(texts, 2)
    return [Context(wide[i : i + 1], None if pooled is None else pooled[i : i + 1]) for i in range(len(chunks))]


def _key(chunks: Sequence[Chunk]) -> Hashable:
    """Return what tells these chunks from others; vectors that are put in count as different tensors."""
    return tuple((c.tokens, c.multipliers, tuple((place, _vectors(one)) for place, one in c.fixes)) for c in chunks)


def _vectors(insertion: Insertion) -> Hashable:
    return tuple((name, id(vectors)) for name, vectors in insertion.vectors.items())


def _columns(chunks: Sequence[Sequence[Chunk]]) -> list[list[Chunk]]:
    """Return the first chunks of all texts, the second ones, ...; texts that are over have empty ones."""
    empty = chunks_of("").chunks[0]
    count = max(len(row) for row in chunks)
    return [[row[i] if i < len(row) else empty for row in chunks] for i in range(count)]


def _states(
    encoder: TextEncoder, column: Sequence[Chunk], options: TextOptions
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Run an encoder over some chunks; equal ones are run once."""
    different = list(dict.fromkeys((chunk.tokens, chunk.fixes) for chunk in column))
    inserts = [
        [Insert(place + 1, one.vectors[encoder.name]) for place, one in fixes if encoder.name in one.vectors]
        for _, fixes in different
    ]
    states, pooled = encoder.states(
        torch.tensor([tokens for tokens, _ in different]),
        options.clip_skip,
        inserts if any(inserts) else (),
        by_option=options.clip_skip_sdxl,
    )
    order = [different.index((chunk.tokens, chunk.fixes)) for chunk in column]
    return states[order], None if pooled is None else pooled[order]


def emphasised(
    states: torch.Tensor, weights: torch.Tensor, mode: EmphasisMode, rows: Sequence[int] | None = None
) -> torch.Tensor:
    """Return vectors `[k, n, width]` times weights `[k, n]`.

    With `original` the mean of all vectors stays what it was; `rows` says which rows it is taken over, each as often
    as it is named there.
    """
    if mode in ("ignore", "none") or bool((weights == 1.0).all()):
        return states
    weighed = states * weights[:, :, None]
    if mode == "no-norm":
        return weighed
    chosen = list(range(len(states))) if rows is None else list(rows)
    return weighed * (states[chosen].mean() / weighed[chosen].mean())


def _weights(column: Sequence[Chunk]) -> torch.Tensor:
    return torch.tensor([chunk.multipliers for chunk in column], dtype=torch.float32)


def _silence(model: Model) -> Context:
    """Return the context that says nothing, of models that pool."""
    width = sum(encoder.width for encoder in model.text_encoders)
    sentence = next(e.network.text_projection.out_features for e in model.text_encoders if e.rule.pooled)
    return Context(torch.zeros(1, 77, width), torch.zeros(1, sentence))


def _numbers(model: Model) -> tuple[tuple[torch.dtype, str], ...]:
    """How the encoders compute: number format and device."""
    weights = (encoder.body.final_layer_norm.weight for encoder in model.text_encoders)
    return tuple((weight.dtype, weight.device.type) for weight in weights)
