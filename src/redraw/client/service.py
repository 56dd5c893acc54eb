"""The server as a whole: submit, upload, look things up."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from redraw.client.connection import HEALTH, Connection
from redraw.client.job import Job, pages
from redraw.client.problems import Refused
from redraw.client.result import job_record
from redraw.client.stream import follow
from redraw.jobs.record import Event, JobRecord, State
from redraw.request import Generation, PictureRef


class Client:
    """A server.

    Args:
        url: where it is; may hold `user:password@`.
        auth: user and password, or "user:password".
        timeout: seconds an answer may take.
        transport: how requests travel, for tests.

    Every method raises `Unreachable` if nobody answers, `Refused` without right credentials, and otherwise the error
    that the same call of `Studio` would raise.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:7860",
        auth: tuple[str, str] | str | None = None,
        *,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._connection = Connection(url, auth, timeout=timeout, transport=transport)
        self._uploaded: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where the server is, without credentials."""
        return self._connection.url

    def close(self) -> None:
        """Let go of open connections."""
        self._connection.close()

    def submit(
        self,
        request: Generation,
        *,
        priority: int = 0,
        key: str | None = None,
        parent: str | None = None,
        source: str = "api",
        options: Mapping[str, Any] | None = None,
    ) -> Job:
        """Hand a request in and return its job at once; its pictures are uploaded first, each once for each client.

        Args:
            request: what to make. Only fields that were given are sent; the others are as the server has them.
            priority: higher runs first.
            key: the same key gives the same job, however often it is sent; None draws one, so that a broken
                connection never makes two jobs.
            parent: id of the result this is made from.
            source: which door it came through ("api", "cli").
            options: of the job ("webhook").
        """
        body: dict[str, Any] = {"kind": request.kind, "request": self._fields(request), "source": source}
        body |= {"priority": priority} if priority else {}
        body |= {"parent": parent} if parent else {}
        body |= {"options": dict(options)} if options else {}
        headers = {"Idempotency-Key": key or secrets.token_hex(16)}
        answer = self._connection.send("POST", "/jobs", again=True, json=body, headers=headers)
        return Job(self._connection, job_record(answer.json()))

    def upload(self, picture: PictureRef | bytes | str | Path) -> str:
        """Put a picture file on the server and return its SHA-256; what is there already is not stored twice."""
        ref = PictureRef.of(picture).hashed()
        sha256 = str(ref.sha256)
        if sha256 not in self._uploaded:
            files = {"file": (ref.name, ref.open_bytes(), "application/octet-stream")}
            sha256 = str(self._connection.send("POST", "/pictures", again=True, files=files).json()["sha256"])
            self._uploaded.add(sha256)
        return sha256

    def job(self, id: str) -> Job:
        """Return a job by its id, or raise `UnknownJob`."""
        return Job(self._connection, job_record(self._connection.get(f"/jobs/{id}")))

    def known(self, id: str) -> Job:
        """Return a job without asking the server about it, which shows none that lie in the trash."""
        return Job(self._connection, JobRecord(id, "", {}, "waiting"))

    def jobs(
        self, *, states: Sequence[State] | None = None, text: str | None = None, limit: int | None = None
    ) -> Iterator[Job]:
        """Yield jobs, the newest first: those in one of `states`, with `text` in their prompts, at most `limit`."""
        for data in pages(self._connection, "/jobs", limit, state=list(states) if states else None, text=text):
            yield Job(self._connection, job_record(data))

    def events(self, after: int | None = None) -> Iterator[Event]:
        """Yield what happens to any job from now on, or after event `after`, without end."""
        yield from follow(self._connection, "/events", after)

    def pause(self) -> None:
        """Let no further job start."""
        self._connection.send("POST", "/queue/pause")

    def resume(self) -> None:
        """Let jobs start again."""
        self._connection.send("POST", "/queue/resume")

    def models(self) -> list[dict[str, Any]]:
        """Return every model of the server as data: name, family, ..."""
        return [dict(one) for one in pages(self._connection, "/models")]

    def samplers(self) -> list[dict[str, Any]]:
        """Return every sampler: name, label, aliases."""
        return [dict(one) for one in pages(self._connection, "/samplers")]

    def schedulers(self) -> list[dict[str, Any]]:
        """Return every noise schedule: name, label, aliases."""
        return [dict(one) for one in pages(self._connection, "/schedulers")]

    def settings(self) -> dict[str, Any]:
        """Return the server's settings, without secrets."""
        return dict(self._connection.get("/settings"))

    def alive(self) -> None:
        """Return if a server answers, whoever asks; raises `Unreachable` or `Refused` if not."""
        answer = self._connection.send("GET", HEALTH, again=False)
        if answer.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise Refused(answer.status_code, "something else", "it does not answer as Redraw's server does")

    def health(self) -> dict[str, Any]:
        """Return which parts of the server work: database, worker, ..."""
        return dict(self._connection.get("/health"))

    def _fields(self, request: Generation) -> dict[str, Any]:
        """Return the fields that were given as JSON data, with every picture uploaded."""
        given = request.model_fields_set
        pictures = {name for name in given if _has_pictures(getattr(request, name))}
        plain = request.model_dump(mode="json", include=given - pictures)
        return {**plain, **{name: self._sent(getattr(request, name)) for name in sorted(pictures)}}

    def _sent(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return [self._sent(one) for one in value]
        here = value.at_hand
        return {"sha256": self.upload(value) if here else value.sha256, "name": value.name}


def _has_pictures(value: Any) -> bool:
    return any(isinstance(one, PictureRef) for one in (value if isinstance(value, tuple) else (value,)))
