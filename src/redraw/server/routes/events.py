"""`/api/v1/events` and `/api/v1/progress`: what happens, as a stream or as a glance."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from redraw.server.events import stream
from redraw.server.state import JobId, Parts
from redraw.server.views import API, problems

router = APIRouter(prefix=API, tags=["events"])

STREAM: Final[dict[str, Any]] = {
    "response_class": StreamingResponse,
    "responses": {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **problems(404, 422)},
}
LastEventId = Annotated[str | None, Header(pattern=r"^\d{1,18}$", description="Go on after this event.")]
AfterEvent = Annotated[int | None, Query(ge=0, lt=10**18, description="The same, for clients without headers.")]
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


class ProgressOut(BaseModel):
    """What runs and how much waits."""

    held: bool
    waiting: int
    paused: int
    running: list[dict[str, Any]]


@router.get("/progress")
async def progress(parts: Parts) -> ProgressOut:
    """Show what runs, without previews; cheap enough to be asked often."""
    return ProgressOut(**await parts.feed.progress())


@router.get("/events", **STREAM)
async def events(parts: Parts, last_event_id: LastEventId = None, after: AfterEvent = None) -> StreamingResponse:
    """Stream every event of every job from now on, or after `Last-Event-ID`."""
    begin = int(last_event_id) if last_event_id is not None else after
    if begin is None:
        begin = await parts.feed.last()
    return StreamingResponse(stream(parts.feed, begin), media_type="text/event-stream", headers=_HEADERS)


@router.get("/jobs/{id}/events", **STREAM)
async def job_events(
    parts: Parts, id: JobId, last_event_id: LastEventId = None, after: AfterEvent = None
) -> StreamingResponse:
    """Stream the events of one job from its beginning, or after `Last-Event-ID`; ends when the job has."""
    await run_in_threadpool(parts.queue.get, id)
    begin = int(last_event_id) if last_event_id is not None else after or 0
    return StreamingResponse(stream(parts.feed, begin, id), media_type="text/event-stream", headers=_HEADERS)
