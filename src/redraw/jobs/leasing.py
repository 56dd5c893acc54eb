"""The worker's side of the queue: take a job, keep it by speaking up, hand in pictures, finish.

A job is taken away from a worker only if its process is certainly gone, or if somebody watched for the whole length of
the lease, on a clock that does not jump, that it said nothing. The wall clock decides nothing. Whoever lost a job is
told so (`LeaseLost`) by everything it tries to write; `docs/decisions/0009-jobs.md` has the argument.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from redraw.errors import RequestError
from redraw.jobs.blobs import Blobs
from redraw.jobs.errors import LeaseLost
from redraw.jobs.holder import is_gone
from redraw.jobs.record import ENDING, JobRecord, ResultRecord, State, Wish
from redraw.jobs.schema import events, jobs, results
from redraw.jobs.store import ONE_JOB, RESULTS, AnyRow, Clocks, QueueLimits, Store, job_record, new_id, result_record
from redraw.jobs.views import LINE, Views, get_value

HELD: Final = "queue.held"
_FIRST: Final = select(jobs.c.id).where(jobs.c.state == "waiting").order_by(*LINE).limit(1)
_RUNNING: Final = select(jobs.c.id, jobs.c.worker, jobs.c.beats, jobs.c.lease).where(jobs.c.state == "running")
_FREE: Final[Mapping[str, Any]] = {"worker": None, "leased_until": None}


class Leasing(Views):
    """The part of the queue that workers use."""

    def __init__(self, store: Store, blobs: Blobs, limits: QueueLimits, clocks: Clocks) -> None:
        super().__init__(store, blobs, limits, clocks)
        self._watched: dict[str, tuple[str | None, int, float]] = {}
        self._watch = threading.Lock()

    def claim(self, worker: str, lease: float = 15.0) -> JobRecord | None:
        """Take the next waiting job, or None if there is none or the queue is held.

        Args:
            worker: who takes it (`redraw.jobs.holder.own_name` gives a name whose end others notice at once).
            lease: seconds within which it will `beat`. Jobs whose worker did not are waiting again first: call this
                again and again, for a silence is noticed only by somebody who watches.
        """
        waits = self._take_back()
        if not waits:
            return None
        with self.store.writing(durable=False) as connection:
            first = None if get_value(connection, HELD) else connection.execute(_FIRST).scalar()
            if first is None:
                return None
            now = self.clocks.now()
            row = connection.execute(
                update(jobs)
                .where(jobs.c.id == first, jobs.c.state == "waiting")
                .values(
                    state="running",
                    worker=worker,
                    started=now,
                    ended=None,
                    leased_until=now + lease,
                    lease=lease,
                    wish="",
                    progress={},
                    attempts=jobs.c.attempts + 1,
                    beats=jobs.c.beats + 1,
                )
                .returning(jobs)
            ).one()
            self._tell(connection, first, "state", {"state": "running"})
            return job_record(row)

    def beat(
        self,
        job_id: str,
        worker: str,
        *,
        progress: Mapping[str, Any] | None = None,
        preview: bytes | None = None,
        lease: float = 15.0,
    ) -> Wish:
        """Say that the work goes on, and return what is asked of it; a "skip" is returned once.

        Args:
            job_id, worker: as claimed.
            progress: as `JobRecord.progress`; None if there is nothing new.
            preview: a small JPEG or WebP of the picture as it looks now; only the newest is kept.
            lease: seconds within which the next beat comes.

        Raises:
            LeaseLost: the worker does not hold the job (any more); it stops working on it.
        """
        values: dict[str, Any] = {"leased_until": self.clocks.now() + lease, "lease": lease}
        if progress is not None:
            values["progress"] = progress
        with self.store.writing(durable=False) as connection:
            row = self._held(connection, job_id, worker)
            wish: Wish = row.wish
            if wish == "skip":
                values["wish"] = ""
            self._speak(connection, job_id, **values)
            if progress is not None:
                self._tell(connection, job_id, "progress", progress)
            if preview is not None:
                connection.execute(delete(events).where(events.c.job == job_id, events.c.kind == "preview"))
                self._tell(connection, job_id, "preview", {"image": base64.b64encode(preview).decode()})
            return wish

    def add_result(
        self,
        job_id: str,
        worker: str,
        index: int,
        *,
        file: bytes,
        thumbnail: bytes,
        format: str,
        width: int,
        height: int,
        seed: int,
        infotext: str,
        recipe: Mapping[str, Any],
        extras: Mapping[str, bytes] | None = None,
        edge: Mapping[str, float] | None = None,
        notes: Sequence[str] = (),
    ) -> ResultRecord:
        """Hand in a finished picture: files first, then one transaction, so it is there wholly or not at all.

        Args:
            job_id, worker: as claimed.
            index: 0-based place in the job; if there is a result for it already, that one is returned and stays.
            file, thumbnail: bytes of the picture file and of its thumbnail.
            format, width, height, seed, infotext, recipe, edge, notes: see `ResultRecord`.
            extras: further PNG files by name.

        Raises:
            LeaseLost: the worker does not hold the job (any more).
            OutputError: disk full or read-only, or the quota is used up.
        """
        files = {"": file, "thumbnail": thumbnail, **{f"+{name}": data for name, data in (extras or {}).items()}}
        digests = {name: self.blobs.put(data) for name, data in files.items()}
        with self.store.writing() as connection:
            self._held(connection, job_id, worker)
            there = and_(results.c.job == job_id, results.c.index == index)
            first = connection.execute(RESULTS.where(there)).first()
            if first is not None:
                return result_record(first)
            for name, data in files.items():
                if not self.blobs.has(digests[name]):  # collected meanwhile: the clock jumped
                    self.blobs.put(data)
            last = connection.execute(select(func.max(results.c.id))).scalar()
            record = ResultRecord(
                id=new_id(self.clocks.now(), last),
                job=job_id,
                index=index,
                blob=digests[""],
                thumbnail=digests["thumbnail"],
                format=format,
                width=width,
                height=height,
                size=len(file),
                seed=seed,
                infotext=infotext,
                recipe=recipe,
                extras={name[1:]: digest for name, digest in digests.items() if name.startswith("+")},
                edge=edge,
                notes=tuple(notes),
                created=self.clocks.now(),
            )
            values = {name: value for name, value in vars(record).items() if name in results.c}
            connection.execute(insert(results), values)
            self._need(connection, record.id, set(digests.values()))
            self._speak(connection, job_id, deaths=0)
            self._tell(connection, job_id, "result", {"id": record.id, "index": index})
            return record

    def finish(
        self,
        job_id: str,
        worker: str,
        state: State,
        *,
        error: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
    ) -> JobRecord:
        """End a job, or with "waiting" hand it back unfinished, at the place in line where it was.

        Args:
            job_id, worker: as claimed.
            state: done, failed, cancelled or waiting; a job that was to be cancelled is not handed back but ends.
            error: problem data of a failed job.
            notes: plain sentences, added to those there are.

        Raises:
            LeaseLost: the worker does not hold the job (any more).
        """
        if state not in ("done", "failed", "cancelled", "waiting"):
            raise RequestError("state", state, "a worker leaves a job done, failed, cancelled or waiting")
        with self.store.writing() as connection:
            row = self._held(connection, job_id, worker)
            if state == "waiting" and row.wish in ENDING:
                state = "cancelled"
            return self._leave(connection, row, state, error=error, notes=notes)

    def release(self, job_id: str, worker: str) -> JobRecord:
        """Hand a job back unfinished; the same as `finish` with "waiting"."""
        return self.finish(job_id, worker, "waiting")

    def bury(self, worker: str) -> int:
        """Take all jobs from a worker that is known to be dead, by whoever started it; return how many it had."""
        mine = and_(jobs.c.state == "running", jobs.c.worker == worker)
        with self.store.reading() as connection:
            if connection.execute(select(jobs.c.id).where(mine).limit(1)).first() is None:
                return 0
        with self.store.writing() as connection:
            rows = connection.execute(select(jobs).where(mine)).all()
            for row in rows:
                self._survive(connection, row)
            return len(rows)

    def _held(self, connection: Connection, job_id: str, worker: str) -> AnyRow:
        row = connection.execute(ONE_JOB, {"wanted": job_id}).first()
        if row is None or row.state != "running" or row.worker != worker:
            raise LeaseLost(job_id, worker)
        return row

    def _speak(self, connection: Connection, job_id: str, **values: Any) -> None:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(beats=jobs.c.beats + 1, **values))

    def _leave(
        self,
        connection: Connection,
        row: AnyRow,
        state: State,
        *,
        error: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        **values: Any,
    ) -> JobRecord:
        """Write that nobody works on a job any more, and forget its progress and preview events."""
        ended = None if state == "waiting" else self.clocks.now()
        values |= {"state": state, "ended": ended, "error": error, "wish": "", **_FREE}
        values["notes"] = [*row.notes, *notes]
        passing = and_(events.c.job == row.id, events.c.kind.in_(("progress", "preview")))
        connection.execute(delete(events).where(passing))
        for text in notes:
            self._tell(connection, row.id, "note", {"text": text})
        self._tell(connection, row.id, "state", {"state": state})
        return job_record(
            connection.execute(update(jobs).where(jobs.c.id == row.id).values(values).returning(jobs)).one()
        )

    def _take_back(self) -> bool:
        """Put jobs of workers that are gone or silent back in line; return whether any job waits."""
        with self.store.reading() as connection:
            running = connection.execute(_RUNNING).all()
            waits = not get_value(connection, HELD) and connection.execute(_FIRST).first() is not None
        for seen in self._silent(running):
            with self.store.writing() as connection:
                row = connection.execute(select(jobs).where(jobs.c.id == seen.id, _same(seen))).first()
                if row is not None:
                    waits |= self._survive(connection, row).state == "waiting"
        return waits

    def _silent(self, running: Sequence[AnyRow]) -> list[AnyRow]:
        """Return those of the running jobs whose worker is gone, or said nothing for its lease while we watched."""
        steady = self.clocks.steady()
        silent = []
        with self._watch:
            watched = {row.id: self._watched.get(row.id) for row in running}
            self._watched.clear()
            for row in running:
                before = watched[row.id]
                same = before is not None and before[:2] == (row.worker, row.beats)
                since = before[2] if before is not None and same else steady
                self._watched[row.id] = (row.worker, row.beats, since)
                if steady - since >= row.lease > 0 or (row.worker and is_gone(row.worker)):
                    silent.append(row)
        return silent

    def _survive(self, connection: Connection, row: AnyRow) -> JobRecord:
        """Decide what becomes of a job whose worker died over it."""
        deaths = row.deaths + 1
        if row.wish in ENDING:
            return self._leave(connection, row, "cancelled")
        if deaths >= self.limits.deaths:
            detail = (
                f"{deaths} workers died one after another over this job; retry it with a smaller picture, if at all"
            )
            error = {"type": "WorkerDied", "title": "The work killed its worker", "detail": detail}
            return self._leave(connection, row, "failed", error=error, deaths=deaths)
        return self._leave(connection, row, "waiting", notes=["its worker died; it is begun again"], deaths=deaths)


def _same(seen: AnyRow) -> ColumnElement[bool]:
    return and_(jobs.c.state == "running", jobs.c.worker == seen.worker, jobs.c.beats == seen.beats)
