"""`/api/v1/models`, `/samplers`, `/request-schema`, ...: what a request may say."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from redraw import starter
from redraw.registry import SAMPLERS, SCHEDULERS, UPSCALERS, Registry
from redraw.request import KINDS, PictureRef, describe_fields
from redraw.server.bodies import JOB_BODIES
from redraw.server.state import Parts
from redraw.server.views import API

router = APIRouter(prefix=API, tags=["library"])


class ModelOut(BaseModel):
    """A checkpoint; `name` goes into requests."""

    name: str
    file: str
    family: str
    default: bool = Field(description="Whether requests get it that name none.")
    defaults: dict[str, Any] = Field(
        description="What fields are with this model where neither request nor server say."
    )


class NameOut(BaseModel):
    """Something with a name: `label` (or any other spelling) goes into requests."""

    name: str
    label: str
    aliases: list[str] = []


class FieldOut(BaseModel):
    """One field of a request, as a form shows it."""

    name: str
    title: str
    help: str
    group: str
    kind: str = Field(description="int, float, bool, str, size or picture.")
    choices: list[str]
    optional: bool
    default: Any
    minimum: float | None
    maximum: float | None
    infotext: str | None
    slider: tuple[float, float, float] | None = Field(description="Lowest, highest and step of a slider.")
    labels: list[str] = Field(description="Of each of `choices`, or of off and on; empty: the values themselves.")
    advanced: bool = Field(description="Hidden until it is asked for.")
    multiline: bool = Field(description="A text of several lines.")
    many: bool = Field(description="A list of such values.")


class KindOut(BaseModel):
    """One kind of request: the JSON schema of its body, and its fields in order."""

    body: dict[str, Any] = Field(description="JSON schema.")
    fields: list[FieldOut]


@router.get("/models")
def models(parts: Parts) -> list[ModelOut]:
    """List the checkpoints."""
    default, embedded = parts.library.default(), starter.weights()
    return [
        ModelOut(
            name=m.name,
            file=m.file,
            family=m.family,
            default=default is not None and m.path == default.path,
            defaults=starter.DEFAULTS if m.path == embedded else {},
        )
        for m in parts.library.models()
    ]


@router.post("/models/refresh")
def refresh(parts: Parts) -> list[ModelOut]:
    """Look into the models folders again."""
    parts.library.refresh()
    return models(parts)


@router.get("/vaes")
def vaes(parts: Parts) -> list[NameOut]:
    """List the separate VAEs."""
    return [NameOut(name=v.name, label=v.name) for v in parts.library.vaes()]


@router.get("/samplers")
def samplers() -> list[NameOut]:
    """List the samplers."""
    return _names(SAMPLERS)


@router.get("/schedulers")
def schedulers() -> list[NameOut]:
    """List the noise schedules."""
    return _names(SCHEDULERS)


@router.get("/upscalers")
def upscalers() -> list[NameOut]:
    """List the upscalers."""
    return _names(UPSCALERS)


@router.get("/request-schema")
def request_schema() -> dict[str, KindOut]:
    """Describe the bodies of `POST /jobs`: as JSON schema, and field by field for a form."""
    return {
        kind: KindOut(
            body=JOB_BODIES[kind].model_json_schema(),
            fields=[FieldOut(**(vars(info) | {"kind": _kind(info.kind)})) for info in describe_fields(model)],
        )
        for kind, model in KINDS.items()
    }


def _names(shelf: Registry[Any]) -> list[NameOut]:
    return [NameOut(name=e.name, label=e.label, aliases=list(e.aliases)) for e in shelf]


def _kind(kind: type) -> str:
    names: dict[type, str] = {PictureRef: "picture", tuple: "size"}
    return names.get(kind, kind.__name__)
