"""What a picture file says about itself: infotext, recipe and other text, read without decoding pixels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Metadata(NamedTuple):
    """What was found in a file: A1111's infotext, Redraw's recipe, and other entries as text."""

    infotext: str | None
    recipe: dict[str, Any] | None
    items: Mapping[str, str]


def read_metadata(source: bytes | str | Path) -> Metadata:
    """Return what the picture file says about itself; raises `PictureError` if it is no picture."""
    raise NotImplementedError
