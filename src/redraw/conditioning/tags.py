"""Tags of networks in a prompt, as `<lora:name:0.8>`, and comments.

tag     = "<" kind ":" arguments ">" ;
kind    = letters, digits, "_" ;
arguments = argument { ":" argument } ;    (* anything but ">"; one with exactly one "=" is named *)
comment = "#" { anything but a line break } ;
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

KINDS: Final[Mapping[str, str]] = MappingProxyType({"lora": "lora", "lyco": "lora", "hypernet": "hypernet"})

_OPENING: Final = re.compile(r"<(\w+):")
_COMMENT_LINE: Final = re.compile(r"(?:^|\n)#[^\n]*(?:\n|$)")
_COMMENT: Final = re.compile(r"#[^\n]*(?:\n|$)")


@dataclass(frozen=True)
class Tag:
    """A network asked for in a prompt.

    Attributes:
        kind: "lora" (also written `lyco`), "hypernet", or another word, which means nothing here.
        name: the first argument: a file's stem or an alias.
        args: the other arguments without a name, as written.
        named: those with one.
    """

    kind: str
    name: str
    args: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        """The tag as it stands in a prompt."""
        named = (f"{key}={value}" for key, value in self.named.items())
        return f"<{':'.join((self.kind, self.name, *self.args, *named))}>"


@dataclass(frozen=True)
class Strengths:
    """How strongly a network is used.

    Attributes:
        text: for the text encoders.
        unet: for the rest; of a hypernetwork, the only one.
        dyn: how many ranks are used, or None for all.
        unread: arguments that are no numbers; 1.0 (or None) stands in for them.
    """

    text: float = 1.0
    unet: float = 1.0
    dyn: int | None = None
    unread: tuple[str, ...] = ()


def without_comments(text: str) -> str:
    """Return the prompt without comments: lines that begin with `#`, and whatever follows a `#` on other lines."""
    return _COMMENT.sub("\n", _COMMENT_LINE.sub("\n", text))


def with_networks(text: str, places: list[int] | None = None) -> tuple[str, tuple[Tag, ...]]:
    """Return the prompt without tags, and the tags in order.

    Args:
        text: the prompt.
        places: gets for each tag the place in the returned text where it stood.
    """
    kept: list[str] = []
    tags: list[Tag] = []
    place = length = 0
    for opening in _OPENING.finditer(text):
        if opening.start() < place:
            continue
        end = text.find(">", opening.end())
        if end < 0:
            break
        if end > opening.end():
            kept.append(text[place : opening.start()])
            length += len(kept[-1])
            tags.append(_tag(opening[1], text[opening.end() : end]))
            if places is not None:
                places.append(length)
            place = end + 1
    return "".join([*kept, text[place:]]), tuple(tags)


def read_tag(written: str) -> Tag:
    """Return a tag written without its brackets, as requests list networks: `ink:0.8`, `hypernet:ink:0.5`.

    A bare name is a LoRA.
    """
    inside = written.strip().removeprefix("<").removesuffix(">").strip()
    kind, colon, rest = inside.partition(":")
    return _tag(kind, rest) if colon and kind in KINDS else _tag("lora", inside)


def strengths(tag: Tag) -> Strengths:
    """Return what a tag's arguments say: `te` (default 1), `unet` (default `te`) and `dyn`, by place or by name."""
    unread: list[str] = []

    def number(place: int, name: str, default: float | None) -> float | None:
        text = tag.named.get(name, tag.args[place] if place < len(tag.args) else None)
        if text is None:
            return default
        try:
            return float(text)
        except ValueError:
            unread.append(text)
            return default

    te = number(0, "te", 1.0)
    unet, dyn = number(1, "unet", te), number(2, "dyn", None)
    whole = int(dyn) if dyn is not None and abs(dyn) < 1e9 else None
    return Strengths(1.0 if te is None else te, 1.0 if unet is None else unet, whole, tuple(unread))


def _tag(kind: str, arguments: str) -> Tag:
    plain: list[str] = []
    named: dict[str, str] = {}
    for item in arguments.split(":"):
        if item.count("=") == 1:
            key, _, value = item.partition("=")
            named[key] = value
        else:
            plain.append(item)
    return Tag(KINDS.get(kind, kind), plain[0] if plain else "", tuple(plain[1:]), named)
