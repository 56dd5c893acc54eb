"""Looking at the queue: jobs, results, events, settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, update

from redraw.jobs.intake import give, searchable
from redraw.jobs.record import Event, JobRecord, Lineage, ResultRecord, State
from redraw.jobs.schema import count_of, events, jobs, results, settings
from redraw.jobs.store import RESULTS, Desk, job_record, result_record
from redraw.request import Generation


class Views(Desk):
    """The part of the queue that only looks (and keeps the server's settings)."""

    def get(self, id: str) -> JobRecord:
        """Return a job, also one in the trash; raises `UnknownJob`."""
        with self.store.reading() as connection:
            return job_record(self._job(connection, id))

    def request_of(self, job: JobRecord) -> Generation:
        """Return a job's request with its pictures at hand; `PictureError` if a file is gone, `RequestError` else."""
        return give(job.kind, job.request, self.blobs)

    def find(
        self,
        *,
        states: Collection[State] | State | None = None,
        source: str | None = None,
        text: str | None = None,
        favorite: bool | None = None,
        after: str | None = None,
        limit: int = 50,
        newest_first: bool = True,
        trashed: bool = False,
    ) -> list[JobRecord]:
        """Return jobs in the order in which they came.

        Args:
            states: only in these.
            source: only through this door.
            text: only with this in a prompt, whatever the case.
            favorite: only marked, or only unmarked.
            after: id of the last job of the page before.
            limit: at most so many.
            newest_first: else oldest first.
            trashed: those in the trash instead of the others.
        """
        query = select(jobs).where(_in_trash(jobs.c.trashed, trashed))
        if states is not None:
            query = query.where(_in_states(states))
        if source is not None:
            query = query.where(jobs.c.source == source)
        if favorite is not None:
            query = query.where(jobs.c.favorite.is_(favorite))
        if text:
            query = query.where(_says(text))
        return [job_record(row) for row in self._page(query, jobs.c.id, after, limit, newest_first)]

    def line(self, limit: int = 1000) -> list[JobRecord]:
        """Return the jobs that wait or are paused, in the order in which they will be begun."""
        query = select(jobs).where(_in_states(("waiting", "paused"))).order_by(*LINE).limit(limit)
        with self.store.reading() as connection:
            return [job_record(row) for row in connection.execute(query)]

    def count(self, states: Collection[State] | State | None = None) -> int:
        """Return how many jobs are in one of `states` (in any), those in the trash left out."""
        conditions: list[ColumnElement[bool]] = [jobs.c.trashed.is_(None)]
        if states is not None:
            conditions.append(_in_states(states))
        with self.store.reading() as connection:
            return count_of(connection, *conditions)

    def results(self, job: JobRecord | str, *, trashed: bool = False) -> list[ResultRecord]:
        """Return a job's results in order, without those in the trash unless `trashed`; raises `UnknownJob`."""
        id = job if isinstance(job, str) else job.id
        query = RESULTS.where(results.c.job == id).order_by(results.c.index)
        if not trashed:
            query = query.where(results.c.trashed.is_(None))
        with self.store.reading() as connection:
            self._job(connection, id)
            return [result_record(row) for row in connection.execute(query)]

    def result(self, id: str) -> ResultRecord:
        """Return a result, also one in the trash; raises `UnknownResult`."""
        with self.store.reading() as connection:
            return result_record(self._result(connection, id))

    def all_results(
        self,
        after: str | None = None,
        limit: int = 50,
        text: str | None = None,
        favorite: bool | None = None,
        trashed: bool = False,
        job: str | None = None,
        parent: str | None = None,
    ) -> list[ResultRecord]:
        """Return results of all jobs, newest first; of one job, or made from one result. Arguments as in `find`."""
        query = RESULTS.where(_in_trash(results.c.trashed, trashed))
        if job is not None:
            query = query.where(results.c.job == job)
        if parent is not None:
            query = query.where(jobs.c.parent == parent)
        if text:
            query = query.where(_says(text))
        if favorite is not None:
            query = query.where(results.c.favorite.is_(favorite))
        return [result_record(row) for row in self._page(query, results.c.id, after, limit, True)]

    def lineage(self, id: str, depth: int = 200, children: int = 500) -> Lineage:
        """Return where a result comes from and what came of it; raises `UnknownResult`.

        Args:
            id: of the result; one in the trash counts, and so do its ancestors there, but not children.
            depth: at most so many ancestors, the nearest ones.
            children: at most so many.
        """
        born = RESULTS.where(jobs.c.parent == id, results.c.trashed.is_(None)).order_by(results.c.id).limit(children)
        line: list[ResultRecord] = []
        with self.store.reading() as connection:
            parent = self._result(connection, id).parent
            seen = {id}
            while parent is not None and parent not in seen and len(line) < depth:
                seen.add(parent)
                row = connection.execute(RESULTS.where(results.c.id == parent)).first()
                if row is None:
                    break
                line.append(result_record(row))
                parent = row.parent
            found = tuple(result_record(row) for row in connection.execute(born))
        return Lineage(tuple(reversed(line)), found)

    def done_indexes(self, job_id: str) -> set[int]:
        """Return which pictures of a job are made already, those in the trash among them."""
        with self.store.reading() as connection:
            return set(connection.execute(select(results.c.index).where(results.c.job == job_id)).scalars())

    def events(self, after: int = 0, job: str | None = None, limit: int = 500) -> list[Event]:
        """Return what happened after the event `after`, in order: to one job, or to all."""
        query = select(events).where(events.c.id > after).order_by(events.c.id).limit(limit)
        if job is not None:
            query = query.where(events.c.job == job)
        with self.store.reading() as connection:
            return [Event(row.id, row.job, row.kind, row.data, row.at) for row in connection.execute(query)]

    def last_event(self) -> int:
        """Return the id of the newest event, 0 if there is none."""
        with self.store.reading() as connection:
            return int(connection.execute(select(func.max(events.c.id))).scalar() or 0)

    def get_setting(self, name: str) -> Any:
        """Return a persisted setting (JSON data), None if it was never set."""
        with self.store.reading() as connection:
            return get_value(connection, name)

    def settings(self) -> Mapping[str, Any]:
        """Return all persisted settings but the queue's own."""
        with self.store.reading() as connection:
            rows = connection.execute(select(settings).order_by(settings.c.name))
            return {row.name: row.value for row in rows if not row.name.startswith("queue.")}

    def set_setting(self, name: str, value: Any) -> None:
        """Persist a setting (JSON data) for the whole server; None forgets it."""
        with self.store.writing() as connection:
            set_value(connection, name, value)

    def _page(
        self, query: Select[Any], id: ColumnElement[str], after: str | None, limit: int, newest_first: bool
    ) -> list[Any]:
        if after is not None:
            query = query.where(id < after if newest_first else id > after)
        query = query.order_by(id.desc() if newest_first else id).limit(limit)
        with self.store.reading() as connection:
            return list(connection.execute(query))


LINE = (jobs.c.priority.desc(), jobs.c.position, jobs.c.id)
"""The order in which waiting jobs are begun."""


def get_value(connection: Connection, name: str) -> Any:
    """Return a setting inside a transaction."""
    return connection.execute(select(settings.c.value).where(settings.c.name == name)).scalar()


def set_value(connection: Connection, name: str, value: Any) -> None:
    """Persist a setting inside a transaction; None forgets it."""
    if value is None:
        connection.execute(delete(settings).where(settings.c.name == name))
    elif not connection.execute(update(settings).where(settings.c.name == name).values(value=value)).rowcount:
        connection.execute(insert(settings).values(name=name, value=value))


def _in_states(states: Collection[State] | State) -> ColumnElement[bool]:
    return jobs.c.state.in_([states] if isinstance(states, str) else list(states))


def _in_trash(column: ColumnElement[float | None], trashed: bool) -> ColumnElement[bool]:
    return column.is_not(None) if trashed else column.is_(None)


def _says(text: str) -> ColumnElement[bool]:
    return jobs.c.words.contains(searchable(text), autoescape=True)
