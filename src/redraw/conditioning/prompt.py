"""A whole prompt: comments and tags out, split at AND, and what each part is at which step.

    prompt = part { "AND" part } ;
    part   = text [":" number] ;       (* the weight of the part, 1 where none stands there *)

The steps of reading, in A1111's order: comments, tags of networks, AND, editing (`editing`), and later, for each text,
emphasis and BREAK (`emphasis`). Negative prompts have neither tags nor AND.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from redraw.conditioning.advice import Draft, advice, short
from redraw.conditioning.editing import Entry, Timeline, schedule
from redraw.conditioning.tags import Tag, with_networks, without_comments

__all__ = [
    "Entry",
    "Part",
    "Prompt",
    "Tag",
    "never_reached",
    "read_prompt",
    "weighted_parts",
    "with_networks",
    "without_comments",
]

_AND: Final = re.compile(r"\bAND\b")
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?|\d*\.\d+)")


@dataclass(frozen=True)
class Part:
    """One part of AND.

    Attributes:
        weight: how strongly it pulls; it may be below zero.
        entries: its texts, each with the last evaluation it is used at.
        tags: the networks (and regions) asked for within this part; they are in `Prompt.tags` too.
    """

    weight: float
    entries: tuple[Entry, ...]
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """What a prompt means.

    Attributes:
        text: the prompt without comments and tags.
        tags: the networks it asks for, in order.
        parts: at least one; a negative prompt has one, of weight 1.
        warnings: what was probably meant otherwise; they never change the meaning.
    """

    text: str
    tags: tuple[Tag, ...]
    parts: tuple[Part, ...]
    warnings: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """Every different text of the prompt, in order of their first use, part by part."""
        return tuple(dict.fromkeys(entry.text for part in self.parts for entry in part.entries))


def read_prompt(
    text: str,
    steps: int,
    *,
    negative: bool = False,
    hires_steps: int | None = None,
    old_timeline: bool = False,
    comments: bool = True,
) -> Prompt:
    """Return what a prompt means; this never fails.

    Args:
        text: as the user wrote it, styles already in it.
        steps: evaluations of the network in the (first) pass: the steps, doubled for second-order samplers.
        negative: whether it is a negative prompt: tags and AND are ordinary words there.
        hires_steps: evaluations of the second pass, if the prompt is read for that one.
        old_timeline: read the numbers of edits as A1111 did before 1.6.
        comments: whether `#` begins a comment.
    """
    timeline = Timeline(steps, hires_steps, old_timeline)
    plain = without_comments(text) if comments else text
    places: list[int] = []
    tags: tuple[Tag, ...] = ()
    if not negative:
        plain, tags = with_networks(plain, places)
    cuts = () if negative else tuple(found.start() for found in _AND.finditer(plain))
    split = ((plain, 1.0),) if negative else weighted_parts(plain)
    owned: list[list[Tag]] = [[] for _ in split]
    for place, tag in zip(places, tags, strict=True):
        owned[bisect_right(cuts, place - 1)].append(tag)
    parts = tuple(
        Part(weight, schedule(part, timeline), tuple(own)) for (part, weight), own in zip(split, owned, strict=True)
    )
    texts = tuple((part, weight, read.entries) for (part, weight), read in zip(split, parts, strict=True))
    draft = Draft(text, plain, tags, texts, timeline, negative=negative, comments=comments)
    return Prompt(plain, tags, parts, advice(draft))


def weighted_parts(text: str) -> tuple[tuple[str, float], ...]:
    """Return the parts of AND with their weights; a text without AND is one part, and may have a weight as well."""
    return tuple(_weighted(part) for part in _AND.split(text))


def never_reached(prompt: Prompt, evaluations: int) -> tuple[str, ...]:
    """Return a warning if edits of a prompt come later than a run goes that makes only so many evaluations.

    img2img skips the first part of the steps but counts those it makes from 1, while the numbers of edits are measured
    by all steps; so at a low strength a switch may never come.
    """
    total = max(entry.end for part in prompt.parts for entry in part.entries)
    why = (
        f"this run makes {evaluations} of {total} evaluations; raise the strength or the steps, or switch earlier"
        if evaluations < total
        else "the switch is at the last evaluation"
    )
    missed: list[str] = []
    for part in prompt.parts:
        starts = [0, *(entry.end + 1 for entry in part.entries[:-1])]
        reached = {entry.text for entry, start in zip(part.entries, starts, strict=True) if start < evaluations}
        missed += [entry.text for entry in part.entries if entry.text not in reached]
    different = list(dict.fromkeys(missed))
    if not different:
        return ()
    others = f" (and {len(different) - 1} more)" if different[1:] else ""
    return (f'"{short(different[0])}"{others} is never reached: {why}',)


def _weighted(part: str) -> tuple[str, float]:
    """Cut the weight off the end of a part."""
    body = part.rstrip()
    head, colon, tail = body.rpartition(":")
    if colon and _NUMBER.fullmatch(tail.strip()):
        return head.rstrip(), float(tail.strip())
    return body, 1.0
