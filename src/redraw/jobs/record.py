"""What the queue remembers: jobs, their results, what happened to them. Plain frozen data, no database, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

State = Literal["waiting", "paused", "running", "done", "failed", "cancelled"]
ENDED: Final[frozenset[State]] = frozenset({"done", "failed", "cancelled"})
Wish = Literal["", "cancel", "interrupt", "finish", "skip"]
"""What somebody asks of a running job: stop without the picture at work; stop with the picture at work as it is now;
stop when the picture at work is wholly done; end this picture as it is now, and go on with the next."""
ENDING: Final[frozenset[Wish]] = frozenset({"cancel", "interrupt", "finish"})
"""Wishes after which a job is not begun again."""
EventKind = Literal["state", "progress", "preview", "result", "note"]


@dataclass(frozen=True)
class JobRecord:
    """One accepted request.

    Attributes:
        id: 26 characters of lower-case letters and digits; later jobs sort after earlier ones.
        kind: which request it is (`redraw.request.KINDS`).
        request: the request as JSON data, seeds fixed; its pictures are {"name", "sha256"}, their bytes in the blobs.
        state: where it is.
        source: which door it came through ("api", "sdapi", "cli", "web", ...).
        priority: higher runs first.
        position: among equal priorities, lower runs first.
        created, started, ended: seconds since the epoch; None where that has not happened.
        attempts: how often a worker has begun it.
        wish: what is asked of it while it runs.
        worker: who holds it, None if nobody does.
        leased_until: when it falls back to the queue unless its worker speaks up, seconds since the epoch.
        progress: the last `Progress` as JSON data: stage, image, images, step, steps, fraction, elapsed, remaining.
        error: problem data of a failed job: type, title, detail, maybe field and allowed.
        notes: plain sentences for people.
        options: what the door wants to remember (A1111's not-honoured list, webhook, pictures to append, ...).
        parent: result this was made from, for branching; None if there is none.
        favorite: marked by a person.
        trashed: when it was put into the trash, None if it is not there.
    """

    id: str
    kind: str
    request: Mapping[str, Any]
    state: State
    source: str = "api"
    priority: int = 0
    position: float = 0.0
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    attempts: int = 0
    wish: Wish = ""
    worker: str | None = None
    leased_until: float | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    favorite: bool = False
    trashed: float | None = None


@dataclass(frozen=True)
class ResultRecord:
    """One finished picture of a job.

    Attributes:
        id: like a job's.
        job: id of the job.
        index: 0-based place in the job; a job has at most one result for each.
        blob: SHA-256 of the picture file, recipe and infotext inside.
        thumbnail: SHA-256 of a small WebP of it.
        format: "png", "jpg", ...
        width, height: pixels.
        size: bytes of the picture file.
        seed: what it was made from.
        infotext: its recipe as A1111 writes it.
        recipe: its whole recipe.
        extras: further pictures by name ("mask", "cutout") as SHA-256 of PNG files.
        edge: seam figures of a masked edit, or None.
        notes: plain sentences.
        created: seconds since the epoch.
        trashed: when it was put into the trash, None if it is not there.
        favorite: marked by a person.
        parent: the result its job was made from, None if there is none; read from the job.
    """

    id: str
    job: str
    index: int
    blob: str
    thumbnail: str
    format: str
    width: int
    height: int
    size: int
    seed: int
    infotext: str
    recipe: Mapping[str, Any]
    extras: Mapping[str, str] = field(default_factory=dict)
    edge: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()
    created: float = 0.0
    trashed: float | None = None
    favorite: bool = False
    parent: str | None = None


@dataclass(frozen=True)
class Lineage:
    """Where a result comes from and what came of it.

    Attributes:
        ancestors: what it was made from, the first picture first; one that was removed for good ends the line.
        children: what was made from it directly, the oldest first.
    """

    ancestors: tuple[ResultRecord, ...]
    children: tuple[ResultRecord, ...]


@dataclass(frozen=True)
class Event:
    """Something that happened; ids grow, so a listener can go on where it left off.

    Attributes:
        id: 1 and up, over all jobs.
        job: id of the job.
        kind: what it is.
        data: state: {"state"}; progress: as `JobRecord.progress`; preview: {"blob"} or {"image": base64 JPEG};
            result: {"id", "index"}; note: {"text"}.
        at: seconds since the epoch.
    """

    id: int
    job: str
    kind: EventKind
    data: Mapping[str, Any]
    at: float
