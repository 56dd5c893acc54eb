"""The families of models Redraw knows, as a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """What all models of one kind share."""

    name: str
    label: str
