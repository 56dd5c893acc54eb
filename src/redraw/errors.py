"""Every error Redraw raises on purpose.

The tree::

    RedrawError
    ├── RequestError          a field of a request is wrong: field, value, what is allowed
    │   ├── UnknownName       a sampler, scheduler, model, ... nobody knows: kind, name, nearest names
    │   └── PictureError      a file that is no usable picture, or too large
    ├── OutputError           a result cannot be written where it was asked to go
    ├── ModelError            a model file or a network is at fault
    │   ├── UnsupportedModel  the file is sound, but no family matches: the reasons
    │   ├── UnsafeFile        the file would run code, or is damaged on purpose
    │   ├── NonFinite         a network gave NaN or infinity, also after the retry
    │   └── OutOfMemory       what was tried before giving up
    └── Cancelled             somebody asked to stop

A message is one sentence a user can act on. Entrances print it, exit with 2 (the command line) or answer with
problem+json (the server); they never print a traceback for these.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_FILES = ("lora", "embedding", "hypernetwork", "vae", "controlnet", "upscaler", "taesd")


class RedrawError(Exception):
    """The root: catch this to catch everything Redraw raises on purpose."""


class RequestError(RedrawError):
    """A field of a request has a value that is not allowed.

    Args:
        field: the field's name as the user spells it (`strength`, `--mask`).
        value: what was given.
        allowed: what would have been right, as a phrase ("between 0 and 1").
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(f"{field}: {_shown(value)} is not allowed; {allowed}")


class UnknownName(RequestError):
    """A name that is in no registry or catalog; it is never replaced silently.

    Args:
        kind: what was looked for ("sampler", "model").
        name: what was given.
        known: every right name, from which the nearest are proposed.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name = kind, name
        self.near: tuple[str, ...] = near_names(name, known)
        command = f"models --kind {kind}" if kind in _FILES else f"{kind}s"
        hint = f"did you mean {' or '.join(self.near)}?" if self.near else f"`redraw {command}` lists them"
        super().__init__(kind, name, hint)
        self.args = (f"unknown {kind} {name!r}: {hint}",)


class PictureError(RequestError):
    """A file that cannot be used as a picture: not an image, truncated, or larger than the limits allow."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__("picture", name, why)
        self.args = (f"{name}: {why}",)


class OutputError(RedrawError):
    """A result cannot be written: the folder is missing, read-only, full, or the format cannot hold it."""


class ModelError(RedrawError):
    """A model file or one of its networks is at fault."""


class UnsupportedModel(ModelError):
    """A readable file that no known model family matches.

    Args:
        name: the file's name.
        reasons: one line for each thing that did not match.
    """

    def __init__(self, name: str, reasons: Sequence[str]) -> None:
        self.name, self.reasons = name, tuple(reasons)
        super().__init__(f"{name} is not a model Redraw can use: {'; '.join(reasons)}")


class UnsafeFile(ModelError):
    """A file that would run code on loading, or whose structure is inconsistent."""


class NonFinite(ModelError):
    """A network returned NaN or infinity, and did so again after the retry in higher precision."""


class OutOfMemory(ModelError):
    """The device has too little memory, also after everything in `tried`."""

    def __init__(self, needed: str, tried: Sequence[str] = ()) -> None:
        self.needed, self.tried = needed, tuple(tried)
        after = f" (tried: {', '.join(tried)})" if tried else ""
        super().__init__(f"out of memory: {needed}{after}")


class Cancelled(RedrawError):
    """A run was stopped by whoever started it; finished pictures are kept."""


def near_names(name: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """Return up to `count` of `known` that look like `name`, best first, compared without case."""
    by_lower = {k.lower(): k for k in known}
    hits = difflib.get_close_matches(name.lower(), by_lower, n=count, cutoff=0.5)
    if not hits:
        hits = [k for k in by_lower if name and (name.lower() in k or k in name.lower())][:count]
    return tuple(by_lower[h] for h in hits)


def _shown(value: object, limit: int = 80) -> str:
    """Return `repr(value)`, cut so that an error stays one readable line."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
