"""`POST /sdapi/v1/img2img` and `txt2img`: queued like any other job, and answered when it has ended."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from redraw.compat.bodies import GenerationBody, Img2ImgBody, Txt2ImgBody
from redraw.compat.intake import Intake, intake
from redraw.compat.refusals import Refusal
from redraw.errors import PictureError, RequestError
from redraw.jobs.record import JobRecord
from redraw.request import Generation, Img2Img, PictureRef
from redraw.server.routes.sdapi.answers import answer
from redraw.server.routes.sdapi.door import SOURCE, STORED, door, refusals, shelf_of, stored_options
from redraw.server.routes.sdapi.saving import save_results
from redraw.server.state import Parts, Shared
from redraw.server.wait import ended

router = door()

ABANDONED: Final = "a1111.cancel_abandoned"
"""Setting of the queue: true cancels a job whose client went away; else it goes on."""
_FORMATS: Final = {"png": "png", "jpg": "jpg", "jpeg": "jpg", "webp": "webp"}
_LOOK: Final = 0.5


class GenerationReply(BaseModel):
    """Pictures in base64, the request again, and a JSON text with everything about them."""

    images: list[str]
    parameters: dict[str, Any]
    info: str


@router.post("/img2img", response_model=GenerationReply, responses=refusals(404, 422, 500, 501))
async def img2img(request: Request, parts: Parts, body: Img2ImgBody) -> JSONResponse:
    """Redraw pictures."""
    return await _generate(request, parts, body)


@router.post("/txt2img", response_model=GenerationReply, responses=refusals(422, 500, 501))
async def txt2img(request: Request, parts: Parts, body: Txt2ImgBody) -> JSONResponse:
    """Draw pictures from words."""
    return await _generate(request, parts, body)


async def _generate(request: Request, parts: Shared, body: GenerationBody) -> JSONResponse:
    taken, job = await asyncio.to_thread(_submit, parts, body)
    job = await _ended(request, parts, job)
    return JSONResponse(await asyncio.to_thread(_finish, parts, taken, job))


def _submit(parts: Shared, body: GenerationBody) -> tuple[Intake, JobRecord]:
    taken = intake(body, stored_options(parts), shelf=shelf_of(parts), limits=parts.config.limits)
    ours = taken.translation
    kind = "img2img" if isinstance(ours.request, Img2Img) else "txt2img"
    format = _FORMATS.get(str(taken.settings["samples_format"]).lower())
    if format is None:
        raise Refusal(500, "Invalid image format")
    _check_size(parts, ours.request)
    for picture in _pictures(ours.request):
        _receive(parts, picture)
    options = {
        "task": taken.echo["force_task_id"] or _task_id(kind),
        "not_honoured": list(ours.not_honoured),
        "outputs": list(ours.outputs),
        "format": format,
        "quality": min(100, max(1, int(taken.settings["jpeg_quality"] or 80))),
        "lossless": bool(taken.settings["webp_lossless"]),
        **{name: taken.echo[name] for name in ("send_images", "save_images")},
        "include_init_images": bool(taken.echo.get("include_init_images", False)),
    }
    return taken, parts.queue.submit(ours.request, source=SOURCE, options=options)


def _check_size(parts: Shared, request: Generation) -> None:
    limit, width, height = parts.config.max_pixels, request.width or 0, request.height or 0
    if width * height > limit:
        raise RequestError("width", f"{width}x{height}", f"a picture may have at most {limit:,} pixels")


def _pictures(request: Any) -> list[PictureRef]:
    if not isinstance(request, Img2Img):
        return []
    return [*request.images, *([request.mask] if isinstance(request.mask, PictureRef) else [])]


def _receive(parts: Shared, picture: PictureRef) -> None:
    """Decode and keep a picture within the server's limits; one that is damaged is answered as A1111 does."""
    try:
        parts.desk.receive(picture.open_bytes(), picture.name)
    except PictureError as error:
        if "limit" in str(error):
            raise
        raise Refusal(500, "Invalid encoded image") from None


async def _ended(request: Request, parts: Shared, job: JobRecord) -> JobRecord:
    """Wait for a job; a client that goes away leaves it running, unless the server is told otherwise."""
    cancels = bool(await asyncio.to_thread(parts.queue.get_setting, ABANDONED))
    waiting = asyncio.ensure_future(ended(parts.queue, job.id))
    try:
        while not waiting.done():
            await asyncio.wait({waiting}, timeout=_LOOK if cancels else None)
            if cancels and not waiting.done() and await request.is_disconnected():
                await asyncio.to_thread(parts.queue.cancel, job.id)
        return waiting.result()
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait({waiting}, timeout=0)


def _finish(parts: Shared, taken: Intake, job: JobRecord) -> dict[str, Any]:
    reply = answer(parts, job, taken.echo, taken.settings)
    if taken.echo["save_images"]:
        save_results(parts, job, taken.settings)
    if taken.to_keep:
        keep_options(parts, taken.to_keep)
    return reply


def keep_options(parts: Shared, changes: Mapping[str, Any]) -> None:
    """Change A1111's settings of this server; those of the value None go back to their defaults."""
    stored = {**(parts.queue.get_setting(STORED) or {}), **changes}
    parts.queue.set_setting(STORED, {key: value for key, value in stored.items() if value is not None})


def _task_id(kind: str) -> str:
    letters = string.ascii_uppercase + string.digits
    return f"task({kind}-{''.join(secrets.choice(letters) for _ in range(7))})"
