"""Prompt styles: A1111's `styles.csv` (reference 3.8)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from redraw.errors import RequestError

_PLACE: Final = "{prompt}"


class Style(NamedTuple):
    """One saved piece of prompt."""

    name: str
    prompt: str
    negative_prompt: str


def parse_styles(data: bytes, name: str = "styles.csv") -> list[Style]:
    """Return the styles of a CSV file with the columns name, prompt (or text) and negative_prompt.

    Names that begin with `#` are comments. Of two styles with one name the later counts.

    Raises:
        RequestError: the file is no UTF-8 text or no CSV.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError("styles", name, f"it is a CSV file in UTF-8 ({error})") from None
    found: dict[str, Style] = {}
    for row in rows:
        label = row.get("name")
        if label and not label.startswith("#"):
            found[label] = Style(label, row.get("prompt") or row.get("text") or "", row.get("negative_prompt") or "")
    return list(found.values())


def apply_styles(
    prompt: str, negative_prompt: str, names: Sequence[str], styles: Iterable[Style]
) -> tuple[str, str, tuple[str, ...]]:
    """Return both prompts with the styles of `names` applied in order, and the names that no style has."""
    known: Mapping[str, Style] = {style.name: style for style in styles}
    missing = []
    for name in names:
        style = known.get(name)
        if style is None:
            missing.append(name)
            continue
        prompt, negative_prompt = _joined(prompt, style.prompt), _joined(negative_prompt, style.negative_prompt)
    return prompt, negative_prompt, tuple(missing)


def _joined(prompt: str, style: str) -> str:
    """Put the prompt where the style has `{prompt}`, else the style behind it."""
    if _PLACE in style:
        return style.replace(_PLACE, prompt)
    return ", ".join(part for part in (prompt.strip(), style.strip()) if part)
