"""`/api/v1/pictures`: sources and masks, sent once and named by what is in them."""

from __future__ import annotations

import tempfile
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from redraw.server.config import MiB
from redraw.server.errors import Problem
from redraw.server.page import is_known
from redraw.server.pictures import Received, picture_response
from redraw.server.state import Parts, Sha256Path, Shared
from redraw.server.views import API, problems

router = APIRouter(prefix=API, tags=["pictures"])

_BINARY: Final[dict[str, Any]] = {"type": "string", "format": "binary"}
_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": {"file": _BINARY}}},
        "application/octet-stream": {"schema": _BINARY},
        "image/*": {"schema": _BINARY},
    },
}


class PictureOut(BaseModel):
    """A picture that is kept; `sha256` names it in requests."""

    sha256: str
    name: str
    format: str
    width: int
    height: int
    size: int = Field(description="Bytes.")
    infotext: str | None
    parameters: dict[str, Any] | None = Field(description="The infotext, read.")
    recipe: dict[str, Any] | None
    notes: list[str]
    links: dict[str, str]


@router.post(
    "/pictures", status_code=201, openapi_extra={"requestBody": _BODY}, responses=problems(408, 413, 415, 422, 507)
)
async def upload(parts: Parts, request: Request, response: Response) -> PictureOut:
    """Keep a picture, as `multipart/form-data` with a part `file`, or as the bare body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        received = await _from_form(parts, request)
    elif kind.startswith("image/") or kind == "application/octet-stream":
        received = await _from_body(parts, request)
    else:
        raise Problem(415, "unsupported type", "send multipart/form-data, image/* or application/octet-stream")
    response.headers["location"] = f"{API}/pictures/{received.sha256}"
    return _told(received)


@router.head("/pictures/{sha256}", include_in_schema=False)
@router.get(
    "/pictures/{sha256}",
    response_class=FileResponse,
    responses={200: {"content": {"image/*": {}}}, **problems(404)},
)
def picture(parts: Parts, request: Request, sha256: Sha256Path) -> Response:
    """Return a picture file that was uploaded or made."""
    return picture_response(request, parts.queue.blobs, sha256, f"redraw-{sha256[:16]}")


@router.get("/pictures/{sha256}/info", responses=problems(404, 422))
def info(parts: Parts, sha256: Sha256Path) -> PictureOut:
    """Say what is in a picture that is kept, as its upload did."""
    return _told(parts.desk.look(sha256))


@router.head("/pictures/{sha256}/view", include_in_schema=False)
@router.get(
    "/pictures/{sha256}/view",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}}, **problems(404, 422)},
)
def view(
    parts: Parts,
    request: Request,
    sha256: Sha256Path,
    side: Annotated[int | None, Query(ge=16, le=4096, description="Make it a WebP no longer than this.")] = None,
) -> Response:
    """Return a kept picture as a browser should show it: upright, in 8-bit sRGB, transparency kept."""
    tag = f'"{sha256}-view-{side or 0}"'
    headers = {"etag": tag, "cache-control": "private, max-age=604800"}
    parts.queue.blobs.path(sha256)
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    made = parts.shown.find(sha256, side or 0)
    if made is None:
        made = parts.desk.view(sha256, side)
        if made is None:
            return picture_response(request, parts.queue.blobs, sha256, f"redraw-{sha256[:16]}")
        parts.shown.keep(sha256, side or 0, made)
    kind = "image/png" if side is None else "image/webp"
    return Response(made, headers=headers, media_type=kind)


def _told(received: Received) -> PictureOut:
    here = f"{API}/pictures/{received.sha256}"
    return PictureOut(**vars(received), links={"self": here, "view": f"{here}/view", "info": f"{here}/info"})


async def _from_form(parts: Shared, request: Request) -> Received:
    async with request.form(max_files=1, max_fields=8, max_part_size=MiB) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Problem(422, "not allowed", "the form has no file", field="file", allowed="a part `file` with a name")
        data = await file.read()
        return await run_in_threadpool(parts.desk.receive, data, file.filename or "picture")


async def _from_body(parts: Shared, request: Request) -> Received:
    with tempfile.SpooledTemporaryFile(MiB) as spool:  # many slow clients take disk, not memory
        async for piece in request.stream():
            spool.write(piece)
        spool.seek(0)
        data = spool.read()
    return await run_in_threadpool(parts.desk.receive, data, "picture")
