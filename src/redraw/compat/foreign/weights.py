"""Weights of words as other programs write them, turned into A1111's `(words:1.2)`.

Every bracket that means something here and nothing there is escaped, so that a prompt keeps its meaning.
"""

from __future__ import annotations

import re
from typing import Final

from redraw.compat.foreign.found import spelled

NOVELAI_POWER: Final = 1.05
COMPEL_UP: Final = 1.1
COMPEL_DOWN: Final = 0.9
_FLAT: Final = 1e-9
_DEEPEST: Final = 100

_EMBEDDING: Final = re.compile(
    r"embedding:(?:[^\s,:()]*[\\/])?([^\s,:()\\/]+?)(?:\.(?:pt|safetensors|bin))?(?=[\s,:()]|$)"
)
_NAI: Final = re.compile(
    r"(?<![\d.])(?P<number>-?(?:\d{1,6}(?:\.\d{0,6})?|\.\d{1,6}))::|::|[{}\[\]()]|\\.|[^{}\[\]()\\:\d.-]+|.", re.DOTALL
)
_COMPEL_WORD: Final = re.compile(r"(?<![\w)])([^\s,()\"'<>+\-]{1,200})(\++|-+)(?=[\s,.)]|$)")
_COMPEL_TAIL: Final = re.compile(r"\++|-+|\d{1,6}(?:\.\d{0,6})?|\.\d{1,6}")
_TRIGGER: Final = re.compile(r"<([\w .\-]+)>")


def weighted(text: str, weight: float) -> str:
    """Return words with a weight; spaces at the ends stay outside."""
    core = text.strip()
    if not core or abs(weight - 1) < _FLAT:
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before}({core}:{spelled(round(weight, 4))}){after}"


def from_comfyui(text: str) -> str:
    """Return a prompt of ComfyUI's: there square brackets are text, and embeddings have a prefix."""
    named = _EMBEDDING.sub(r"\1", text)
    return re.sub(r"(?<!\\)[\[\]]", r"\\\g<0>", named)


def from_novelai(text: str) -> str:
    """Return a prompt of NovelAI's: `{more}` and `[less]` are 1.05 to the power of their depth, `1.2::words::` is 1.2.

    A number holds until the next `::` or the end; round brackets are text there.
    """
    up = down = 0
    level = 1.0
    runs: list[tuple[float, str]] = []
    for match in _NAI.finditer(text):
        piece = match[0]
        if match["number"] is not None:
            level = float(match["number"])
        elif piece == "::":
            level = 1.0
        elif piece == "{":
            up += 1
        elif piece == "[":
            down += 1
        elif piece == "}" and up:
            up -= 1
        elif piece == "]" and down:
            down -= 1
        else:
            literal = f"\\{piece}" if piece in ("(", ")", "]") else piece
            weight = level * NOVELAI_POWER ** max(-_DEEPEST, min(_DEEPEST, up - down))
            if runs and abs(runs[-1][0] - weight) < _FLAT:
                runs[-1] = (weight, runs[-1][1] + literal)
            else:
                runs.append((weight, literal))
    return "".join(weighted(run, weight) for weight, run in runs)


def from_compel(text: str) -> str:
    """Return a prompt of InvokeAI's: `word+`, `(words)--` and `(words)1.3`; embeddings stand in angle brackets there.

    Blends, swaps and conjunctions stay as they are written.
    """
    if re.search(r"\)\s*\.(blend|and|swap)\(|\"\s*\.swap\(", text):
        return text
    return _groups(_TRIGGER.sub(r"\1", text), 0, 0)[0]


def _groups(text: str, at: int, depth: int) -> tuple[str, int]:
    """Return a prompt from a place up to a closing bracket, its groups weighted, and where it ends."""
    out, plain = list[str](), list[str]()
    while at < len(text):
        sign = text[at]
        if sign == "\\" and at + 1 < len(text):
            plain.append(text[at : at + 2])
            at += 2
        elif sign == "(" and depth < _DEEPEST:
            inner, at = _groups(text, at + 1, depth + 1)
            tail = _COMPEL_TAIL.match(text, at + 1)
            at = tail.end() if tail else at + 1
            out += [_words("".join(plain)), weighted(inner, _weight(tail[0]) if tail else 1.0)]
            plain = []
        elif sign == ")" and depth:
            break
        else:
            plain.append(f"\\{sign}" if sign in "[]()" else sign)
            at += 1
    return "".join([*out, _words("".join(plain))]), at


def _words(text: str) -> str:
    return _COMPEL_WORD.sub(lambda found: weighted(found[1], _weight(found[2])), text)


def _weight(tail: str) -> float:
    if tail[0] in "+-":
        return float((COMPEL_UP if tail[0] == "+" else COMPEL_DOWN) ** min(len(tail), _DEEPEST))
    return float(tail)
