"""`/api/v1/styles`: saved pieces of prompts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from redraw.compat.styles import Style, apply_styles
from redraw.server.state import Parts
from redraw.server.views import API, problems

router = APIRouter(prefix=f"{API}/styles", tags=["styles"])

Name = Annotated[str, Path(min_length=1, max_length=200, description="A style's name.")]


class StyleText(BaseModel):
    """What a style puts into the prompts; `{prompt}` in it is where the prompt goes, else it comes behind."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field("", max_length=100_000)
    negative_prompt: str = Field("", max_length=100_000)


class StyleOut(StyleText):
    """A style."""

    name: str
    own: bool = Field(description="Kept by this server; else read from a models folder, and only saved over.")


class Prompts(StyleText):
    """Prompts, and the styles to apply to them in order."""

    names: list[str] = Field(max_length=200)


class Styled(StyleText):
    """Prompts with styles applied, and the names that no style has."""

    missing: list[str]


@router.get("")
def styles(parts: Parts) -> list[StyleOut]:
    """List the prompt styles of the data folder and the models folders."""
    own = parts.styles.own()
    return [StyleOut(**style._asdict(), own=style.name in own) for style in parts.styles.all()]


@router.post("/apply", responses=problems(422))
def apply(parts: Parts, body: Prompts) -> Styled:
    """Put styles into prompts; nothing is saved."""
    prompt, negative, missing = apply_styles(body.prompt, body.negative_prompt, body.names, parts.styles.all())
    return Styled(prompt=prompt, negative_prompt=negative, missing=list(missing))


@router.put("/{name:path}", responses=problems(422, 507))
def save(parts: Parts, name: Name, body: StyleText) -> StyleOut:
    """Save a style into the data folder's styles.csv, in the place of its namesake."""
    parts.styles.save(Style(name, body.prompt, body.negative_prompt))
    return StyleOut(name=name, prompt=body.prompt, negative_prompt=body.negative_prompt, own=True)


@router.delete("/{name:path}", status_code=204, responses=problems(404, 409, 422, 507))
def delete(parts: Parts, name: Name) -> None:
    """Take a style out of the data folder's styles.csv."""
    parts.styles.remove(name)
