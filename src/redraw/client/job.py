"""One job on a server: followed, changed, and its pictures fetched."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from redraw.client.connection import Connection
from redraw.client.problems import error_of
from redraw.client.result import Progress, Result, job_record, result_of
from redraw.client.stream import follow
from redraw.errors import Cancelled, RedrawError
from redraw.jobs.record import ENDED, Event, JobRecord

_PAGE: Final = 200
_LOOK: Final = (0.02, 1.0)  # seconds between two looks at a job: at first, and at most


class JobFailed(RedrawError):
    """A job ended without a picture, for a reason the server does not tell."""


class Job:
    """A job on a server.

    Attributes:
        id: its id.
        record: what the server last said about it; `refresh` asks again.
    """

    def __init__(self, connection: Connection, record: JobRecord) -> None:
        self._connection, self.record = connection, record
        self.id = record.id

    def __repr__(self) -> str:
        return f"Job({self.id!r}, {self.record.state!r})"

    @property
    def ended(self) -> bool:
        """Whether it was done, failed or cancelled when the server last spoke of it."""
        return self.record.state in ENDED

    def refresh(self) -> JobRecord:
        """Ask the server, and return what it says."""
        self.record = job_record(self._connection.get(self._path))
        return self.record

    def wait(self, timeout: float | None = None) -> JobRecord:
        """Return the job once it has ended, or after `timeout` seconds as it is then."""
        until = None if timeout is None else time.monotonic() + timeout
        pause, most = _LOOK
        while self.refresh().state not in ENDED:
            left = most if until is None else until - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(pause, left))
            pause = min(1.5 * pause, most)
        return self.record

    def events(self, after: int = 0) -> Iterator[Event]:
        """Yield what happened and happens to it after event `after`, until it has ended.

        A broken connection is made again, and nothing comes twice. `Unreachable` if that does not succeed.
        """
        yield from follow(self._connection, f"{self._path}/events", after)

    def run(self) -> Iterator[Progress | Result]:
        """Yield progress and every picture as it comes, as a run of `Studio` does.

        Raises:
            Cancelled: somebody cancelled the job; the pictures made before that have been yielded.
            RedrawError: what the job failed of.
        """
        seen: set[int] = set()
        for event in self.events():
            if event.kind == "progress":
                yield Progress.of(event.data)
            elif event.kind == "result" and event.data.get("index") not in seen:
                seen.add(int(event.data["index"]))
                yield self._result(str(event.data["id"]))
        self.refresh()
        for result in self.results():  # events of results are never thinned out, but a restored job may have more
            if result.index not in seen:
                yield result
        self.check()

    def check(self) -> None:
        """Raise what the job failed of, or `Cancelled`, by what the server last said of it."""
        if self.record.state == "cancelled":
            raise Cancelled(f"job {self.id} was cancelled")
        if self.record.state == "failed":
            if not self.record.error:
                raise JobFailed(f"job {self.id} failed")
            raise error_of(self.record.error)

    def results(self) -> list[Result]:
        """Return the pictures there are by now, in order."""
        items = pages(self._connection, f"{self._path}/results")
        return sorted((result_of(item, self._connection.content) for item in items), key=lambda result: result.index)

    def archive(self) -> bytes:
        """Return all its pictures as one zip file."""
        return self._connection.content(f"{self._path}/archive.zip")

    def cancel(self) -> JobRecord:
        """Stop it; a picture at work is lost, finished ones stay."""
        return self._ask("cancel")

    def interrupt(self) -> JobRecord:
        """Stop it with the picture at work as it is now."""
        return self._ask("interrupt")

    def skip(self) -> JobRecord:
        """Finish the picture at work as it is now and go on with the next."""
        return self._ask("skip")

    def pause(self) -> JobRecord:
        """Keep it from being started."""
        return self._ask("pause")

    def resume(self) -> JobRecord:
        """Let a paused job wait again."""
        return self._ask("resume")

    def retry(self) -> Job:
        """Let a failed or cancelled job run once more; return the job that does."""
        return Job(self._connection, self._changed("POST", f"{self._path}/retry"))

    def move(self, *, before: str | None = None, to: Literal["front", "back"] | None = None) -> JobRecord:
        """Let it run before another waiting job, or first, or last."""
        body = {name: value for name, value in (("before", before), ("to", to)) if value is not None}
        self.record = self._changed("POST", f"{self._path}/move", body)
        return self.record

    def edit(self, **changes: Any) -> JobRecord:
        """Change fields of a job that is not running yet (`request`, `priority`, `favorite`)."""
        self.record = self._changed("PATCH", self._path, changes)
        return self.record

    def delete(self) -> None:
        """Put it and its pictures into the trash."""
        self._connection.send("DELETE", self._path)

    def restore(self) -> JobRecord:
        """Take it out of the trash."""
        return self._ask("restore")

    @property
    def _path(self) -> str:
        return f"/jobs/{self.id}"

    def _ask(self, verb: str) -> JobRecord:
        self.record = self._changed("POST", f"{self._path}/{verb}")
        return self.record

    def _changed(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> JobRecord:
        content: dict[str, Any] = {} if body is None else {"json": body}
        return job_record(self._connection.send(method, path, **content).json())

    def _result(self, id: str) -> Result:
        return result_of(self._connection.get(f"/results/{id}"), self._connection.content)


def pages(connection: Connection, path: str, limit: int | None = None, **query: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a list's items, page after page, at most `limit`."""
    after, left = None, limit
    while left is None or left > 0:
        page = connection.get(path, after=after, limit=_PAGE if left is None else min(left, _PAGE), **query)
        items = page if isinstance(page, list) else page["items"]
        yield from items
        after = None if isinstance(page, list) else page.get("next")
        left = None if left is None else left - len(items)
        if after is None:
            return
