"""What a benchmark has to say: a table, the goals it was held against, and remarks; as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Goal:
    """Something promised, and whether it was kept; `met` is None where this machine cannot tell."""

    what: str
    seen: str
    met: bool | None

    def __str__(self) -> str:
        word = {True: "met", False: "MISSED", None: "not measurable here"}[self.met]
        return f"{word}: {self.what}; {self.seen}"


@dataclass
class Section:
    """One benchmark's results."""

    name: str
    title: str
    header: Sequence[str]
    rows: list[Sequence[Any]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def markdown(self) -> str:
        """The section as a Markdown table with goals and remarks below it."""
        lines = [f"### {self.title}", ""]
        if self.rows:
            lines += ["| " + " | ".join(self.header) + " |", "|" + " --- |" * len(self.header)]
            lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in self.rows]
            lines.append("")
        lines += [f"* {goal}" for goal in self.goals]
        lines += [f"* {note}" for note in self.notes]
        return "\n".join(lines).rstrip() + "\n"

    def as_json(self) -> dict[str, Any]:
        """The section as plain data, with the single repetitions under `raw`."""
        return {
            "name": self.name,
            "title": self.title,
            "rows": [dict(zip(self.header, map(_plain, row), strict=True)) for row in self.rows],
            "goals": [{"what": g.what, "seen": g.seen, "met": g.met} for g in self.goals],
            "notes": self.notes,
            "raw": self.raw,
        }


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str) or value is None else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
