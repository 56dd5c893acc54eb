"""What is not built yet (501), and stopping the server, which only `--api-server-stop` allows (reference 7.2)."""

from __future__ import annotations

import os
import signal

from fastapi import BackgroundTasks
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from redraw.compat.refusals import Refusal, not_built
from redraw.server.routes.sdapi.door import door, refusals
from redraw.server.state import Parts, Shared

router = door()


@router.post("/create/embedding", responses=refusals(501))
@router.post("/create/hypernetwork", responses=refusals(501))
@router.post("/train/embedding", responses=refusals(501))
@router.post("/train/hypernetwork", responses=refusals(501))
def training() -> None:
    """Refuse: Redraw does not train."""
    raise not_built("Training")


@router.post("/server-stop", response_class=PlainTextResponse, responses={404: {"description": "not allowed here"}})
@router.post("/server-kill", response_class=PlainTextResponse, responses={404: {"description": "not allowed here"}})
def stop(parts: Parts, tasks: BackgroundTasks) -> PlainTextResponse:
    """Stop the server; a job at work goes back into the queue."""
    _allow(parts)
    tasks.add_task(os.kill, os.getpid(), signal.SIGTERM)
    return PlainTextResponse("Stopping.", background=tasks)


@router.post("/server-restart", responses=refusals(501) | {404: {"description": "not allowed here"}})
def restart(parts: Parts) -> None:
    """Refuse: nobody here would start the server again."""
    _allow(parts)
    raise Refusal(501, "Restart is not supported: start the server under a service manager and use server-stop")


def _allow(parts: Shared) -> None:
    if not parts.config.api_server_stop:
        raise HTTPException(404, "Not Found")
