"""`/api/v1/parameters`: what a picture or a text says about how it was made, as fields of a request."""

from __future__ import annotations

from typing import Any, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from redraw.compat.readback import ReadBack, read_picture, read_text
from redraw.compat.styles import extract_styles
from redraw.errors import RequestError
from redraw.server.bodies import Sha256
from redraw.server.routes.sdapi.door import shelf_of
from redraw.server.state import Parts
from redraw.server.views import API, problems

router = APIRouter(prefix=API, tags=["pictures"])

LONGEST_TEXT: Final = 200_000
LONGEST_GRAPH: Final = 2_000_000


class Parameters(BaseModel):
    """Where to read: a text, or a picture that is kept; one of them."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = Field(
        None,
        max_length=LONGEST_GRAPH,
        description="An infotext, a prompt alone, or another program's JSON; only JSON may be longer than 200,000.",
    )
    sha256: Sha256 | None = Field(None, description="Of a picture that is kept.")


class StylesOut(BaseModel):
    """The styles whose texts stand in the prompts, and the prompts without them."""

    names: list[str] = Field(description="In the order in which they were applied.")
    prompt: str
    negative_prompt: str


class ParametersOut(BaseModel):
    """What was read."""

    kind: Literal["img2img", "txt2img"]
    request: dict[str, Any] = Field(description="Fields of such a request; pictures among them are kept here.")
    unknown: dict[str, str] = Field(description="What has no field here, as it was written.")
    notes: list[str]
    exact: bool = Field(description="Read from a recipe, which names every field; else from an infotext.")
    program: str = Field(description="What wrote it, where something says so.")
    understood: list[str] = Field(description="What was taken, by the names it has where it was found.")
    styles: StylesOut | None = Field(description="Styles at hand that the prompts hold; null where there are none.")
    infotext: str | None = Field(description="The text as found.")


@router.post("/parameters", responses=problems(404, 422))
def parameters(parts: Parts, body: Parameters) -> ParametersOut:
    """Read parameters back: the recipe a picture carries, its infotext, another program's settings, or a text."""
    if (body.text is None) == (body.sha256 is None):
        raise RequestError("text", None, "give either a text, or the sha256 of a picture that is kept")
    shelf, text = shelf_of(parts), body.text
    if body.sha256:
        found = parts.desk.metadata(body.sha256)
        back, text = read_picture(found, shelf, parts.queue.blobs.has), found.infotext
    else:
        back = read_text(_checked(text or ""), shelf)
    styles = _styles(extract_styles(*_prompts(back), shelf.styles))
    return ParametersOut(**vars(back), styles=styles, infotext=text)


def _checked(text: str) -> str:
    if len(text) > LONGEST_TEXT and not text.lstrip().startswith("{"):
        raise RequestError("text", f"{len(text):,} characters", f"it has at most {LONGEST_TEXT:,} characters")
    return text


def _prompts(back: ReadBack) -> tuple[str, str]:
    """Return both prompts; a list of them, which only recipes have, has no styles."""
    prompt, negative = back.request.get("prompt", ""), back.request.get("negative_prompt", "")
    return (prompt, negative) if isinstance(prompt, str) and isinstance(negative, str) else ("", "")


def _styles(found: tuple[str, str, tuple[str, ...]]) -> StylesOut | None:
    prompt, negative, names = found
    return StylesOut(names=list(names), prompt=prompt, negative_prompt=negative) if names else None
