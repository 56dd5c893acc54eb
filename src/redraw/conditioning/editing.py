"""Prompt editing: `[from:to:when]`, `[add:when]`, `[take away::when]` and `[one|other]`.

    prompt = { run | round | square | edit | choice } ;
    run    = a letter other than \\ [ ] ( ) : |, or a backslash with the letter behind it ;
    round  = "(" prompt [":" prompt] ")" ;           (* emphasis, kept as it is for the next stage *)
    square = "[" prompt "]" ;                        (* the same *)
    edit   = "[" [prompt ":"] prompt ":" [space] number [space] "]" ;
    choice = "[" prompt "|" prompt { "|" prompt } "]" ;
    number = ["+" | "-"] ( digits ["." [digits]] | "." digits ) ["e" ["+" | "-"] digits] ;

Brackets and colons that fit no rule are literal, and so are the brackets around them, but not complete edits inside:
in `[a:b:c [d:e:3]]` only the inner brackets are an edit. A bar outside of a choice, or a backslash with nothing (or a
line break) behind it, fits nowhere at all: then the whole prompt is literal. All as A1111 reads it.

The reader keeps one flat list of what it read and a stack of the open brackets; a bracket that closes as an edit or a
choice takes its items off the list's end. Nothing recurses, and every item is moved once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(r"[^\\\[\]():|]+|\\.|[\[\]():|\\]")
_NUMBER: Final = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")


@dataclass(frozen=True)
class Edit:
    """`[before:after:number]`; without `before:` it is None."""

    before: Items | None
    after: Items
    number: str


@dataclass(frozen=True)
class Choice:
    """`[one|other|...]`."""

    options: tuple[Items, ...]


Item = str | Edit | Choice
Items = tuple[Item, ...]


@dataclass(frozen=True)
class Entry:
    """A text and the last step, counted in evaluations of the network, at which it is used."""

    end: int
    text: str


@dataclass(frozen=True)
class Timeline:
    """What the numbers of edits are measured by.

    Attributes:
        steps: evaluations of the first pass.
        hires_steps: those of the second pass, if this is the second one.
        old: numbers below 1 are fractions, others steps, and both passes begin at 0.
    """

    steps: int
    hires_steps: int | None = None
    old: bool = False

    @property
    def total(self) -> int:
        """Evaluations of this pass."""
        return self.steps if self.hires_steps is None else self.hires_steps

    def when(self, number: str) -> int:
        """Return the last evaluation before the switch; below 1 the switch was before the first."""
        value, second = float(number), self.hires_steps is not None and not self.old
        if self.old:
            value = value * self.total if value < 1 else value
        elif "." in number:
            value = (value - (1.0 if second else 0.0)) * self.total
        else:
            value -= self.steps if second else 0
        return min(self.total, int(value)) if math.isfinite(value) else (self.total if value > 0 else 0)


@dataclass
class _Open:
    """An open bracket: which, the place behind it on the list, and the places of the separators in it."""

    bracket: str
    start: int
    colons: list[int] = field(default_factory=list)
    bars: list[int] = field(default_factory=list)


class _Reader:
    """Reads one prompt; `items` is the result, `whole` whether anything could be read at all."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.open: list[_Open] = []

    def read(self, text: str) -> bool:
        for found in _TOKEN.finditer(text):
            token = found[0]
            if token == "\\":
                return False
            if token in ("(", "["):
                self.items.append(token)
                self.open.append(_Open(token, len(self.items)))
            elif token == "|":
                if not self.open or self.open[-1].bracket == "(":
                    return False
                self._separator(self.open[-1].bars, token)
            elif token == ":" and self.open:
                self._separator(self.open[-1].colons, token)
            elif token in (")", "]") and self.open:
                if not self._close(token):
                    return False
            else:
                self.items.append(token)
        return self._give_up()

    def _separator(self, places: list[int], token: str) -> None:
        places.append(len(self.items))
        self.items.append(token)

    def _close(self, token: str) -> bool:
        """Close the innermost bracket, or make all that are open literal; False if that cannot be."""
        last = self.open[-1]
        fits = (last.bracket == "(") == (token == ")")
        node: Item | None = None
        if fits and last.bracket == "[":
            node = self._node(last)
        allowed = 1 if last.bracket == "(" else 0
        if not fits or (node is None and (len(last.colons) > allowed or last.bars)):
            self.items.append(token)
            return self._give_up()
        self.open.pop()
        if node is None:
            self.items.append(token)
        else:
            del self.items[last.start - 1 :]
            self.items.append(node)
        return True

    def _give_up(self) -> bool:
        """Make all open brackets literal; False if a bar is left over."""
        bars = any(bracket.bars for bracket in self.open)
        self.open.clear()
        return not bars

    def _node(self, bracket: _Open) -> Item | None:
        """Return what a square bracket stands for, or None if it is no edit and no choice."""
        if bracket.bars and not bracket.colons:
            return Choice(tuple(self._between([bracket.start - 1, *bracket.bars])))
        if bracket.bars or len(bracket.colons) not in (1, 2):
            return None
        parts = list(self._between([bracket.start - 1, *bracket.colons]))
        last = parts[-1]
        number = _NUMBER.fullmatch(last[0]) if len(last) == 1 and isinstance(last[0], str) else None
        if number is None:
            return None
        return Edit(parts[0] if len(parts) == 3 else None, parts[-2], number[1])

    def _between(self, places: Sequence[int]) -> Iterator[Items]:
        """Yield the items between separators; the last part reaches to the end."""
        for start, end in zip(places, [*places[1:], len(self.items)], strict=True):
            yield tuple(self.items[start + 1 : end])


def read_editing(text: str) -> Items | None:
    """Return a prompt as literal text, edits and choices; None where nothing in it can be read as A1111 does.

    Never fails, and takes time in proportion to the text's length.
    """
    reader = _Reader()
    return tuple(_joined(reader.items)) if reader.read(text) else None


def nodes(items: Items) -> Iterator[Edit | Choice]:
    """Yield every edit and choice, also those inside others, outer ones first."""
    waiting: list[Item] = list(reversed(items))
    while waiting:
        item = waiting.pop()
        if isinstance(item, Edit):
            yield item
            waiting += [*reversed(item.after), *reversed(item.before or ())]
        elif isinstance(item, Choice):
            yield item
            waiting += [part for option in reversed(item.options) for part in reversed(option)]


def text_at(items: Items, step: int, timeline: Timeline) -> str:
    """Return the prompt at a step (from 1)."""
    out: list[str] = []
    waiting: list[Item] = list(reversed(items))
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            out.append(item)
        elif isinstance(item, Edit):
            waiting += reversed((item.before or ()) if step <= timeline.when(item.number) else item.after)
        else:
            waiting += reversed(item.options[(step - 1) % len(item.options)])
    return "".join(out)


def write_editing(items: Items) -> str:
    """Return the text these items were read from, but for spaces around numbers."""
    out: list[str] = []
    waiting: list[Item] = list(reversed(items))
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            out.append(item)
        elif isinstance(item, Edit):
            waiting += reversed(("[", *_before(item), *item.after, f":{item.number}]"))
        else:
            parts: list[Item] = ["["]
            for i, option in enumerate(item.options):
                parts += ["|", *option] if i else option
            waiting += reversed([*parts, "]"])
    return "".join(out)


def _before(edit: Edit) -> Items:
    return () if edit.before is None else (*edit.before, ":")


def schedule(text: str, timeline: Timeline) -> tuple[Entry, ...]:
    """Return what a prompt is at which step: texts with the last evaluation each is used at, in order; at least one."""
    items = read_editing(text)
    if items is None:
        return (Entry(timeline.total, text),)
    ends = {timeline.total}
    for node in nodes(items):
        if isinstance(node, Choice):
            ends.update(range(1, timeline.total + 1))
        elif (when := timeline.when(node.number)) >= 1:
            ends.add(when)
    return tuple(Entry(end, text_at(items, end, timeline)) for end in sorted(ends))


def _joined(items: Sequence[Item]) -> Iterator[Item]:
    """Put neighboring texts together."""
    run: list[str] = []
    for item in items:
        if isinstance(item, str):
            run.append(item)
            continue
        if run:
            yield "".join(run)
            run.clear()
        yield item
    if run:
        yield "".join(run)
