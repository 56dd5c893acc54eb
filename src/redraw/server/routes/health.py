"""`/health`, `/ready`, `/metrics`: for whoever keeps the server running."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, Field

from redraw.errors import OutputError
from redraw.server.errors import problem
from redraw.server.state import Parts, Shared
from redraw.server.views import API

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """It answers."""

    status: str = "ok"


class Ready(BaseModel):
    """Which parts work."""

    database: bool
    worker: bool | None = Field(description="Null: this server starts none, others work for it.")
    held: bool
    unknown_files: int = Field(description="Weight files that are nothing Redraw knows; `redraw doctor` lists them.")


@router.get("/health")
async def health() -> Health:
    """Say that the process answers."""
    return Health()


@router.get("/ready", response_model=Health, responses={503: {"description": "Not ready."}})
def ready(parts: Parts) -> Any:
    """Say whether jobs are accepted and done: the database answers and the worker lives."""
    if _database(parts) and _worker(parts) is not False:
        return Health()
    return problem(503, "not ready", "the database or the worker is not there", headers={"retry-after": "5"})


@router.get(f"{API}/health")
def details(parts: Parts) -> Ready:
    """Say which parts work."""
    works = _database(parts)
    return Ready(
        database=works,
        worker=_worker(parts),
        held=works and parts.queue.held,
        unknown_files=parts.library.rejected(),
    )


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Show counters for Prometheus."""
    text: bytes = request.app.state.metrics.text()
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _database(parts: Shared) -> bool:
    try:
        parts.queue.last_event()
    except OutputError:
        return False
    return True


def _worker(parts: Shared) -> bool | None:
    return None if parts.supervisor is None else bool(parts.supervisor.alive)
