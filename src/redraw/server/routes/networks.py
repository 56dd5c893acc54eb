"""`/api/v1/networks`: the LoRAs, embeddings and hypernetworks prompts may name, with what is known about them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from fastapi.responses import Response
from pydantic import BaseModel, Field

from redraw.models.catalog import ModelFile
from redraw.models.families import FAMILIES
from redraw.server.config import MiB
from redraw.server.errors import Problem
from redraw.server.page import is_known
from redraw.server.state import Parts, Shared
from redraw.server.views import API, problems
from redraw.starter import NAME as STARTER
from redraw.starter import networks as starter_networks
from redraw.starter import weights as starter_weights

router = APIRouter(prefix=f"{API}/networks", tags=["library"])

NetworkKind = Literal["lora", "embedding", "hypernetwork"]
KINDS: Final[tuple[NetworkKind, ...]] = ("lora", "embedding", "hypernetwork")
SIDE: Final = 512
"""Most pixels of a preview's longer side."""
LARGEST: Final = 32 * MiB
"""Bytes of a file that is shown as a preview."""
_PICTURES: Final = (".png", ".webp", ".avif", ".jpg", ".jpeg", ".gif")
_LABELS: Final = {family.name: family.label for family in FAMILIES}


class NetworkOut(BaseModel):
    """A network; `name` is its own in the list, `prompt` is what calls for it."""

    kind: NetworkKind
    name: str
    prompt: str = Field(
        description="What a prompt says: `<lora:name:1>`, or an embedding's name; empty if no prompt can say its name."
    )
    alias: str = Field(description="The name its trainer gave it, which prompts may say too.")
    family: str = Field(description="The family of models it is for; empty where nothing tells.")
    fits: bool | None = Field(description="Whether the model can use it; null where nothing tells.")
    title: str
    description: str
    triggers: list[str] = Field(description="Words for the prompt that call for what it knows.")
    negative: str = Field(description="Words for the negative prompt.")
    notes: str
    weight: float = Field(description="The strength its maker recommends; 0 if none.")
    base: str = Field(description="The model it was made for, in its maker's words.")
    vectors: int = Field(description="Of an embedding, how many tokens' places it takes.")
    preview: bool = Field(description="Whether there is a picture.")


class NetworksOut(BaseModel):
    """The networks at hand, and the model `fits` is about."""

    model: str | None
    family: str
    networks: list[NetworkOut]


@router.get("", responses=problems(422))
def networks(
    parts: Parts,
    model: Annotated[str | None, Query(max_length=1000, description="Else the server's own.")] = None,
) -> NetworksOut:
    """List the LoRAs, embeddings and hypernetworks."""
    chosen = parts.library.model(model) if model else parts.library.default()
    return NetworksOut(
        model=chosen.name if chosen else None,
        family=chosen.family if chosen else "",
        networks=[_told(parts, file, chosen) for kind in KINDS for file in parts.library.files(kind)],
    )


@router.get(
    "/{kind}/{name:path}/preview",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}}, **problems(404, 422)},
)
def preview(
    parts: Parts,
    request: Request,
    kind: NetworkKind,
    name: Annotated[str, InPath(min_length=1, max_length=1000, description="As it is listed.")],
) -> Response:
    """Return the picture that lies beside a network's file, as WebP."""
    file = next((one for one in parts.library.files(kind) if one.name == name), None)
    path = _picture(file) if file is not None else None
    if path is None:
        raise Problem(404, "not here", "there is no such network, or no picture beside it")
    try:
        status = path.stat()
        if status.st_size > LARGEST:
            raise Problem(404, "not here", "the picture beside it is too large to be shown")
        key = hashlib.sha256(f"{path}:{status.st_size}:{status.st_mtime_ns}".encode()).hexdigest()
        tag = f'"{key[:32]}"'
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        if is_known(request, tag):
            return Response(status_code=304, headers=headers)
        made = parts.shown.find(key, SIDE)
        if made is None:
            made = parts.desk.thumbnail(path, SIDE)
            parts.shown.keep(key, SIDE, made)
    except OSError:
        raise Problem(404, "not here", "the picture cannot be read") from None
    return Response(made, headers=headers, media_type="image/webp")


def _told(parts: Shared, file: ModelFile, model: ModelFile | None) -> NetworkOut:
    said = file.facts.notes
    return NetworkOut(
        kind=next(kind for kind in KINDS if kind == file.kind),
        name=file.name,
        prompt=_prompt(parts, file),
        alias=file.alias,
        family=_LABELS.get(file.family, file.family),
        fits=None if model is None else _fits(file, model),
        title=said.title,
        description=said.description,
        triggers=list(said.triggers),
        negative=said.negative,
        notes=said.text,
        weight=said.weight,
        base=said.base,
        vectors=file.facts.vectors,
        preview=_picture(file) is not None,
    )


def _prompt(parts: Shared, file: ModelFile) -> str:
    """Return what calls for a network; a name that a tag would cut is replaced by another or by the hash."""
    if file.kind == "embedding":
        is_picture = file.path.suffix.lower() in _PICTURES
        return file.alias if is_picture and file.alias else file.stem
    name = next((one for one in (file.name, file.alias) if _can_be_written(one)), None)
    name = name or parts.library.catalog.known_short_hash(file)
    return f"<{'lora' if file.kind == 'lora' else 'hypernet'}:{name}:1>" if name else ""


def _can_be_written(name: str) -> bool:
    """Return whether a tag can hold a name as its first argument; `#` begins a comment, one `=` a named argument."""
    return bool(name) and name.count("=") != 1 and name == name.strip() and not set(name) & set(":<>#\n\r")


def _fits(file: ModelFile, model: ModelFile) -> bool | None:
    """Return whether a model can use a network; None where nothing tells."""
    if file.facts.widths and model.facts.widths:
        return sorted(file.facts.widths) == sorted(model.facts.widths)
    is_for_starter = file.path in starter_networks() or file.facts.notes.base.startswith(STARTER)
    if is_for_starter or (model.path == starter_weights() and file.family):
        return is_for_starter and model.path == starter_weights()  # narrower than every other model
    family = _LABELS.get(file.family, "")
    return model.family == family if family and model.family else None


def _picture(file: ModelFile) -> Path | None:
    """Return the picture of a network: beside it, or itself; None if there is none or it is a link."""
    path = file.preview or (file.path if file.path.suffix.lower() in _PICTURES else None)
    return path if path is not None and path.is_file() and not path.is_symlink() else None
