"""What clients send: bodies made from the request models, with pictures by hash or as base64, never by path."""

from __future__ import annotations

import base64
import binascii
import types
import typing
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Final, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from redraw.errors import RequestError
from redraw.request import KINDS, Generation, PictureRef
from redraw.server.errors import Problem

SHA256: Final = r"^[0-9a-f]{64}$"
Sha256 = Annotated[str, Field(pattern=SHA256)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoredPicture(_Body):
    """A picture that is here already: an upload, or a result's file."""

    sha256: Sha256
    name: str = Field("picture", max_length=200, description="File name, for people.")


class InlinePicture(_Body):
    """A picture in the body itself."""

    data: str = Field(min_length=1, description="The file as base64, bare or as a data URL.")
    name: str = Field("picture", max_length=200, description="File name, for people.")


PictureIn = StoredPicture | InlinePicture


class JobOptions(_Body):
    """What else is wanted of a job."""

    format: Literal["png", "jpg", "webp", "avif", "tiff"] = Field("png", description="Of the picture files.")
    quality: int = Field(80, ge=1, le=100, description="For jpg, webp and avif.")
    lossless: bool = Field(False, description="For webp and avif.")
    outputs: tuple[Literal["mask", "cutout"], ...] = Field((), description="What is kept beside each result.")
    webhook: str | None = Field(None, max_length=2000, description="URL that is called when the job has ended.")


def _translated(annotation: Any) -> Any:
    """Return a field's annotation with `PictureRef` replaced by what a client may send for one."""
    if annotation is PictureRef:
        return PictureIn
    parts = typing.get_args(annotation)
    if PictureRef in parts and str in parts:  # a mask: a picture, or the word
        return PictureIn | Literal["alpha"] | None
    origin = typing.get_origin(annotation)
    if not parts or origin is Literal:
        return annotation
    inner = tuple(part if part is Ellipsis else _translated(part) for part in parts)
    if origin in (Union, types.UnionType):
        return Union[inner]  # noqa: UP007 - made at run time
    return origin[inner] if origin is not None and origin is not Annotated else annotation


def _fields_model(kind: str, model: type[Generation], *, partial: bool = False) -> type[BaseModel]:
    """Return the body model of a request's fields; with `partial` none is required."""
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        annotation = _translated(info.annotation)
        copied = FieldInfo.merge_field_infos(info, annotation=annotation)
        if partial and copied.is_required():
            copied = FieldInfo.merge_field_infos(copied, default=None)
        fields[name] = (annotation, copied)
    name = f"{kind.capitalize()}{'Changes' if partial else 'Fields'}"
    return create_model(name, __config__=ConfigDict(extra="forbid", frozen=True), **fields)


def _job_model(kind: str, model: type[Generation]) -> type[BaseModel]:
    fields: Any = {
        "kind": (Literal[kind], kind),
        "request": (_fields_model(kind, model), ...),
        "priority": (int, Field(0, ge=-1000, le=1000, description="Higher runs first.")),
        "parent": (str | None, Field(None, max_length=64, description="The result this is made from.")),
        "source": (Literal["api", "web", "cli"], Field("api", description="Which door it came through.")),
        "options": (JobOptions, Field(default_factory=lambda: JobOptions.model_validate({}))),
    }
    return create_model(f"{kind.capitalize()}Job", __config__=ConfigDict(extra="forbid", frozen=True), **fields)


JOB_BODIES: Final[dict[str, type[BaseModel]]] = {kind: _job_model(kind, model) for kind, model in KINDS.items()}
CHANGES: Final[dict[str, type[BaseModel]]] = {k: _fields_model(k, m, partial=True) for k, m in KINDS.items()}
JobBody: Any = Annotated[Union[tuple(JOB_BODIES.values())], Field(discriminator="kind")]  # noqa: UP007


def given(body: BaseModel) -> dict[str, Any]:
    """Return the fields a client wrote, pictures still as it sent them."""
    return {name: getattr(body, name) for name in body.model_fields_set}


def pictures_in(values: Mapping[str, Any]) -> list[PictureIn]:
    """Return every picture among some fields, in order."""
    found: list[PictureIn] = []
    for value in values.values():
        found += [one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, PictureIn)]
    return found


def with_references(values: Mapping[str, Any], known: Mapping[int, PictureRef]) -> dict[str, Any]:
    """Return fields with each picture replaced by its reference; `known` is by the identity of what was sent."""

    def swap(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(swap(one) for one in value)
        return known[id(value)] if isinstance(value, PictureIn) else value

    return {name: swap(value) for name, value in values.items()}


def decoded(picture: InlinePicture, field: str, limit: int) -> bytes:
    """Return the bytes of a picture in a body, or raise `RequestError`."""
    head, comma, tail = picture.data.partition(",")
    text = tail if comma and head.startswith("data:") else picture.data
    if len(text) > limit * 4 // 3 + 4:
        raise Problem(413, "too large", f"a picture is larger than the limit of {limit:,} bytes", field=field)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RequestError(field, f"{text[:20]}...", "a picture's data is base64") from None


def file_name(name: str) -> str:
    """Return a client's file name as plain words: no folders, nothing unprintable, no longer than 100 characters."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    return "".join(c for c in last if c.isprintable())[:100].strip(". ") or "picture"
