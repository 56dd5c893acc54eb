"""`/api/v1/jobs` and `/api/v1/queue`: submit, list, change, order."""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Header, Query, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from redraw.errors import RequestError
from redraw.jobs.errors import Missing
from redraw.jobs.record import State
from redraw.request import KINDS, Generation
from redraw.request.defaults import with_defaults
from redraw.server.bodies import CHANGES, JobBody, given
from redraw.server.errors import Problem
from redraw.server.pictures import pieces_of
from redraw.server.routes.settings import defaults_of
from redraw.server.state import After, JobId, Limit, Parts, Shared, Words
from redraw.server.views import API, JobOut, Page, ResultOut, job_out, page_of, problems, result_out
from redraw.server.webhooks import checked_url

log = logging.getLogger("redraw.access")
router = APIRouter(prefix=API, tags=["jobs"])


class JobChanges(BaseModel):
    """What may be changed of a job; `request` and `priority` only while it waits."""

    model_config = ConfigDict(extra="forbid")

    request: dict[str, Any] | None = Field(None, description="Fields of the request that change.")
    priority: int | None = Field(None, ge=-1000, le=1000, description="Higher runs first.")
    favorite: bool | None = None


class Move(BaseModel):
    """Where a job goes among the waiting ones: before another, or to an end."""

    model_config = ConfigDict(extra="forbid")

    before: str | None = Field(None, pattern=r"^[0-9a-z]{1,32}$")
    to: Literal["front", "back"] | None = None


class QueueState(BaseModel):
    """Whether the whole queue is paused."""

    held: bool


class Line(QueueState):
    """The queue: whether it is paused, and the first thousand waiting jobs in the order in which they will begin."""

    line: list[JobOut]


@router.post("/jobs", status_code=201, responses={200: {"model": JobOut}, **problems(409, 413, 422, 429, 507)})
def submit(
    parts: Parts,
    body: JobBody,
    response: Response,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200, pattern=r"^[!-~]+$")] = None,
) -> JobOut:
    """Accept a job and answer at once. The same `Idempotency-Key` with the same body answers with the same job."""
    options = given(body.options)
    if options.get("webhook") is not None:
        checked_url(parts.config, options["webhook"])
    if idempotency_key is not None:
        options["fingerprint"] = _fingerprint(body)
    request = _request(parts, body.kind, given(body.request))
    if body.parent is not None:
        _check_parent(parts, body.parent)
    before = parts.queue.last_event()
    job = parts.queue.submit(
        request,
        source=body.source,
        priority=body.priority,
        key=idempotency_key,
        options=options,
        parent=body.parent,
    )
    if idempotency_key is not None and job.options.get("fingerprint") != options["fingerprint"]:
        raise Problem(422, "key used", "this key was used for another request", field="Idempotency-Key")
    if parts.config.log_prompts:
        log.info("job", extra={"fields": {"job": job.id, "kind": job.kind, "prompt": job.request.get("prompt", "")}})
    first = parts.queue.events(0, job.id, 1)
    response.status_code = 201 if first and first[0].id > before else 200
    response.headers["location"] = f"{API}/jobs/{job.id}"
    return job_out(job)


@router.get("/jobs", responses=problems(422))
def jobs(
    parts: Parts,
    state: Annotated[
        list[str] | None, Query(description="Only these states; several with commas, or repeated.")
    ] = None,
    source: Annotated[str | None, Query(pattern=r"^[a-z0-9]{1,32}$")] = None,
    text: Words = None,
    favorite: bool | None = None,
    trashed: bool = False,
    order: Literal["newest", "oldest"] = "newest",
    after: After = None,
    limit: Limit = 50,
) -> Page[JobOut]:
    """List jobs, a page at a time."""
    found = parts.queue.find(
        states=_states(state),
        source=source,
        text=text,
        favorite=favorite,
        after=after,
        limit=limit + 1,
        newest_first=order == "newest",
        trashed=trashed,
    )
    return Page[JobOut](**page_of(found, limit, job_out))


@router.get("/jobs/{id}", responses=problems(404))
def job(parts: Parts, id: JobId) -> JobOut:
    """Show a job."""
    return job_out(parts.queue.get(id))


@router.patch("/jobs/{id}", responses=problems(404, 409, 413, 422))
def change(parts: Parts, id: JobId, body: JobChanges) -> JobOut:
    """Change a waiting job, or mark any as favorite."""
    found = parts.queue.get(id)
    if body.request is not None:
        found = parts.queue.edit(id, _changes(parts, found.kind, body.request))
    if body.priority is not None:
        found = parts.queue.prioritize(id, body.priority)
    if body.favorite is not None:
        parts.queue.mark(id, favorite=body.favorite)
        found = parts.queue.get(id)
    return job_out(found)


@router.delete("/jobs/{id}", status_code=204, responses=problems(404, 409))
def delete(parts: Parts, id: JobId) -> None:
    """Put a job with its results into the trash."""
    parts.queue.get(id)
    parts.queue.delete(id)


@router.post("/jobs/{id}/restore", responses=problems(404))
def restore(parts: Parts, id: JobId) -> JobOut:
    """Take a job out of the trash."""
    parts.queue.restore(id)
    return job_out(parts.queue.get(id))


@router.post("/jobs/{id}/cancel", responses=problems(404, 409))
def cancel(parts: Parts, id: JobId) -> JobOut:
    """Stop a job: at once if it waits, else within a step and without the picture at work."""
    return job_out(parts.queue.cancel(id))


@router.post("/jobs/{id}/interrupt", responses=problems(404, 409, 422))
def interrupt(
    parts: Parts,
    id: JobId,
    when: Annotated[Literal["now", "after-picture"], Query(description="At once, or when this one is done.")] = "now",
) -> JobOut:
    """End a running job with the picture at work as it is now, or when it is wholly done."""
    parts.queue.ask(id, "interrupt" if when == "now" else "finish")
    return job_out(parts.queue.get(id))


@router.post("/jobs/{id}/skip", responses=problems(404, 409))
def skip(parts: Parts, id: JobId) -> JobOut:
    """Finish the picture at work as it is now and go on with the next."""
    parts.queue.ask(id, "skip")
    return job_out(parts.queue.get(id))


@router.post("/jobs/{id}/retry", responses=problems(404, 409))
def retry(parts: Parts, id: JobId) -> JobOut:
    """Run an ended job again; pictures it has already are not made twice."""
    return job_out(parts.queue.retry(id))


@router.post("/jobs/{id}/pause", responses=problems(404, 409))
def pause(parts: Parts, id: JobId) -> JobOut:
    """Keep a waiting job from being run."""
    parts.queue.pause(id)
    return job_out(parts.queue.get(id))


@router.post("/jobs/{id}/resume", responses=problems(404, 409))
def resume(parts: Parts, id: JobId) -> JobOut:
    """Let a paused job wait again."""
    parts.queue.resume(id)
    return job_out(parts.queue.get(id))


@router.post("/jobs/{id}/move", responses=problems(404, 409, 422))
def move(parts: Parts, id: JobId, body: Move) -> JobOut:
    """Put a waiting job at another place."""
    if (body.before is None) == (body.to is None):
        raise RequestError("before", body.before, "give either a job to come before, or an end: front or back")
    parts.queue.move(id, before=body.before, to=body.to)
    return job_out(parts.queue.get(id))


@router.get("/jobs/{id}/results", responses=problems(404))
def results(parts: Parts, id: JobId, trashed: bool = False) -> list[ResultOut]:
    """List a job's pictures in order."""
    return [result_out(one) for one in parts.queue.results(parts.queue.get(id).id, trashed=trashed)]


@router.get(
    "/jobs/{id}/archive.zip",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}}, **problems(404)},
)
def archive(parts: Parts, id: JobId) -> StreamingResponse:
    """Stream a job's pictures as one zip, masks and cutouts beside them."""
    files = _files_of(parts, parts.queue.get(id).id)
    headers = {"content-disposition": f'attachment; filename="redraw-{id}.zip"'}
    return StreamingResponse(_zipped(parts, files), media_type="application/zip", headers=headers)


@router.get("/queue")
def line(parts: Parts) -> Line:
    """Show the waiting jobs in the order in which they will begin."""
    return Line(held=parts.queue.held, line=[job_out(one) for one in parts.queue.line()])


@router.post("/queue/pause")
def hold(parts: Parts) -> QueueState:
    """Let no waiting job begin; what runs goes on."""
    parts.queue.hold(True)
    return QueueState(held=True)


@router.post("/queue/resume")
def release(parts: Parts) -> QueueState:
    """Let waiting jobs begin again."""
    parts.queue.hold(False)
    return QueueState(held=False)


def _states(words: list[str] | None) -> list[State] | None:
    """Return the states a query names, None for all of them."""
    named = [word for part in words or [] for word in part.split(",") if word]
    known = get_args(State)
    for word in named:
        if word not in known:
            raise RequestError("state", word, "it is one of " + ", ".join(known))
    return [state for state in known if state in named] or None


def _request(parts: Shared, kind: str, values: dict[str, Any]) -> Generation:
    """Return a request from a body's fields, the server's defaults below them, its names checked."""
    fields = with_defaults(KINDS[kind], parts.desk.referenced(values), defaults_of(parts)[kind])
    return KINDS[kind](**parts.library.named(fields))


def _changes(parts: Shared, kind: str, raw: dict[str, Any]) -> dict[str, Any]:
    """Return changed fields of a request, their names checked; the queue checks them together with those that stay."""
    try:
        values = given(CHANGES[kind].model_validate(raw))
    except ValidationError as error:
        entries = [{**one, "loc": ("body", "request", *one["loc"])} for one in error.errors(include_context=False)]
        raise RequestValidationError(entries) from None
    return parts.library.named(parts.desk.referenced(values), whole=False)


def _check_parent(parts: Shared, parent: str) -> None:
    try:
        parts.queue.result(parent)
    except Missing:
        raise RequestError("parent", parent, "it is the id of a result") from None


def _fingerprint(body: BaseModel) -> str:
    """Return a hash of what a client asked for, to tell a repeated request from another one under the same key."""
    data = json.dumps(body.model_dump(mode="json", exclude_unset=True), sort_keys=True)
    return hashlib.sha256(data.encode("utf-8", "surrogatepass")).hexdigest()


def _files_of(parts: Shared, id: str) -> list[tuple[str, str]]:
    """Return names in the archive and SHA-256 of everything a job made."""
    files = []
    for result in parts.queue.results(id):
        stem = f"{result.index:05}-{result.seed}"
        files.append((f"{stem}.{result.format}", result.blob))
        files += [(f"{stem}-{name}.png", sha256) for name, sha256 in sorted(result.extras.items())]
    return files


class _Sink:
    """A file that only collects what is written until it is taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do: what was written is there."""

    def take(self) -> bytes:
        data, self._pieces = b"".join(self._pieces), []
        return data


def _zipped(parts: Shared, files: list[tuple[str, str]]) -> Iterator[bytes]:
    """Yield a zip of pictures as it is made; they are compressed already and stored as they are."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for name, sha256 in files:
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
                for piece in pieces_of(parts.queue.blobs.path(sha256)):
                    entry.write(piece)
                    yield sink.take()
    yield sink.take()
