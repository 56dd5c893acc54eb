"""How far the work is, and stopping it: A1111 knows one job, which here is the one a worker is at (reference 7.2)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from redraw.compat.bodies import ProgressBody
from redraw.jobs.record import ENDED, JobRecord
from redraw.server.routes.sdapi.answers import timestamp
from redraw.server.routes.sdapi.door import SOURCE, TAG, SdapiRoute, door, stored_options
from redraw.server.state import Parts, Shared

router = door()
internal = APIRouter(prefix="/internal", tags=[TAG], route_class=SdapiRoute)

_RECENT = 200
_OLD = 5000


class StateOut(BaseModel):
    """What A1111 says of the work at hand."""

    skipped: bool = False
    interrupted: bool = False
    stopping_generation: bool = False
    job: str = ""
    job_count: int = 0
    job_timestamp: str = "0"
    job_no: int = 0
    sampling_step: int = 0
    sampling_steps: int = 0


class ProgressOut(BaseModel):
    """How far the work is, 0..1, and how long it will take, seconds; the picture as it looks now as base64."""

    progress: float = 0.0
    eta_relative: float = 0.0
    state: StateOut = StateOut()
    current_image: str | None = None
    textinfo: str | None = None


class InternalProgress(BaseModel):
    """What A1111's own page polls."""

    active: bool = False
    queued: bool = False
    completed: bool = False
    progress: float | None = None
    eta: float | None = None
    live_preview: str | None = None
    id_live_preview: int = -1
    textinfo: str | None = None


class Tasks(BaseModel):
    """Tasks that wait."""

    size: int
    tasks: list[str]


@dataclass(frozen=True)
class Counted:
    """A job's progress in A1111's units: batches, and steps of the batch at work."""

    batch: int
    batches: int
    step: int
    steps: int

    @property
    def fraction(self) -> float:
        """How far the job is, 0..1 and a little beyond where more steps are taken than were announced."""
        return self.batch / self.batches + (self.step / self.steps if self.steps else 0) / self.batches


def counted(request: Mapping[str, Any], progress: Mapping[str, Any]) -> Counted:
    """Return a job's progress in batches; `progress` counts pictures and steps over the whole job."""
    batches = max(1, int(request.get("batch_count", 1)))
    pictures = max(1, int(progress.get("images", batches)))
    size = max(1, pictures // batches)
    batch = min(batches - 1, int(progress.get("image", 0)) // size)
    steps = int(progress.get("steps", 0)) // batches
    return Counted(batch, batches, max(0, int(progress.get("step", 0)) - batch * steps), steps)


def running(parts: Shared) -> JobRecord | None:
    """Return the job a worker is at, the newest if there are several."""
    found = parts.queue.find(states="running", limit=1)
    return found[0] if found else None


@router.get("/progress")
def progress(parts: Parts, skip_current_image: bool = False) -> ProgressOut:
    """Say how far the work is."""
    job = running(parts)
    if job is None:
        return ProgressOut()
    at = counted(job.request, job.progress)
    # [Q] a job that has just begun is 1 % done; the estimate is made from the figure before it is capped
    done = 0.01 + at.fraction
    elapsed = _elapsed(job)
    state = StateOut(
        skipped=job.wish == "skip",
        interrupted=job.wish in ("interrupt", "cancel"),
        job=f"scripts_{job.kind}",
        job_count=at.batches,
        job_timestamp=timestamp(job),
        job_no=at.batch,
        sampling_step=at.step,
        sampling_steps=at.steps,
    )
    wanted = not skip_current_image and stored_options(parts).get("live_previews_enable", True)
    image = preview_of(parts, job)[1] if wanted else None
    return ProgressOut(progress=min(done, 1.0), eta_relative=elapsed / done - elapsed, state=state, current_image=image)


@router.post("/interrupt")
def interrupt(parts: Parts) -> dict[str, Any]:
    """Finish the pictures at work from their current state, and end."""
    _ask(parts, "interrupt")
    return {}


@router.post("/skip")
def skip(parts: Parts) -> None:
    """Finish the pictures at work from their current state, and go on with the next."""
    _ask(parts, "skip")


@internal.post("/progress")
def task_progress(parts: Parts, body: ProgressBody) -> InternalProgress:
    """Say how far one task is, as A1111's own page asks."""
    job = _of_task(parts, body.id_task)
    if job is None or job.state != "running":
        waits = job is not None and job.state in ("waiting", "paused")
        ended = job is not None and job.state in ENDED
        text = _place(parts, job) if waits and job is not None else "Waiting..."
        return InternalProgress(queued=waits, completed=ended, textinfo=text, id_live_preview=body.id_live_preview)
    at, elapsed = counted(job.request, job.progress), _elapsed(job)
    done = at.fraction
    preview_id, image = preview_of(parts, job) if body.live_preview else (body.id_live_preview, None)
    is_new = image is not None and preview_id != body.id_live_preview
    return InternalProgress(
        active=True,
        progress=min(done, 1.0),
        eta=elapsed / done - elapsed if done > 0 else None,
        live_preview=f"data:image/jpeg;base64,{image}" if is_new else None,
        id_live_preview=preview_id,
        textinfo=None,
    )


@internal.get("/pending-tasks")
def pending_tasks(parts: Parts) -> Tasks:
    """List the tasks that wait."""
    tasks = [str(job.options.get("task", job.id)) for job in parts.queue.line()]
    return Tasks(size=len(tasks), tasks=tasks)


@internal.get("/ping")
def ping() -> JSONResponse:
    """Answer."""
    return JSONResponse({})


def preview_of(parts: Shared, job: JobRecord) -> tuple[int, str | None]:
    """Return the number and the base64 of a running job's newest preview; (-1, None) where there is none yet."""
    last = parts.queue.last_event()
    for back in (_RECENT, _OLD):
        for event in reversed(parts.queue.events(max(0, last - back), job.id, back)):
            if event.kind == "preview" and event.data.get("image"):
                return event.id, str(event.data["image"])
    return -1, None


def _ask(parts: Shared, wish: Any) -> None:
    for job in parts.queue.find(states="running"):
        parts.queue.ask(job.id, wish)


def _elapsed(job: JobRecord) -> float:
    return max(0.0, time.time() - (job.started or job.created))


def _of_task(parts: Shared, task: str) -> JobRecord | None:
    recent = parts.queue.find(source=SOURCE, limit=200)
    return next((job for job in recent if task and job.options.get("task") == task), None)


def _place(parts: Shared, job: JobRecord) -> str:
    line = [waiting.id for waiting in parts.queue.line()]
    return f"In queue: {line.index(job.id) + 1}/{len(line)}" if job.id in line else "Waiting..."
