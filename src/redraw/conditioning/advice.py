"""What a prompt's author probably meant where the grammar reads something else. Nothing here changes a meaning."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from redraw.conditioning.editing import Edit, Entry, Items, Timeline, nodes, read_editing, write_editing
from redraw.conditioning.emphasis import TOKEN, Piece, number_of, read_emphasis
from redraw.conditioning.habits import other_keyboards, other_programs
from redraw.conditioning.tags import KINDS, Tag, strengths, with_networks

MOST: Final = 12  # warnings about one prompt
HEAVY: Final = 2.0  # a weight that rarely helps
_READ: Final = 8  # texts of a schedule that are looked at
_AND: Final = re.compile(r"\bAND\b")
_BREAK: Final = re.compile(r"\bBREAK\b")
_SQUARE: Final = re.compile(r"\[([^\[\]()]*)\]")
_LIKE_EDIT: Final = re.compile(r"\[[^\[\]]*[:|]")
_HASH: Final = re.compile(r"#(\w+)")
_WEIGHED_AND: Final = re.compile(r":\s?[\d.]+\s+([aA]nd|aND|ANd)\b")
_BROKEN_TAG: Final = re.compile(r"(.?)<\s?(lora|lyco|hypernet)\b", re.IGNORECASE)
_OTHER_BRACKETS: Final = re.compile(r"([(\[{])\s?(lora|lyco|hypernet):", re.IGNORECASE)
_TAGS: Final = frozenset({*KINDS.values(), "region"})


@dataclass(frozen=True)
class Draft:
    """A prompt as it was read.

    Attributes:
        text: as it was written.
        plain: without comments and tags.
        tags: what was taken out.
        parts: of AND: text without its weight, the weight, and what it is at which step.
        timeline: what the numbers of edits are measured by.
        negative: whether it is a negative prompt.
        comments: whether `#` begins a comment.
    """

    text: str
    plain: str
    tags: tuple[Tag, ...]
    parts: tuple[tuple[str, float, tuple[Entry, ...]], ...]
    timeline: Timeline
    negative: bool = False
    comments: bool = True


def advice(draft: Draft) -> tuple[str, ...]:
    """Return at most 12 different warnings about a prompt, each a sentence or two."""
    found = dict.fromkeys(islice(_all(draft), 10 * MOST))
    return tuple(islice(found, MOST))


def short(text: str, length: int = 50) -> str:
    """Return a text on one line, cut to a length, for a message."""
    flat = " ".join(text[: 4 * length].split())
    return flat if len(flat) <= length and len(text) <= 4 * length else flat[: length - 1] + "…"


def _all(draft: Draft) -> Iterator[str]:
    yield from _tags(draft)
    yield from _and(draft)
    for text, _, entries in draft.parts:
        yield from _editing(text, draft.timeline)
        for entry in dict.fromkeys(e.text for e in entries[:_READ]):
            yield from _emphasis(entry, split=len(draft.parts) > 1)
    yield from _comments(draft)
    yield from other_keyboards(draft.text)
    yield from other_programs(tuple(text for text, _, _ in draft.parts))


def _tags(draft: Draft) -> Iterator[str]:
    if draft.negative:
        for tag in with_networks(draft.plain)[1]:
            yield f"{tag} is ordinary text in a negative prompt; networks are asked for in the prompt"
        return
    for tag in draft.tags:
        if tag.kind.lower() in KINDS and tag.kind not in _TAGS:
            yield f"{short(str(tag))} is not read: write {tag.kind.lower()} in small letters"
        elif tag.kind not in _TAGS:
            yield f"{short(str(tag))} means nothing here and is left out"
        elif not tag.name.strip():
            yield f"{short(str(tag))} names no network"
        elif tag.name != tag.name.strip():
            yield f"{short(str(tag))}: the spaces are taken for a part of the name"
        for text in strengths(tag).unread if tag.kind in KINDS.values() else ():
            yield f'{short(str(tag))}: "{short(text)}" is no number; 1 is used'
    for found in _BROKEN_TAG.finditer(draft.plain):
        if found[1] != "\\":
            yield f"<{found[2]}... is read as text: a network is asked for as <{found[2].lower()}:name:1>, with its >"
    for found in _OTHER_BRACKETS.finditer(draft.plain):
        yield f"{found[0]}... is read as text: a network is asked for in angle brackets, <{found[2].lower()}:name:1>"


def _and(draft: Draft) -> Iterator[str]:
    if draft.negative:
        if _AND.search(draft.plain):
            yield "AND is an ordinary word in a negative prompt; it separates parts in the prompt only"
        return
    found = _WEIGHED_AND.search(draft.plain)
    if found:
        yield f'"{found[1]}" is an ordinary word; AND in capital letters separates parts that have a weight each'
    (_, weight, _), *others = draft.parts
    if weight != 1.0 and not others:
        yield (
            f'the number at the end weighs the whole prompt by {weight:g}, as in "a :{weight:g} AND b"; '
            "with a comma behind it, it is text"
        )
    for text, weight, _ in draft.parts:
        if others and not text.strip():
            yield "a part of AND is empty"
        if others and weight == 0:
            yield f'the part "{short(text)}" has the weight 0 and does nothing'


def _comments(draft: Draft) -> Iterator[str]:
    if not draft.comments:
        return
    if draft.text.strip() and not draft.plain.strip() and not draft.tags:
        yield "the whole prompt is a comment: what follows a # on a line is left out"
        return
    for line in draft.text.split("\n"):
        head, _, _ = line.partition("#")
        found = _HASH.match(line, len(head)) if head.strip() else None
        if found:
            yield f'"#{short(found[1])}" and what follows on its line is a comment; switch comments off to keep it'


def _editing(text: str, timeline: Timeline) -> Iterator[str]:
    """Warnings about edits and choices of one part."""
    items = read_editing(text)
    if items is None:
        if _LIKE_EDIT.search(text):
            why = "a | outside of [one|other]" if "|" in text else "a lone backslash"
            cure = r"write \| for a plain bar" if "|" in text else "write two for a plain one"
            yield f"{why} switches editing off for the whole prompt, so [ and ] are emphasis here; {cure}"
        return
    for node in nodes(items):
        if isinstance(node, Edit):
            yield from _number(node, timeline)
    for found in _SQUARE.finditer("".join(item if isinstance(item, str) else "…" for item in items)):
        inside, what = found[1].replace("\\:", ""), f'"{short(found[0])}"'
        colons, tail = inside.count(":"), inside.rpartition(":")[2].strip()
        if colons > 2:
            yield f"{what} has too many colons for an edit and is text; write \\: for a plain one"
        elif colons == 2 and tail:
            yield f'{what} is no edit and read as text: "{short(tail)}" is no number'
        elif colons:
            hint = short(found[1].rstrip().removesuffix(":").rstrip())
            yield f"{what} has no number and is not an edit; [{hint}:0.5] switches in the middle"


def _number(node: Edit, timeline: Timeline) -> Iterator[str]:
    """Warnings about an edit that never switches, or did before the first step."""
    if timeline.hires_steps is not None:
        return
    when = timeline.when(node.number)
    if when >= timeline.total:
        what, after = _named((node,)), _named(node.after)
        why = f"there are {timeline.total} steps" if "." not in node.number else "1.0 is the end"
        if timeline.old and float(node.number) >= 1:
            why = f"there are {timeline.total} steps; in the old timeline 1 and more are steps"
        weight = f"; a weight is written ({after}:{node.number})" if node.before is None and "." in node.number else ""
        yield f'"{what}" never comes to {after}, {why}{weight}'
    elif when < 1 and node.before:
        yield f'"{_named((node,))}" never uses {_named(node.before)}: the switch is before the first step'


def _named(items: Items) -> str:
    return short(write_editing(items)).strip() or "nothing"


@dataclass
class _Bracket:
    token: str
    behind: int  # the place behind it
    colon: int | None = None  # the place behind the last colon that is no weight


def _emphasis(text: str, *, split: bool) -> Iterator[str]:
    """Warnings about emphasis in one text; `split` says that AND cut it out of a prompt."""
    opened: list[_Bracket] = []
    for found in TOKEN.finditer(text):
        token = found[0]
        if token in ("(", "["):
            opened.append(_Bracket(token, found.end()))
        elif token[-1] in ")]" and token[0] != "\\":
            yield from _closing(text, found, opened, split=split)
        elif token == ":" and opened:
            opened[-1].colon = found.end()
        elif opened and _BREAK.search(token):
            yield "BREAK inside brackets is an ordinary word; it begins another chunk only outside of emphasis"
    if opened:
        first = opened[0]
        behind = text[first.behind :]
        many = f" (and {len(opened) - 1} more)" if len(opened) > 1 else ""
        inside = (
            "; AND splits a prompt inside brackets too" if split else f"; write \\{first.token} for a plain bracket"
        )
        yield f'the {first.token} before "{short(behind, 30)}"{many} is never closed and reaches to the end{inside}'
    yield from _weights(read_emphasis(text))


def _closing(text: str, found: re.Match[str], opened: list[_Bracket], *, split: bool) -> Iterator[str]:
    """Warnings about a closing bracket, which is taken off the stack with its partner."""
    token = found[0]
    wanted = "(" if token[-1] == ")" else "["
    partner = next((i for i in range(len(opened) - 1, -1, -1) if opened[i].token == wanted), None)
    if partner is None:
        behind = short(text[max(0, found.start() - 30) : found.start()], 30)
        tail = "; AND splits a prompt inside brackets too" if split else ""
        yield f'the {token[-1]} behind "{behind}" closes nothing and is read as text{tail}'
        return
    if partner != len(opened) - 1:
        yield f"( ) and [ ] cross before {token[-1]}; each is closed by the next of its own kind"
    bracket = opened.pop(partner)
    if found[1] is None and (token != ")" or bracket.colon is None):
        return
    tail = found[1] if found[1] is not None else text[bracket.colon : found.start()].strip()
    what = f'"{short(tail)}" in "{short(text[bracket.behind - 1 : found.end()])}"'
    if not tail:
        yield f'"{short(text[bracket.behind - 1 : found.end()])}" has no number behind its colon; ( ) means 1.1'
    elif (tail[0].isdigit() or tail[0] in "+-.") and number_of(tail if found[1] else tail + "?") is None:
        guess = f" ({tail.replace(',', '.')} is)" if re.fullmatch(r"[+-]?\d+,\d+", tail) else ""
        yield f"{what} is no number{guess}; it is read as text, and ( ) means 1.1"


def _weights(pieces: Sequence[Piece | None]) -> Iterator[str]:
    heavy = [piece for piece in pieces if piece is not None and not abs(piece.weight) <= HEAVY and piece.text.strip()]
    for piece in heavy[:3]:
        if not math.isfinite(piece.weight) or abs(piece.weight) > 1e6:
            yield f'"{short(piece.text)}" has a weight beyond all numbers; the picture will be noise'
        else:
            yield f'"{short(piece.text)}" has the weight {piece.weight:.3g}; above about 2 pictures usually break'
