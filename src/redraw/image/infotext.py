"""A1111's infotext: the prompt, the negative prompt and one line of `Key: value` pairs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

# A key is at least two characters long. It starts a word and is cut at 100, so that long lines stay cheap.
_PAIR: Final = re.compile(r'\s*(?<!\w)(\w[\w \-/]{1,100}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_SIZE: Final = re.compile(r"(\d+)x(\d+)")
_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-(\d+)(?:-.*)?)?")
_FEWEST_PAIRS: Final = 3
_NEGATIVE: Final = "Negative prompt:"

_DEFAULTS: Final[Mapping[str, Any]] = {
    "Clip skip": "1",
    "Hires resize-1": 0,
    "Hires resize-2": 0,
    "Hires sampler": "Use same sampler",
    "Hires schedule type": "Use same scheduler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": 32,
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": 0,
    "Schedule min sigma": 0,
    "Schedule rho": 0,
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Refiner switch by sampling steps": False,
}


def quote(value: Any) -> Any:
    """Return `value` as infotext prints it: a JSON string if its text holds a comma, a colon or a newline.

    Other values come back unchanged, numbers and None too.
    """
    text = str(value)
    if "," not in text and "\n" not in text and ":" not in text:
        return value
    return json.dumps(value if isinstance(value, str) else text, ensure_ascii=False)


def unquote(text: str) -> str:
    """Undo `quote`; a text that is no JSON string comes back as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def build(prompt: str, negative_prompt: str, params: Mapping[str, Any]) -> str:
    """Return the infotext of a picture.

    Args:
        prompt: the positive prompt; may have several lines.
        negative_prompt: left out when empty.
        params: key to value in the order to print; None is left out, and a value equal to its key is printed once.
    """
    pairs = [key if key == value else f"{key}: {quote(value)}" for key, value in params.items() if value is not None]
    negative = f"\n{_NEGATIVE} {negative_prompt}" if negative_prompt else ""
    return f"{prompt}{negative}\n{', '.join(pairs)}".strip()


def parse(text: str, *, defaults: bool = False) -> dict[str, Any]:
    """Return what an infotext says, with the keys "Prompt" and "Negative prompt" beside the others.

    Values stay strings; sizes are split into "Size-1" and "Size-2". Keys appear in the order they were written.

    Args:
        text: anything; a text without a line of at least three pairs is all prompt.
        defaults: also fill in what A1111 assumes where a key is missing, turn the old spellings of hires fix and
            hypernetworks into today's, and apply the rules for files of older versions. Filled-in values are numbers
            or booleans where A1111's are.
    """
    lines = text.strip().split("\n")
    last = lines.pop()
    if len(_PAIR.findall(last)) < _FEWEST_PAIRS:
        lines.append(last)
        last = ""
    found: dict[str, Any] = {}
    for key, value in _PAIR.findall(last):
        _put(found, key, unquote(value))
    found["Prompt"], found["Negative prompt"] = _prompts(lines)
    return with_defaults(found) if defaults else found


def with_defaults(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was parsed with what A1111 assumes where a key is missing; see `parse`."""
    filled = dict(found)
    _modernise(filled)
    return filled


def taken_apart(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return entries as `parse` does: everything is text, and sizes are two entries."""
    apart: dict[str, Any] = {}
    for key, value in found.items():
        _put(apart, key, value if isinstance(value, str) else str(value))
    return apart


def _put(found: dict[str, Any], key: str, value: str) -> None:
    size = _SIZE.fullmatch(value)
    if size is None:
        found[key] = value
        return
    found[f"{key}-1"], found[f"{key}-2"] = size[1], size[2]


def _prompts(lines: list[str]) -> tuple[str, str]:
    """Split the lines before the pairs into prompt and negative prompt; every line is stripped."""
    parts: tuple[list[str], list[str]] = ([], [])
    negative = False
    for raw in lines:
        line = raw.strip()
        if line.startswith(_NEGATIVE):
            negative = True
            line = line[len(_NEGATIVE) :].strip()
        part = parts[negative]
        # A1111 starts a new line only after something: blank lines at the start are lost [Q].
        if line or part:
            part.append(line)
    return "\n".join(parts[0]), "\n".join(parts[1])


def _modernise(found: dict[str, Any]) -> None:
    """Fill in the defaults and translate what older versions wrote."""
    hypernet = found.get("Hypernet")
    if hypernet is not None:
        found["Prompt"] += f"<hypernet:{hypernet}:{found.get('Hypernet strength', '1.0')}>"
    _restore_first_pass(found)
    for key, value in _DEFAULTS.items():
        found.setdefault(key, value)
    prompts = (found["Prompt"], found["Negative prompt"])
    if "Emphasis" not in found and any(_uses_emphasis(p) for p in prompts):
        found["Emphasis"] = "Original"
    _apply_version(found)


def _restore_first_pass(found: dict[str, Any]) -> None:
    """Turn the old hires fix (a first pass of its own size, 0x0 meaning "about 512x512") into Size and Hires resize."""
    try:
        first = int(found["First pass size-1"]), int(found["First pass size-2"])
        width, height = int(found.get("Size-1", 512)), int(found.get("Size-2", 512))
    except (KeyError, ValueError):
        return
    if 0 in first and width * height > 0:
        scale = math.sqrt(512 * 512 / (width * height))
        first = math.ceil(scale * width / 64) * 64, math.ceil(scale * height / 64) * 64
    found["Size-1"], found["Size-2"] = first
    found["Hires resize-1"], found["Hires resize-2"] = width, height


def _apply_version(found: dict[str, Any]) -> None:
    """Switch on the behaviour that the version which wrote the picture had; other programs' versions mean nothing."""
    match = _VERSION.fullmatch(str(found.get("Version", "")))
    if match is None:
        return
    version = tuple(int(n or 0) for n in match.groups())
    old = version < (1, 6, 0, 0)
    if old and "[" in found["Prompt"] + found["Negative prompt"]:
        found["Old prompt editing timelines"] = True
    if old and found.get("Sampler") in ("DDIM", "PLMS"):
        found["Pad conds v0"] = True
    if version < (1, 7, 0, 225):
        found["Downcast alphas_cumprod"] = True
    if version < (1, 8, 0, 0) and "Refiner" in found:
        found["Refiner switch by sampling steps"] = True


_MARK: Final = re.compile(r"\\.|[(\[]|:\s*([+-]?[.\d]+)\s*\)|[)\]]|[^\\()\[\]:]+|[\\:]", re.DOTALL)


def _uses_emphasis(prompt: str) -> bool:
    """Whether any text in `prompt` has a weight other than 1: brackets with something inside, closed or not."""
    filled: list[bool] = []  # for every open bracket: whether text came since
    for mark in _MARK.finditer(prompt):
        piece = mark[0]
        if piece in "([":
            filled.append(False)
        elif mark[1] is not None and filled:
            if filled.pop() and mark[1].rstrip("0").rstrip(".") not in ("1", "+1"):
                return True
        elif piece in ")]" and filled:
            if filled.pop():
                return True
        else:
            filled = [True] * len(filled)
    return any(filled)
