"""Throwing away: the trash and back, what goes by itself, and files nobody refers to."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, select, update

from redraw.jobs.blobs import Blobs
from redraw.jobs.errors import WrongState
from redraw.jobs.record import ENDED, JobRecord, ResultRecord
from redraw.jobs.schema import events, jobs, results, uses
from redraw.jobs.steering import Steering
from redraw.jobs.store import job_record, result_record

DAY: Final = 86400.0
_AT_ONCE: Final = 200  # files or rows looked at in one transaction, so that others get their turn


@dataclass(frozen=True)
class Swept:
    """What a sweep did: results and jobs put into the trash, removed for good, files and temporaries deleted."""

    trashed: int = 0
    removed: int = 0
    files: int = 0
    temporaries: int = 0


class Keeping(Steering):
    """The part of the queue that deletes."""

    def delete(self, id: str) -> JobRecord | ResultRecord:
        """Put a job with its results, or one result, into the trash; a waiting job is cancelled.

        Raises:
            UnknownJob: neither a job nor a result has this id.
            WrongState: the job is running; cancel it first.
        """
        now = self.clocks.now()
        with self.store.writing() as connection:
            found = connection.execute(select(results).where(results.c.id == id)).first()
            if found is not None:
                _stamp(connection, results.c.id == id, now)
                return result_record(self._result(connection, id))
            row = self._job(connection, id)
            if row.state == "running":
                raise WrongState(id, row.state, "cancel a running job before it is deleted")
            if row.state not in ENDED:
                self._leave(connection, row, "cancelled")
            if row.trashed is None:
                _stamp(connection, results.c.job == id, now)
                self._change(connection, id, trashed=now)
            return job_record(self._job(connection, id))

    def restore(self, id: str) -> JobRecord | ResultRecord:
        """Take a job with the results that went with it, or one result and its job, out of the trash.

        Raises:
            UnknownJob: neither a job nor a result has this id (any more).
        """
        with self.store.writing() as connection:
            found = connection.execute(select(results).where(results.c.id == id)).first()
            if found is not None:
                connection.execute(update(results).where(results.c.id == id).values(trashed=None))
                connection.execute(update(jobs).where(jobs.c.id == found.job).values(trashed=None))
                return result_record(self._result(connection, id))
            row = self._job(connection, id)
            went_along = and_(results.c.job == id, results.c.trashed == row.trashed)
            connection.execute(update(results).where(went_along).values(trashed=None))
            return self._change(connection, id, trashed=None)

    def empty_trash(self, older_than: float | None = None) -> int:
        """Remove what has been in the trash for more than this many seconds (everything) for good; return how many."""
        until = None if older_than is None else self.clocks.now() - older_than
        removed = 0
        while batch := self._remove_some(until, _AT_ONCE):
            removed += batch
        return removed

    def sweep(self) -> Swept:
        """Do what has to be done now and then: retention, old trash, files nobody refers to, the quota.

        Over the quota the oldest things in the trash go first, and nothing else: a result that nobody threw away stays.
        """
        keep = self.limits.retention
        trashed = self._retire()
        removed = self.empty_trash(keep.trash_days * DAY) if keep.trash_days is not None else 0
        self._forget_events(self.clocks.now() - keep.event_days * DAY)
        grace = keep.grace_hours * 3600
        old = (digest for digest, put, _ in self.blobs.listing() if time.time() - put >= grace)
        files = self._collect(old, grace)
        if self.limits.disk is not None and self.blobs.size() > self.limits.disk:
            while self.blobs.used() > self.limits.disk and self._remove_some(None, 1):
                removed += 1
        return Swept(trashed, removed, files, self.blobs.sweep())

    def _retire(self) -> int:
        """Put into the trash what the retention policy no longer keeps; favorites stay."""
        keep, now = self.limits.retention, self.clocks.now()
        plain = and_(results.c.trashed.is_(None), results.c.favorite.is_(False), results.c.job.in_(_retirable()))
        count = 0
        with self.store.writing() as connection:
            if keep.keep_days is not None:
                before = now - keep.keep_days * DAY
                count += _stamp(connection, and_(plain, results.c.created < before), now)
                alive = exists().where(results.c.job == jobs.c.id, results.c.trashed.is_(None))
                old = and_(jobs.c.id.in_(_retirable()), jobs.c.ended < before, jobs.c.trashed.is_(None), ~alive)
                count += connection.execute(update(jobs).where(old).values(trashed=now)).rowcount
            if keep.keep_results is not None:
                shown = select(results.c.id).where(results.c.trashed.is_(None)).order_by(results.c.id.desc())
                last = connection.execute(shown.offset(keep.keep_results).limit(1)).scalar()
                if last is not None:
                    count += _stamp(connection, and_(plain, results.c.id <= last), now)
        return count

    def _remove_some(self, until: float | None, limit: int) -> int:
        """Remove up to `limit` of the oldest things in the trash, and their files if nobody else needs them."""
        with self.store.writing() as connection:
            found: list[tuple[float, str, Any]] = []
            for table in (results, jobs):
                query = select(table.c.trashed, table.c.id).where(_trashed_before(table.c.trashed, until))
                rows = connection.execute(query.order_by(table.c.trashed).limit(limit))
                found += [(row.trashed, row.id, table) for row in rows]
            gone = sorted(found, key=lambda item: item[:2])[:limit]
            owners = {id for _, id, _ in gone}
            owners |= set(connection.execute(select(results.c.id).where(results.c.job.in_(owners))).scalars())
            needed = set(connection.execute(select(uses.c.blob).where(uses.c.owner.in_(owners))).scalars())
            connection.execute(delete(uses).where(uses.c.owner.in_(owners)))
            for table in (results, jobs):
                ids = [id for _, id, its in gone if its is table]
                connection.execute(delete(table).where(table.c.id.in_(ids)))
        self._collect(needed, 0.0)
        return len(gone)

    def _collect(self, digests: Iterable[str], grace: float) -> int:
        """Delete those of these files that no job and no result needs; return how many.

        This is done as the only writer, with the need looked up in the same transaction: whoever refers to a file does
        so as the only writer too, and looks whether the file is there.
        """
        removed, rest = 0, iter(digests)
        while batch := list(islice(rest, _AT_ONCE)):
            with self.store.writing() as connection:
                needed = set(connection.execute(select(uses.c.blob).where(uses.c.blob.in_(batch))).scalars())
                for digest in batch:
                    if digest not in needed and _is_old(self.blobs, digest, grace):
                        self.blobs.remove(digest)
                        removed += 1
        return removed

    def _forget_events(self, before: float) -> None:
        ended = select(jobs.c.id).where(jobs.c.state.in_(ENDED), jobs.c.ended < before)
        with self.store.writing() as connection:
            connection.execute(delete(events).where(events.c.job.in_(ended)))


def _retirable() -> Any:
    return select(jobs.c.id).where(jobs.c.state.in_(ENDED), jobs.c.favorite.is_(False))


def _stamp(connection: Connection, which: ColumnElement[bool], now: float) -> int:
    """Put results that are not in the trash there; return how many."""
    query = update(results).where(which, results.c.trashed.is_(None)).values(trashed=now)
    return int(connection.execute(query).rowcount)


def _trashed_before(column: ColumnElement[float | None], until: float | None) -> ColumnElement[bool]:
    return column.is_not(None) if until is None else column < until


def _is_old(blobs: Blobs, digest: str, grace: float) -> bool:
    return blobs.has(digest) and (grace <= 0 or time.time() - blobs.path(digest).stat().st_mtime >= grace)
