"""Errors as answers: `application/problem+json` for ours, A1111's shape under its own paths.

A problem has `type` (a path of the documentation's table), `title`, `status`, `detail`, and where it helps `field`,
`allowed` and `errors`. Paths of this machine are cut down to file names; what was not raised on purpose tells nothing
but a number to find it in the log.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from redraw.errors import (
    Cancelled,
    ModelError,
    OutOfMemory,
    OutputError,
    PictureError,
    RedrawError,
    RequestError,
    UnknownName,
)
from redraw.jobs.errors import Missing, QueueFull, StoreError, UnknownJob, UnknownResult, WrongState
from redraw.jobs.problem import without_folders
from redraw.request import KINDS, describe_fields

log = logging.getLogger("redraw.server")

PROBLEM: Final = "application/problem+json"
A1111_PATHS: Final = ("/sdapi/", "/controlnet/", "/internal/")
# The first class an error is an instance of counts.
_STATUS: Final[tuple[tuple[type[RedrawError], int, str], ...]] = (
    (UnknownJob, 404, "no such job"),
    (UnknownResult, 404, "no such result"),
    (Missing, 404, "not here"),
    (QueueFull, 429, "the queue is full"),
    (WrongState, 409, "not in this state"),
    (StoreError, 503, "store unavailable"),
    (UnknownName, 422, "unknown name"),
    (PictureError, 422, "no usable picture"),
    (RequestError, 422, "not allowed"),
    (OutputError, 507, "cannot store"),
    (OutOfMemory, 507, "out of memory"),
    (ModelError, 422, "model cannot be used"),
    (Cancelled, 409, "cancelled"),
)


class Problem(RequestError):
    """A refusal by the server itself, with its own status.

    Args:
        status: HTTP status.
        title: a few words, the same for every case of this kind.
        detail: one sentence for this case.
        field, allowed: as in `RequestError`.
        headers: to answer with.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        field: str = "",
        allowed: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(field, None, allowed)
        self.status, self.title, self.headers = status, title, dict(headers or {})
        self.args = (detail,)


def problem(
    status: int,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """Return an answer with problem data; `more` entries that are empty are left out."""
    body = {"type": f"/problems/{title.replace(' ', '-')}", "title": title, "status": status, "detail": detail}
    body |= {key: value for key, value in more.items() if value not in (None, "", [])}
    return JSONResponse(body, status, dict(headers or {}), media_type=PROBLEM)


def speaks_a1111(path: str) -> bool:
    """Return whether a request's path belongs to A1111's API, whose clients expect its error shapes."""
    return path.startswith(A1111_PATHS)


def status_of(error: RedrawError) -> tuple[int, str]:
    """Return HTTP status and title for one of our errors."""
    if isinstance(error, Problem):
        return error.status, error.title
    for kind, status, title in _STATUS:
        if isinstance(error, kind):
            return status, title
    return 500, "failed"


def install(app: FastAPI) -> None:
    """Make `app` answer every error in the shape its path asks for."""
    app.add_exception_handler(RedrawError, _on_redraw)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(ClientDisconnect, _on_gone)
    app.add_exception_handler(Exception, _on_bug)


async def _on_redraw(request: Request, error: Exception) -> Response:
    if not isinstance(error, RedrawError):
        return await _on_bug(request, error)
    status, title = status_of(error)
    detail = without_folders(str(error))
    headers = error.headers if isinstance(error, Problem) else {}
    if status in (429, 503):
        headers = {"retry-after": "10", **headers}
    if speaks_a1111(request.url.path):
        return _a1111(status, type(error).__name__, detail, headers)
    if not isinstance(error, RequestError):
        return problem(status, title, detail, headers=headers)
    near = list(error.near) if isinstance(error, UnknownName) else None
    return problem(
        status, title, detail, headers=headers, field=error.field, allowed=without_folders(_allowed(error)), near=near
    )


def _allowed(error: RequestError) -> str:
    return str(error.allowed) if not isinstance(error, PictureError) else ""


def _a1111(status: int, name: str, errors: str, headers: Mapping[str, str]) -> JSONResponse:
    """Return a handled error as A1111 answers it (reference 7.1)."""
    body = {"error": name, "detail": "", "body": "", "errors": errors}
    return JSONResponse(body, status, dict(headers))


async def _on_http(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    detail = getattr(error, "detail", "")
    headers = dict(getattr(error, "headers", None) or {})
    if speaks_a1111(request.url.path):
        return JSONResponse({"detail": detail}, status, headers)
    title = HTTPStatus(status).phrase.lower()
    return problem(status, title, detail if isinstance(detail, str) else title, headers=headers)


async def _on_validation(request: Request, error: Exception) -> Response:
    found = list(_plain_errors(error.errors() if isinstance(error, RequestValidationError) else []))
    if speaks_a1111(request.url.path):
        return JSONResponse({"detail": found}, 422)
    errors = [
        {"field": _field(entry), "at": list(entry["loc"]), "detail": entry["msg"], "allowed": _bounds(entry)}
        for entry in found
    ]
    first = errors[0] if errors else {"field": "", "detail": "the request cannot be read", "allowed": ""}
    detail = f"{first['field']}: {first['detail']}" if first["field"] else str(first["detail"])
    return problem(422, "not allowed", detail, field=first["field"], allowed=first["allowed"], errors=errors)


def _plain_errors(entries: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Yield pydantic's complaints without inputs and contexts, which may hold anything and a whole picture."""
    for entry in entries:
        loc = [part if isinstance(part, int) else str(part)[:100] for part in entry.get("loc", ())]
        yield {"type": str(entry.get("type", "")), "loc": loc, "msg": str(entry.get("msg", ""))}


def _field(entry: Mapping[str, Any]) -> str:
    """Return the field a complaint is about: of a request the one the client wrote, not the part inside of it."""
    if entry["type"].startswith("union_tag"):
        return "kind"
    loc = entry["loc"]
    inside = loc[loc.index("request") + 1 :] if "request" in loc else loc
    names = [part for part in inside if isinstance(part, str) and part not in _PLACES]
    return (names[0] if "request" in loc else names[-1]) if names else ""


def _bounds(entry: Mapping[str, Any]) -> str:
    field = _field(entry)
    if entry["type"] == "extra_forbidden":
        return "there is no such field"
    return _PHRASES.get(field, "") if "request" in entry["loc"] else ""


_PLACES: Final = frozenset({"body", "query", "path", "header"})
_PHRASES: Final[dict[str, str]] = {info.name: info.allowed for kind in KINDS.values() for info in describe_fields(kind)}


async def _on_gone(request: Request, error: Exception) -> Response:
    """Nobody reads this answer: the client left, or its body was refused and is answered for by that layer."""
    return problem(400, "incomplete", "the body did not arrive")


async def _on_bug(request: Request, error: Exception) -> Response:
    number = secrets.token_hex(6)
    log.error("error %s at %s %s", number, request.method, request.url.path, exc_info=error)
    text = f"something went wrong in the server; its log has it under {number}"
    if speaks_a1111(request.url.path):
        return _a1111(500, type(error).__name__, text, {})
    return problem(500, "internal error", text)
