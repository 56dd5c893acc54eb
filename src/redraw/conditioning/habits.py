"""Habits from other keyboards and other programs: what looks like syntax there and is text here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

_WIDE: Final = {"（": "(", "）": ")", "［": "[", "］": "]", "【": "[", "】": "]", "〔": "[", "〕": "]", "｜": "|"}
_WIDE_TAG: Final = re.compile(r"[＜〈《]\s?(?:lora|lyco|hypernet)|<(?:lora|lyco|hypernet)：", re.IGNORECASE)
_WIDE_NUMBER: Final = re.compile(r"：\s?[\d.]")
_CURLY: Final = re.compile(r"\{([^{}]*)\}")
_BEHIND: Final = re.compile(r"\)(:?\d*\.\d+|:\d+|[+-]+)(?![\w(])")
_PLUSES: Final = re.compile(r"(?<!\w)(\w+)(\+\++)(?![\w+])")
_DOUBLE_COLON: Final = re.compile(r"(?<![\w.\[:])(-?\d+(?:\.\d+)?)::|\w::(-?\d+(?:\.\d+)?)(?![\d.\]])")
_DASHES: Final = re.compile(r"(?:^|\s)--(ar|aspect|v|version|no|s|stylize|q|quality|chaos|niji|style|seed|iw)\b")
_EMBEDDING: Final = re.compile(r"\bembedding:([\w.-]+)", re.IGNORECASE)
_POINTED: Final = re.compile(r"<([\w.-]+)>")
_METHOD: Final = re.compile(r"\)\.(and|blend|swap)\(")
_WILDCARD: Final = re.compile(r"__([\w/*-]{1,100}?)__")


def other_keyboards(text: str) -> Iterator[str]:
    """Yield warnings about brackets and colons that are letters here."""
    found = {sign: plain for sign, plain in _WIDE.items() if sign in text}
    if found:
        signs, plain = " ".join(found), " ".join(dict.fromkeys(found.values()))
        yield f"{signs} are letters here, not brackets; write {plain}"
    if _WIDE_TAG.search(text):
        yield "a network is asked for with the plain signs < : >, as in <lora:name:1>"
    elif _WIDE_NUMBER.search(text):
        yield "： is a letter here; before a weight or a step write the plain colon :"


def other_programs(parts: Sequence[str]) -> Iterator[str]:
    """Yield warnings about what other programs would read in the parts of a prompt."""
    for text in parts:
        yield from _brackets(text)
        found = _BEHIND.search(text)
        if found:
            sign = found[1]
            number = sign.lstrip(":") if sign[-1].isdigit() or sign[-1] == "." else f"{1.1 ** min(len(sign), 9):.2g}"
            number = f"{0.9 ** min(len(sign), 9):.2g}" if sign[0] == "-" else number
            yield f'"{sign}" behind a bracket is text; a weight stands inside it: (words:{number})'
        found = _PLUSES.search(text)
        if found and found[1].lower() not in ("c", "g", "notepad"):
            yield f'"{found[1][-30:]}{found[2][:9]}" is text here; a stronger word is written ({found[1][-30:]}:1.2)'
        found = _DOUBLE_COLON.search(text)
        if found:
            yield f"{found[1] or found[2]} beside :: is text here; a weight is written (words:{found[1] or found[2]})"
        found = _DASHES.search(text)
        if found:
            yield f'"--{found[1]}" is text here; what it asks for is an option of its own, or the negative prompt'
        found = _METHOD.search(text)
        if found:
            yield f'".{found[1]}(...)" is text here; see AND and [from:to:when]'


def _brackets(text: str) -> Iterator[str]:
    found = _CURLY.search(text)
    if found and "|" in found[1]:
        yield "{one|other} chooses nothing here; [one|other] takes turns, step by step"
    elif found:
        inside = " ".join(found[1].split())[:30]
        yield f"{{ }} are letters here; a stronger word is written ({inside})"
    found = _EMBEDDING.search(text)
    if found:
        yield f'an embedding is used by its name alone: {found[1][:50]} without "embedding:"'
    found = _POINTED.search(text)
    if found:
        yield f"<{found[1][:50]}> is text, signs and all; an embedding is used by its name alone, {found[1][:50]}"
    found = _WILDCARD.search(text)
    if found:
        yield f"__{found[1]}__ is text here: no word is put in for it"
