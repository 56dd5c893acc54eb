"""What a prompt means, in a form people can read: what is used when, its tokens and weights, and what looks wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redraw.conditioning.chunks import Chunk, Chunks, Insertions, TextOptions, chunks_of
from redraw.conditioning.editing import Entry
from redraw.conditioning.prompt import Part, Prompt, never_reached, read_prompt
from redraw.conditioning.tags import Tag
from redraw.models.tokenizer import Tokenizer, clip_tokenizer
from redraw.registry import SAMPLERS

SECOND_ORDER: Final = frozenset({"dpmpp_sde", "dpmpp_2s_a", "heun", "dpm_2", "dpm_2_a", "restart"})
"""Samplers that count two evaluations a step; as their own tables say, which need torch."""


@dataclass(frozen=True)
class Vectors:
    """A textual inversion by its name and how many tokens' places it takes; enough to count."""

    name: str
    count: int
    vectors: Any = None


class Glossary:
    """Finds textual inversions by the tokens of their names, as `redraw.models.embeddings.Embeddings` does."""

    def __init__(self, found: Iterable[Vectors], tokenizer: Tokenizer | None = None) -> None:
        words = tokenizer or clip_tokenizer()
        self._by_ids = {ids: one for one in found if (ids := tuple(words.ids(one.name)))}
        self._lengths = sorted({len(ids) for ids in self._by_ids}, reverse=True)

    def match(self, ids: Sequence[int], at: int) -> tuple[Vectors, int] | None:
        """Return what is called at a place, and how many tokens its name takes; the longest name wins."""
        for length in self._lengths:
            found = self._by_ids.get(tuple(ids[at : at + length]))
            if found is not None:
                return found, length
        return None

    def names_in(self, text: str) -> tuple[str, ...]:
        """Return the names in a text, in order."""
        chunks = chunks_of(text, None, self).chunks
        return tuple(one.name for chunk in chunks for _, one in chunk.fixes)


@dataclass(frozen=True)
class Word:
    """A token, or several of one weight; of a textual inversion how many places it takes (else 0)."""

    text: str
    weight: float
    vectors: int = 0


@dataclass(frozen=True)
class Span:
    """When a text is used: from the `first` to the `last` evaluation of the network, counted from 1."""

    first: int
    last: int
    text: str


@dataclass(frozen=True)
class Explained:
    """What a prompt means.

    Attributes:
        prompt: as it was read.
        evaluations: how many the run makes.
        spans: for each part of AND, what is used when; texts whose turn does not come are left out.
        chunks: the chunks of each text that is used.
        warnings: what was probably meant otherwise.
    """

    prompt: Prompt
    evaluations: int
    spans: tuple[tuple[Span, ...], ...]
    chunks: dict[str, Chunks]
    warnings: tuple[str, ...]

    @property
    def longest(self) -> Chunks:
        """The chunks of the longest text; its `used` and `limit` are the token counter."""
        return max(self.chunks.values(), key=lambda found: found.used)

    @property
    def embeddings(self) -> tuple[str, ...]:
        """The names of the textual inversions in it."""
        chunks = (chunk for found in self.chunks.values() for chunk in found.chunks)
        return tuple(dict.fromkeys(one.name for chunk in chunks for _, one in chunk.fixes))


def evaluations(steps: int, sampler: str | None = None, strength: float | None = None) -> tuple[int, int]:
    """Return what a prompt's schedule is measured by, and how many evaluations a run makes.

    Args:
        steps: as asked for.
        sampler: any spelling of its name; None for one that evaluates once a step.
        strength: of img2img, 0..1, which leaves the first part of the steps out; None for all steps.

    Raises:
        UnknownName: there is no such sampler.
    """
    order = 2 if sampler is not None and SAMPLERS.entry(sampler).name in SECOND_ORDER else 1
    run = steps if strength is None else min(steps, int(min(max(strength, 0.0), 0.999) * steps) + 1)
    return steps * order, run * order


def explain(
    text: str,
    measure: int,
    run: int | None = None,
    *,
    options: TextOptions | None = None,
    embeddings: Insertions | None = None,
    negative: bool = False,
    hires_steps: int | None = None,
    old_timeline: bool = False,
    comments: bool = True,
    letters: int | None = None,
) -> Explained:
    """Return what a prompt means.

    Args:
        text: as the user wrote it.
        measure: evaluations its schedule is measured by; see `evaluations`.
        run: evaluations that are made, if fewer.
        options: how texts are read.
        embeddings: textual inversions that are at hand.
        negative, hires_steps, old_timeline, comments: see `read_prompt`.
        letters: cut only so much text into chunks; further texts have none.
    """
    prompt = read_prompt(
        text, measure, negative=negative, hires_steps=hires_steps, old_timeline=old_timeline, comments=comments
    )
    total = measure if hires_steps is None else hires_steps
    made = total if run is None else min(run, total)
    spans = tuple(tuple(_spans(part, made)) for part in prompt.parts)
    chunks: dict[str, Chunks] = {}
    for text in dict.fromkeys(span.text for part in spans for span in part):
        if chunks and letters is not None and sum(map(len, chunks)) + len(text) > letters:
            break
        chunks[text] = chunks_of(text, options, embeddings)
    warnings = (*prompt.warnings, *never_reached(prompt, made), *_long(chunks))
    return Explained(prompt, made, spans, chunks, warnings)


def words(chunk: Chunk) -> tuple[Word, ...]:
    """Return the tokens of a chunk, without BOS, EOS and filling."""
    tokenizer = clip_tokenizer()
    return tuple(Word(one if isinstance(one, str) else tokenizer.text([one]), w, n) for one, w, n in _tokens(chunk))


def runs(chunk: Chunk) -> tuple[Word, ...]:
    """Return the text of a chunk in runs of equal weight, and each textual inversion by itself."""
    found: list[Word] = []
    ids: list[int] = []
    last = 1.0
    for one, weight, vectors in (*_tokens(chunk), ("", 1.0, 0)):
        if ids and (isinstance(one, str) or weight != last):
            found.append(Word(clip_tokenizer().text(ids), last))
            ids = []
        if not isinstance(one, str):
            ids.append(one)
        elif one:
            found.append(Word(one, weight, vectors))
        last = weight
    return tuple(found)


def _tokens(chunk: Chunk) -> Iterator[tuple[int | str, float, int]]:
    """Yield each token with its weight, and the names of textual inversions with that and their places."""
    fixes, place = dict(chunk.fixes), 0
    while place < chunk.used:
        vectors, weight = fixes.get(place), chunk.multipliers[place + 1]
        if vectors is None:
            yield chunk.tokens[place + 1], weight, 0
            place += 1
        else:
            count = max(1, min(vectors.count, chunk.used - place))
            yield vectors.name, weight, count
            place += count


def as_json(explained: Explained) -> dict[str, Any]:
    """Return everything as plain data, as `redraw prompt --json` and `POST /tokens` hand it out."""
    longest = explained.longest
    return {
        "used": longest.used,
        "limit": longest.limit,
        "chunks": len(longest.chunks),
        "evaluations": explained.evaluations,
        "parts": [
            {"weight": part.weight, "schedule": [vars(span) for span in spans], "tags": [_tag(t) for t in part.tags]}
            for part, spans in zip(explained.prompt.parts, explained.spans, strict=True)
        ],
        "texts": [
            {
                "text": text,
                "used": found.used,
                "limit": found.limit,
                "chunks": [[vars(word) for word in words(chunk)] for chunk in found.chunks],
            }
            for text, found in explained.chunks.items()
        ],
        "tags": [_tag(tag) for tag in explained.prompt.tags],
        "embeddings": list(explained.embeddings),
        "warnings": list(explained.warnings),
    }


def _spans(part: Part, made: int) -> Iterator[Span]:
    """Yield when each entry is used; a count from 0 below or at an entry's end takes it."""
    before: Entry | None = None
    for entry in part.entries:
        first = 1 if before is None else before.end + 2
        last = made if entry is part.entries[-1] else min(entry.end + 1, made)
        if first <= last or before is None:
            yield Span(first, max(first, last), entry.text)
        before = entry


def _long(chunks: dict[str, Chunks]) -> Iterator[str]:
    """Yield a warning about textual inversions that are longer than a chunk."""
    long = {one.name: one.count for found in chunks.values() for c in found.chunks for _, one in c.fixes}
    for name, count in long.items():
        if count > 75:
            yield f"the embedding {name} has {count} vectors; a chunk takes 75 of them"


def _tag(tag: Tag) -> dict[str, Any]:
    return {"kind": tag.kind, "name": tag.name, "args": list(tag.args), "named": dict(tag.named)}
