"""The queue: accepted requests and what came of them, kept through any crash.

    queue = Queue.open(Path("data"))
    job = queue.submit(Img2Img(images=(PictureRef.from_path("cat.png"),), prompt="a fox"))

Every method is one transaction, safe from any thread and any process; none needs torch. What a job is and becomes::

    submit -> waiting <-> paused
                 |  ^
           claim |  | handed back, or its worker died
                 v  |
              running -> done | failed | cancelled;   failed, cancelled -> (retry) -> waiting
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, delete, func, insert, select

from redraw.errors import RequestError
from redraw.jobs.blobs import Blobs
from redraw.jobs.errors import (
    LeaseLost,
    Missing,
    MissingBlob,
    QueueFull,
    StoreBusy,
    StoreError,
    UnknownJob,
    UnknownResult,
    WrongState,
)
from redraw.jobs.intake import give, take
from redraw.jobs.record import JobRecord
from redraw.jobs.retention import Keeping, Swept
from redraw.jobs.schema import jobs, uses
from redraw.jobs.steering import check_priority
from redraw.jobs.store import Clocks, QueueLimits, Retention, Store, job_record, new_id
from redraw.request import Generation

__all__ = [
    "Clocks",
    "LeaseLost",
    "Missing",
    "MissingBlob",
    "Queue",
    "QueueFull",
    "QueueLimits",
    "Retention",
    "StoreBusy",
    "StoreError",
    "Swept",
    "UnknownJob",
    "UnknownResult",
    "WrongState",
]


_NEW_JOB: Final = insert(jobs)
_WAITING: Final = select(func.count()).select_from(jobs).where(jobs.c.state.in_(("waiting", "paused")))


class Queue(Keeping):
    """The queue of one data folder; `Queue.open` gives it.

    Attributes:
        blobs: the files that jobs and results name.
        limits: how much it takes; may be replaced by others while it is open.
    """

    @classmethod
    def open(
        cls,
        data_dir: Path,
        url: str | None = None,
        *,
        limits: QueueLimits | None = None,
        clocks: Clocks | None = None,
    ) -> Self:
        """Return the queue of a data folder, made or brought up to date if need be.

        Args:
            data_dir: files are in `blobs`, the database in `redraw.sqlite` unless `url` is given.
            url: address of a PostgreSQL database; None takes the SQLite file.
            limits, clocks: how much it takes, and what time it is.

        Raises:
            RequestError: the address is none of PostgreSQL.
            StoreError: folder or database cannot be used: read-only, full, damaged, locked, from a newer version.
        """
        bounds = limits or QueueLimits()
        store = Store(data_dir, url, patience=bounds.patience)
        return cls(store, Blobs(data_dir / "blobs", quota=bounds.disk), bounds, clocks or Clocks())

    def close(self) -> None:
        """Let go of the database; the queue is not used afterwards."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def submit(
        self,
        request: Generation,
        *,
        source: str = "api",
        priority: int = 0,
        key: str | None = None,
        options: Mapping[str, Any] | None = None,
        parent: str | None = None,
    ) -> JobRecord:
        """Accept a request: when this returns, request and pictures are on disk and the job will end.

        Args:
            request: what is to be made; seeds of -1 are drawn now.
            source: which door it came through.
            priority: higher runs first, -1000..1000.
            key: idempotency key, 1..255 characters; the same key returns the same job, whatever the request.
            options: JSON data the door wants to remember.
            parent: id of the result it was made from.

        Raises:
            QueueFull: too many wait.
            PictureError: a picture is missing or unreadable.
            OutputError: disk full or read-only, or the quota is used up.
        """
        _check(priority, key)
        with self.store.reading() as connection:
            known = self._admit(connection, key)
        if known is not None:
            return known
        taken = take(request)
        taken.keep(self.blobs)
        with self.store.writing() as connection:
            known = self._admit(connection, key)
            if known is not None:
                return known
            taken.keep(self.blobs)  # a sweep may have been between the two
            now = self.clocks.now()
            record = JobRecord(
                id=new_id(now, connection.execute(select(func.max(jobs.c.id))).scalar()),
                kind=taken.kind,
                request=taken.data,
                state="waiting",
                source=source,
                priority=priority,
                position=self._behind(connection),
                created=now,
                options=dict(options or {}),
                parent=parent,
            )
            unseen = {"words": taken.words, "idempotency_key": key, "lease": 0.0, "beats": 0, "deaths": 0}
            connection.execute(_NEW_JOB, {**vars(record), **unseen})
            self._need(connection, record.id, set(taken.pictures))
            self._tell(connection, record.id, "state", {"state": "waiting"})
            return record

    def edit(self, id: str, changes: Mapping[str, Any]) -> JobRecord:
        """Change fields of the request of a waiting or paused job, checked like a new one.

        Raises:
            UnknownJob, WrongState: there is no such job, or it no longer waits.
            RequestError: a field is wrong.
            OutputError: a new picture cannot be kept.
        """
        with self.store.writing() as connection:
            row = self._in_line(connection, id)
            old = give(row.kind, row.request, None)
            known = {name: getattr(old, name) for name in old.model_fields_set}
            taken = take(type(old)(**{**known, **changes}))
            taken.keep(self.blobs)
            connection.execute(delete(uses).where(uses.c.owner == id))
            self._need(connection, id, set(taken.pictures))
            return self._change(connection, id, request=taken.data, words=taken.words)

    def _admit(self, connection: Connection, key: str | None) -> JobRecord | None:
        """Return the job of an idempotency key if there is one; else make sure that there is room for another."""
        if key is not None:
            row = connection.execute(select(jobs).where(jobs.c.idempotency_key == key)).first()
            if row is not None:
                return job_record(row)
        waiting = int(connection.execute(_WAITING).scalar_one())
        if waiting >= self.limits.waiting:
            raise QueueFull(waiting, self.limits.waiting)
        return None


def _check(priority: int, key: str | None) -> None:
    check_priority(priority)
    if key is not None and not (1 <= len(key) <= 255 and key.isprintable()):
        raise RequestError("key", key, "an idempotency key has 1 to 255 printable characters")
