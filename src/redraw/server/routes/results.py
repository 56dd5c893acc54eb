"""`/api/v1/results`: the history, its pictures, and the trash."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict

from redraw.jobs.errors import MissingBlob
from redraw.server.pictures import picture_response
from redraw.server.state import ID, After, Limit, Parts, ResultId, Words
from redraw.server.views import API, LineageOut, Page, ResultOut, page_of, problems, result_out

router = APIRouter(prefix=API, tags=["results"])
FILE: Final[dict[str, Any]] = {
    "response_class": FileResponse,
    "responses": {200: {"content": {"image/*": {}}}, **problems(404)},
}


class ResultChanges(BaseModel):
    """What may be changed of a result."""

    model_config = ConfigDict(extra="forbid")

    favorite: bool


class Removed(BaseModel):
    """How much left the trash for good."""

    removed: int


@router.get("/results", responses=problems(422))
def history(
    parts: Parts,
    text: Words = None,
    favorite: bool | None = None,
    trashed: bool = False,
    job: Annotated[str | None, Query(pattern=ID, description="Only of this job.")] = None,
    parent: Annotated[str | None, Query(pattern=ID, description="Only made from this result.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ResultOut]:
    """List every result, the newest first, a page at a time."""
    found = parts.queue.all_results(
        after=after, limit=limit + 1, text=text, favorite=favorite, trashed=trashed, job=job, parent=parent
    )
    return Page[ResultOut](**page_of(found, limit, result_out))


@router.get("/results/{id}", responses=problems(404))
def result(parts: Parts, id: ResultId) -> ResultOut:
    """Show a result."""
    return result_out(parts.queue.result(id))


@router.get("/results/{id}/lineage", responses=problems(404))
def lineage(parts: Parts, id: ResultId) -> LineageOut:
    """Show what a result was made from, back to the first picture, and what was made from it."""
    found = parts.queue.lineage(id)
    return LineageOut(
        ancestors=[result_out(one) for one in found.ancestors], children=[result_out(one) for one in found.children]
    )


@router.patch("/results/{id}", responses=problems(404))
def change(parts: Parts, id: ResultId, body: ResultChanges) -> ResultOut:
    """Mark a result as favorite, or no more."""
    parts.queue.mark(id, favorite=body.favorite)
    return result_out(parts.queue.result(id))


@router.delete("/results/{id}", status_code=204, responses=problems(404))
def delete(parts: Parts, id: ResultId) -> None:
    """Put a result into the trash."""
    parts.queue.result(id)
    parts.queue.delete(id)


@router.post("/results/{id}/restore", responses=problems(404))
def restore(parts: Parts, id: ResultId) -> ResultOut:
    """Take a result out of the trash."""
    parts.queue.restore(id)
    return result_out(parts.queue.result(id))


@router.delete("/trash", responses=problems())
def empty_trash(
    parts: Parts, older_than: Annotated[float | None, Query(ge=0, le=1e10, description="Seconds.")] = None
) -> Removed:
    """Remove what is in the trash for good: all of it, or what lies there for that long."""
    removed = parts.queue.empty_trash(older_than)
    parts.shown.sweep(parts.queue.blobs)
    return Removed(removed=removed)


@router.head("/results/{id}/picture", include_in_schema=False)
@router.get("/results/{id}/picture", **FILE)
def picture(parts: Parts, request: Request, id: ResultId) -> Response:
    """Return the picture file, recipe inside; in ranges if asked."""
    found = parts.queue.result(id)
    return picture_response(request, parts.queue.blobs, found.blob, f"redraw-{id}")


@router.head("/results/{id}/thumbnail", include_in_schema=False)
@router.get("/results/{id}/thumbnail", **FILE)
def thumbnail(parts: Parts, request: Request, id: ResultId) -> Response:
    """Return a small WebP of the picture."""
    found = parts.queue.result(id)
    return picture_response(request, parts.queue.blobs, found.thumbnail, f"redraw-{id}-small")


@router.head("/results/{id}/{extra}", include_in_schema=False)
@router.get("/results/{id}/{extra}", **FILE)
def beside(parts: Parts, request: Request, id: ResultId, extra: Literal["mask", "cutout"]) -> Response:
    """Return the mask or the cutout that was kept beside a result."""
    found = parts.queue.result(id)
    if extra not in found.extras:
        raise MissingBlob("", f"no {extra} was kept for this result; ask for it with the job's option `outputs`")
    return picture_response(request, parts.queue.blobs, found.extras[extra], f"redraw-{id}-{extra}")
