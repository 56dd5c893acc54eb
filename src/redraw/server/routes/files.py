"""`/api/v1/files`: LoRAs, embeddings, VAEs and all other model files, with what is known about them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field

from redraw.models.catalog import ModelFile
from redraw.server.errors import Problem
from redraw.server.state import Parts, Shared
from redraw.server.views import API, problems

router = APIRouter(prefix=API, tags=["library"])

FileKind = Literal["checkpoint", "lora", "embedding", "hypernetwork", "vae", "controlnet", "upscaler", "taesd"]
Kind = Annotated[FileKind, Query(description="What is asked for.")]
FileName = Annotated[str, Query(max_length=1000, description="A name, an alias or a hash.")]
_MEDIA: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
}


class FileOut(BaseModel):
    """A model file; `name` goes into requests and prompts. Texts come from the file's makers: show them as text."""

    name: str
    file: str = Field(description="Its name with ending.")
    kind: FileKind
    family: str = Field(description="Of a checkpoint, its family; of others sd1, sd2, sdxl, or empty.")
    alias: str = Field(description="Another name it answers to, or empty.")
    hash: str | None = Field(description="As A1111's infotexts print it; null while the file has not been read.")
    size: int = Field(description="Bytes.")
    vectors: int = Field(description="Of an embedding, the tokens it takes.")
    title: str
    description: str
    triggers: list[str] = Field(description="Words for the prompt that call for what it knows.")
    negative: str = Field(description="Words for the negative prompt.")
    notes: str = Field(description="What its user noted.")
    weight: float = Field(description="The strength its maker or user recommends; 0 if none does.")
    base: str = Field(description="The model it was made for, in its maker's words.")
    preview: str | None = Field(description="Where a picture of it is.")


@router.get("/files")
def files(parts: Parts, kind: Kind) -> list[FileOut]:
    """List the model files of a kind."""
    return [_told(parts, file) for file in parts.library.files(kind)]


@router.get("/files/one", responses=problems(404, 422))
def one_file(parts: Parts, kind: Kind, name: FileName) -> FileOut:
    """Say which file a name means."""
    return _told(parts, parts.library.file(kind, name))


@router.post("/files/refresh")
def refresh(parts: Parts, kind: Kind) -> list[FileOut]:
    """Look into all folders again, and list the model files of a kind."""
    parts.library.refresh()
    return files(parts, kind)


@router.get(
    "/files/preview",
    response_class=FileResponse,
    responses={200: {"content": {"image/*": {}}}, **problems(404, 422)},
)
def preview(parts: Parts, kind: Kind, name: FileName) -> Response:
    """Return the picture that lies beside a model file."""
    path = _preview(parts.library.file(kind, name))
    if path is None:
        raise Problem(404, "not found", "there is no picture beside this file")
    headers = {"cache-control": "private, max-age=60"}
    return FileResponse(path, media_type=_MEDIA[path.suffix.lower()], headers=headers)


def _told(parts: Shared, file: ModelFile) -> FileOut:
    facts, notes = file.facts, file.facts.notes
    query = urlencode({"kind": file.kind, "name": file.name})
    return FileOut(
        name=file.name,
        file=file.file,
        kind=file.kind,  # type: ignore[arg-type]
        family=file.family,
        alias=file.alias,
        hash=parts.library.catalog.known_short_hash(file),
        size=facts.size,
        vectors=facts.vectors,
        title=notes.title,
        description=notes.description,
        triggers=list(notes.triggers),
        negative=notes.negative,
        notes=notes.text,
        weight=notes.weight,
        base=notes.base,
        preview=None if _preview(file) is None else f"{API}/files/preview?{query}",
    )


def _preview(file: ModelFile) -> Path | None:
    """Return the picture beside a file if it is a file of that folder itself: links could show anything."""
    path = file.preview
    if path is None or path.suffix.lower() not in _MEDIA or path.is_symlink() or not path.is_file():
        return None
    return path
