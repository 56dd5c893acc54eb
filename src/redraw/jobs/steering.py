"""People's side of the queue: stop, pause, retry, reorder, mark."""

from __future__ import annotations

from typing import Any, Final, Literal

from sqlalchemy import Connection, func, select, update

from redraw.errors import RequestError
from redraw.jobs.errors import WrongState
from redraw.jobs.leasing import HELD, Leasing
from redraw.jobs.record import ENDED, JobRecord, ResultRecord, Wish
from redraw.jobs.schema import jobs, results
from redraw.jobs.store import AnyRow, job_record, result_record
from redraw.jobs.views import LINE, set_value

_WEIGHT: Final[dict[str, int]] = {"": 0, "skip": 1, "finish": 2, "interrupt": 3, "cancel": 4}


class Steering(Leasing):
    """The part of the queue that people (through the doors) steer with."""

    def ask(self, id: str, wish: Wish) -> JobRecord:
        """Ask something of a job: a running one is told at its next beat, a waiting one is cancelled at once.

        A wish never replaces a stronger one (cancel > interrupt > finish > skip); an ended job stays as it is, and to
        skip in a waiting one does nothing. Raises `UnknownJob`.
        """
        if wish not in _WEIGHT or not wish:
            raise RequestError("wish", wish, "it is cancel, interrupt, finish or skip")
        with self.store.writing() as connection:
            row = self._job(connection, id)
            if row.state == "running" and _WEIGHT[wish] > _WEIGHT[row.wish]:
                return self._change(connection, id, wish=wish)
            if row.state in ("waiting", "paused") and wish != "skip":
                return self._leave(connection, row, "cancelled")
            return job_record(row)

    def cancel(self, id: str) -> JobRecord:
        """Stop a job: a running one within a step, another at once; one that ended stays as it is."""
        return self.ask(id, "cancel")

    def retry(self, id: str) -> JobRecord:
        """Put a failed or cancelled job at the end of the line again; its finished pictures are kept, not made again.

        Raises:
            UnknownJob, WrongState: there is no such job; it is not failed or cancelled, or is in the trash.
        """
        with self.store.writing() as connection:
            row = self._job(connection, id)
            if row.state not in ("failed", "cancelled") or row.trashed is not None:
                raise WrongState(id, _shown(row), "only a failed or cancelled job is retried")
            position = self._behind(connection)
            return self._move_to(connection, row, "waiting", position=position, deaths=0, error=None, ended=None)

    def pause(self, id: str) -> JobRecord:
        """Let a waiting job wait until it is resumed; raises `UnknownJob`, `WrongState`."""
        return self._switch(id, "waiting", "paused")

    def resume(self, id: str) -> JobRecord:
        """Let a paused job go on waiting at its place; raises `UnknownJob`, `WrongState`."""
        return self._switch(id, "paused", "waiting")

    def hold(self, all: bool) -> None:
        """Hold the whole queue (no job is begun; the running one goes on), or with False let it go on."""
        with self.store.writing() as connection:
            set_value(connection, HELD, True if all else None)

    @property
    def held(self) -> bool:
        """Whether the whole queue is held."""
        return bool(self.get_setting(HELD))

    def move(self, id: str, *, before: str | None = None, to: Literal["front", "back"] | None = None) -> JobRecord:
        """Give a waiting or paused job another place in line.

        Args:
            id: the job.
            before: it comes right before this one, with the same priority.
            to: it comes before all others, with the highest priority among them, or after all, with the lowest.

        Raises:
            UnknownJob, WrongState: there is no such job, or one of the two no longer waits.
            RequestError: not exactly one of `before` and `to` is given, or a job is to come before itself.
        """
        if (before is None) == (to is None) or to not in (None, "front", "back") or before == id:
            raise RequestError("move", before or to, "give another job it comes before, or front or back")
        with self.store.writing() as connection:
            self._in_line(connection, id)
            if before is not None:
                self._in_line(connection, before)
            query = select(jobs.c.id, jobs.c.priority, jobs.c.position).order_by(*LINE)
            line = connection.execute(query.where(jobs.c.state.in_(("waiting", "paused")), jobs.c.id != id)).all()
            if not line:
                return job_record(self._job(connection, id))
            at = {"front": 0, "back": len(line)}.get(to or "")
            place = at if at is not None else next(i for i, row in enumerate(line) if row.id == before)
            priority = line[min(place, len(line) - 1)].priority
            peers = [row for row in line if row.priority == priority]
            rank = sum(row.priority == priority for row in line[:place])
            return self._change(connection, id, priority=priority, position=self._between(connection, peers, rank))

    def prioritize(self, id: str, priority: int) -> JobRecord:
        """Give a waiting or paused job another priority; raises `UnknownJob`, `WrongState`, `RequestError`."""
        check_priority(priority)
        with self.store.writing() as connection:
            self._in_line(connection, id)
            return self._change(connection, id, priority=priority)

    def mark(self, id: str, favorite: bool) -> JobRecord | ResultRecord:
        """Mark a job or a result as a favorite, or take the mark back; raises `UnknownJob`."""
        with self.store.writing() as connection:
            query = update(results).where(results.c.id == id).values(favorite=favorite).returning(results)
            row = connection.execute(query).first()
            if row is not None:
                return result_record(row)
            self._job(connection, id)
            return self._change(connection, id, favorite=favorite)

    def _between(self, connection: Connection, peers: list[AnyRow], rank: int) -> float:
        """Return a position before `peers[rank]` and after the one before it; makes room if there is none."""
        if rank == len(peers):
            return self._behind(connection)
        after = peers[rank].position
        if rank == 0:
            return float(after - 1)
        middle = float((peers[rank - 1].position + after) / 2)
        if peers[rank - 1].position < middle < after:
            return middle
        first = self._behind(connection)
        for i, peer in enumerate(peers):
            connection.execute(update(jobs).where(jobs.c.id == peer.id).values(position=first + 2 * i))
        return first + 2 * rank - 1

    def _behind(self, connection: Connection) -> float:
        """Return a position after all others."""
        return float(connection.execute(select(func.max(jobs.c.position))).scalar() or 0) + 1

    def _switch(self, id: str, old: Literal["waiting", "paused"], new: Literal["waiting", "paused"]) -> JobRecord:
        with self.store.writing() as connection:
            row = self._in_line(connection, id)
            return self._move_to(connection, row, new) if row.state == old else job_record(row)

    def _in_line(self, connection: Connection, id: str) -> AnyRow:
        row = self._job(connection, id)
        if row.state not in ("waiting", "paused"):
            raise WrongState(id, _shown(row), "the job must be waiting or paused")
        return row

    def _move_to(self, connection: Connection, row: AnyRow, state: str, **values: Any) -> JobRecord:
        self._tell(connection, row.id, "state", {"state": state})
        return self._change(connection, row.id, state=state, **values)

    def _change(self, connection: Connection, id: str, **values: Any) -> JobRecord:
        query = update(jobs).where(jobs.c.id == id).values(**values).returning(jobs)
        return job_record(connection.execute(query).one())


def check_priority(priority: int) -> None:
    """Raise `RequestError` unless it is a priority."""
    if not -1000 <= priority <= 1000:
        raise RequestError("priority", priority, "it is a whole number between -1000 and 1000")


def _shown(row: AnyRow) -> str:
    return "trashed" if row.trashed is not None and row.state in ENDED else str(row.state)
