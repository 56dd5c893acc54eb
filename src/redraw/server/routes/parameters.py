"""`/api/v1/parameters`: what a picture or a text says about how it was made, as fields of a request."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from redraw.compat.readback import ReadBack, read_infotext, read_recipe
from redraw.errors import RequestError
from redraw.server.bodies import Sha256
from redraw.server.routes.sdapi.door import shelf_of
from redraw.server.state import Parts, Shared
from redraw.server.views import API, problems

router = APIRouter(prefix=API, tags=["pictures"])


class Parameters(BaseModel):
    """Where to read: a text, or a picture that is kept; one of them."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = Field(None, max_length=200_000, description="An infotext, or a prompt alone.")
    sha256: Sha256 | None = Field(None, description="Of a picture that is kept.")


class ParametersOut(BaseModel):
    """What was read."""

    kind: Literal["img2img", "txt2img"]
    request: dict[str, Any] = Field(description="Fields of such a request; pictures among them are kept here.")
    unknown: dict[str, str] = Field(description="What has no field here, as it was written.")
    notes: list[str]
    exact: bool = Field(description="Read from a recipe, which names every field; else from an infotext.")
    infotext: str | None = Field(description="The text as found.")


@router.post("/parameters", responses=problems(404, 422))
def parameters(parts: Parts, body: Parameters) -> ParametersOut:
    """Read parameters back: the recipe a picture carries, else its infotext, or a text."""
    if (body.text is None) == (body.sha256 is None):
        raise RequestError("text", None, "give either a text, or the sha256 of a picture that is kept")
    back, text = _from_picture(parts, body.sha256) if body.sha256 else (_from_text(parts, body.text or ""), body.text)
    return ParametersOut(**vars(back), infotext=text)


def _from_text(parts: Shared, text: str) -> ReadBack:
    return read_infotext(text, shelf_of(parts))


def _from_picture(parts: Shared, sha256: str) -> tuple[ReadBack, str | None]:
    """Return what a kept picture says, and its infotext."""
    found = parts.desk.metadata(sha256)
    back = read_recipe(found.recipe, shelf_of(parts), parts.queue.blobs.has) if found.recipe else None
    if back is None:
        back = _from_text(parts, found.infotext or "")
    if not found.recipe and not found.infotext:
        back.notes.append("the picture carries no parameters")
    return back, found.infotext
