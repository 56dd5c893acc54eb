"""Prompt styles: A1111's `styles.csv` (reference 3.8)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from redraw.errors import RequestError

_PLACE: Final = "{prompt}"
_MOST_APPLIED: Final = 100


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


def with_style(data: bytes, style: Style) -> bytes:
    """Return a file of styles with one more, or with another in the place of its namesakes; the other rows stay.

    Args:
        data: the file, or nothing.
        style: what to write.

    Raises:
        RequestError: a name or text such a file cannot hold, or the file is none.
    """
    _check(style)
    head, rows = _rows(data)
    fresh = {"name": style.name, _text_column(head): style.prompt, "negative_prompt": style.negative_prompt}
    at = next((i for i, row in enumerate(rows) if row.get("name") == style.name), len(rows))
    kept = [row for row in rows if row.get("name") != style.name]
    return _written(head, [*kept[:at], {**dict(rows[at] if at < len(rows) else {}), **fresh}, *kept[at:]])


def without_style(data: bytes, name: str) -> bytes:
    """Return a file of styles without those of one name; errors as `with_style`."""
    head, rows = _rows(data)
    return _written(head, [row for row in rows if row.get("name") != name])


def _check(style: Style) -> None:
    name = style.name
    if not name.isprintable() or name != name.strip() or name.startswith("#") or name in ("", ".", ".."):
        allowed = "it is printable words, not beginning with #, without spaces at its ends"
        raise RequestError("name", name, allowed)
    for field, text in style._asdict().items():
        if "\0" in text:
            raise RequestError(field, "...", "it is a text")


def _rows(data: bytes) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns of a file and its rows, comments too."""
    if not data.strip():
        return list(Style._fields), []
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), restval="")
        rows = [{str(key): value for key, value in row.items() if key is not None} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError("styles", "styles.csv", f"it is a CSV file in UTF-8 ({error})") from None
    head = list(reader.fieldnames or ())
    if "name" not in head:
        raise RequestError("styles", "styles.csv", "its first line names the columns: name, prompt, negative_prompt")
    missing = [column for column in (_text_column(head), "negative_prompt") if column not in head]
    return [*head, *missing], rows


def _text_column(head: Sequence[str]) -> str:
    """Return where a file has its prompts: old ones call them `text`."""
    return "text" if "text" in head and "prompt" not in head else "prompt"


def _written(head: Sequence[str], rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return a file as A1111 writes it, with a byte order mark."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, head, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


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


def extract_styles(prompt: str, negative_prompt: str, styles: Iterable[Style]) -> tuple[str, str, tuple[str, ...]]:
    """Return both prompts without the styles in them, and those styles' names in the order they were applied.

    A style counts where its text for the prompt and that for the negative prompt are both found: around the rest
    where it has `{prompt}`, else at the end. It is the inverse of `apply_styles`, as far as texts can tell.
    """
    known = [style for style in styles if style.prompt.strip() or style.negative_prompt.strip()]
    names: list[str] = []
    while len(names) < _MOST_APPLIED:
        for style in known:
            left = _without(prompt, style.prompt), _without(negative_prompt, style.negative_prompt)
            if left[0] is not None and left[1] is not None and left != (prompt, negative_prompt):
                prompt, negative_prompt = left[0], left[1]
                names.append(style.name)
                break
        else:
            break
    return prompt, negative_prompt, tuple(reversed(names))


def _without(prompt: str, style: str) -> str | None:
    """Return a prompt without a style's text, None where it does not hold it."""
    text, own = prompt.strip(), style.strip()
    if not own:
        return prompt
    if _PLACE in own:
        before, _, after = own.partition(_PLACE)
        if len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after):
            return text[len(before) : len(text) - len(after)]
        return None
    return text.removesuffix(own).removesuffix(", ") if text.endswith(own) else None
