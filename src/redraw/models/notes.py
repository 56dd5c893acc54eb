"""What people wrote about a model file: metadata inside it, and `.json` and `.civitai.info` files beside it."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

_MAX_SIDECAR: Final = 2**20
_MAX_TEXT: Final = 2000
_MAX_WORDS: Final = 8
_MARKUP: Final = re.compile(r"<[^<>]{0,500}>")


@dataclass(frozen=True)
class Notes:
    """What people say about a model; plain text, every part may be empty.

    Attributes:
        title: its name as its makers write it.
        description: what it is.
        triggers: words for the prompt that call for what it knows, the best first.
        negative: words for the negative prompt.
        text: what the user noted.
        weight: the strength the user or maker recommends, 0 if none does.
        base: the model it was made for, in its maker's words.
    """

    title: str = ""
    description: str = ""
    triggers: tuple[str, ...] = ()
    negative: str = ""
    text: str = ""
    weight: float = 0.0
    base: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Notes:
        """Return notes from plain data of the same names; raises ValueError for other data."""
        if not isinstance(values, Mapping) or values.keys() != {f.name for f in fields(cls)}:
            raise ValueError("these are other notes")
        return cls(**{**values, "triggers": tuple(values["triggers"])})


def read_notes(sidecars: Iterable[Path], metadata: Mapping[str, str]) -> Notes:
    """Return what sidecars and metadata say; a sidecar that cannot be read or is larger than 1 MiB says nothing."""
    user: Mapping[str, Any] = {}
    civitai: Mapping[str, Any] = {}
    for path in sidecars:
        if path.name.endswith(".civitai.info"):
            civitai = _read(path)
        elif path.suffix == ".json":
            user = _read(path)
    model = civitai.get("model")
    about = model if isinstance(model, Mapping) else {}
    said = _words(user.get("activation text")) or _words(civitai.get("trainedWords"))
    trained = said or _words(metadata.get("modelspec.trigger_phrase")) or frequent_tags(metadata)
    return Notes(
        title=_text(metadata.get("modelspec.title")) or _text(about.get("name")),
        description=_text(user.get("description"))
        or _text(metadata.get("modelspec.description"))
        or _text(civitai.get("description")),
        triggers=trained,
        negative=_text(user.get("negative text")),
        text=_text(user.get("notes")),
        weight=_number(user.get("preferred weight")),
        base=_text(user.get("sd version"))
        or _text(civitai.get("baseModel"))
        or _text(metadata.get("ss_sd_model_name")),
    )


def frequent_tags(metadata: Mapping[str, str], count: int = _MAX_WORDS) -> tuple[str, ...]:
    """Return the tags of the captions a LoRA was trained with, the most frequent first."""
    value = _parsed(metadata.get("ss_tag_frequency", ""))
    counted: Counter[str] = Counter()
    for folder in value.values() if isinstance(value, Mapping) else ():
        for tag, times in folder.items() if isinstance(folder, Mapping) else ():
            if isinstance(times, int) and not isinstance(times, bool) and _text(tag):
                counted[_text(tag)] += times
    return tuple(tag for tag, _ in counted.most_common(count))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _MAX_SIDECAR:
            return {}
        value = _parsed(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, Mapping) else {}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text(value: object) -> str:
    """Return a text without markup and control characters, cut; anything else is nothing."""
    if not isinstance(value, str):
        return ""
    plain = html.unescape(_MARKUP.sub(" ", value[: 10 * _MAX_TEXT]))
    clean = "".join(c if c.isprintable() or c == "\n" else " " for c in plain)
    return re.sub(r"[ \t]+", " ", clean).strip()[:_MAX_TEXT]


def _words(value: object) -> tuple[str, ...]:
    """Return words from a list, or from one text with commas."""
    found = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(dict.fromkeys(_text(word)[:200] for word in found if _text(word)))[:_MAX_WORDS]


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if abs(value) <= 100 else 0.0
