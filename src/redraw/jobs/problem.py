"""Errors as data: what a failed job remembers, in the words of problem+json (RFC 9457)."""

from __future__ import annotations

import re
from typing import Any, Final

from redraw.errors import (
    Cancelled,
    ModelError,
    NonFinite,
    OutOfMemory,
    OutputError,
    PictureError,
    RedrawError,
    RequestError,
    UnknownName,
    UnsafeFile,
    UnsupportedModel,
)

_TITLES: Final[tuple[tuple[type[RedrawError], str], ...]] = (
    (PictureError, "A picture cannot be used"),
    (UnknownName, "Nobody knows this name"),
    (RequestError, "A field of the request is wrong"),
    (OutputError, "The result cannot be written"),
    (UnsupportedModel, "The model cannot be used"),
    (UnsafeFile, "The model file is not safe"),
    (NonFinite, "The model gave no usable numbers"),
    (OutOfMemory, "The memory does not suffice"),
    (ModelError, "The model is at fault"),
    (Cancelled, "The work was stopped"),
)
_FOLDERS: Final = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?[/\\](?:[^\s/\\'\":;,]+[/\\])+")


def problem_of(error: BaseException) -> dict[str, Any]:
    """Return an error as JSON data: type, title, detail and, where a field is wrong, field and allowed.

    Paths lose their folders. Of an error that is not ours only its type is told: its text may hold anything.
    """
    if not isinstance(error, RedrawError):
        name = type(error).__name__
        detail = f"an unexpected {name} ended the work; the worker's log tells more"
        return {"type": "InternalError", "title": "Something went wrong inside", "detail": detail}
    title = next((title for kind, title in _TITLES if isinstance(error, kind)), "Something went wrong")
    problem: dict[str, Any] = {"type": type(error).__name__, "title": title, "detail": without_folders(str(error))}
    if isinstance(error, RequestError):
        problem |= {"field": error.field, "allowed": without_folders(error.allowed)}
    return problem


def without_folders(text: str) -> str:
    """Return a text in which absolute paths are cut down to their last part."""
    return _FOLDERS.sub("", text)
