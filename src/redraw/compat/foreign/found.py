"""What a reader of another program's pictures gives back, and what the readers share."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

LONGEST_JSON: Final = 4_000_000
"""Characters of JSON that are looked into; pictures of graphs have some 100,000."""
LONGEST_SHOWN: Final = 200
_ENDINGS: Final = re.compile(r"\.(safetensors|sft|ckpt|pth?|bin|gguf)$", re.IGNORECASE)


@dataclass
class Foreign:
    """What another program's picture says, in the keys of A1111's infotext.

    Attributes:
        program: its name, for people.
        params: infotext key to value; "Prompt" and "Negative prompt" among them.
        understood: what was taken, by the names it has there.
        unknown: what was not, with its value as text.
        notes: plain sentences.
    """

    program: str
    params: dict[str, Any] = field(default_factory=dict)
    understood: list[str] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, key: str, value: Any, source: str) -> None:
        """Keep a value under an infotext's key; None and what is neither text, number nor switch is passed over."""
        if isinstance(value, str | int | float):
            self.params[key] = value
            self.know(source)

    def know(self, source: str) -> None:
        """Say that something was understood."""
        if source not in self.understood:
            self.understood.append(source)

    def leave(self, source: str, value: Any) -> None:
        """Say that something was not understood."""
        self.unknown[source] = shown(value)

    def note(self, sentence: str) -> None:
        """Say something to people, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def add_tag(self, tag: str) -> None:
        """Put a network's tag behind the prompt."""
        self.params["Prompt"] = f"{self.params.get('Prompt', '')}{tag}"


def load_object(text: Any) -> dict[str, Any] | None:
    """Return the JSON object a text holds; None for anything else, also where it is too long or nested too deeply."""
    if not isinstance(text, str) or len(text) > LONGEST_JSON or not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def table(value: Any) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[Any]:
    """Return a JSON list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def words(value: Any) -> str:
    """Return a text, or "" for anything else."""
    return value if isinstance(value, str) else ""


def shown(value: Any) -> str:
    """Return a value as a short text."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        text = "..."
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def stem(name: str) -> str:
    """Return a file's name without folders and without the ending of a file of weights."""
    return _ENDINGS.sub("", name.replace("\\", "/").rpartition("/")[2].strip())


def number(value: Any) -> float | None:
    """Return a number that is written as one or as text, None for anything else; switches are none."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if abs(found) < float("inf") else None


def spelled(value: float) -> str:
    """Return a number with no more digits than it needs."""
    return f"{round(value, 6):g}"


def lora_tag(name: str, unet: float = 1.0, text: float | None = None) -> str:
    """Return the tag of a LoRA: one weight where it is the same for both parts, else the text encoder's first."""
    if text is None or text == unet:
        return f"<lora:{stem(name)}:{spelled(unet)}>"
    return f"<lora:{stem(name)}:{spelled(text)}:{spelled(unet)}>"
