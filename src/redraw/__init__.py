"""Redraw: turn a picture you have into the picture you want.

`from redraw import Studio` is the library's front door. Names resolve lazily: importing this package imports
neither torch nor numpy nor Pillow nor pydantic.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redraw.errors import RedrawError
    from redraw.pipeline import Progress, Result
    from redraw.request import Img2Img, PictureRef, Txt2Img
    from redraw.studio import Studio

_HOMES = {
    "Studio": "redraw.studio",
    "Img2Img": "redraw.request",
    "Txt2Img": "redraw.request",
    "PictureRef": "redraw.request",
    "Progress": "redraw.pipeline",
    "Result": "redraw.pipeline",
    "RedrawError": "redraw.errors",
}

__all__ = ["Img2Img", "PictureRef", "Progress", "RedrawError", "Result", "Studio", "Txt2Img", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("redraw-studio")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'redraw' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
