"""A request on its way into the queue and out again: its pictures become files, its seeds get fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from redraw.errors import PictureError, RequestError
from redraw.jobs.blobs import Blobs
from redraw.jobs.errors import MissingBlob
from redraw.request import KINDS, Generation, PictureRef
from redraw.request.advanced import fix_seed

_PICTURE: Final = frozenset({"name", "sha256"})


@dataclass(frozen=True)
class Taken:
    """A request as the queue keeps it.

    Attributes:
        kind: `redraw.request.KINDS`' name of it.
        data: the fields that were set, as JSON data; seeds fixed; pictures as {"name", "sha256"}.
        pictures: SHA-256 of every picture, and its bytes where they came with the request.
        words: prompts in lower case, to search in.
    """

    kind: str
    data: Mapping[str, Any]
    pictures: Mapping[str, bytes | None]
    words: str

    def keep(self, blobs: Blobs) -> None:
        """Put the pictures where they belong, if they are not there.

        Raises:
            OutputError: they cannot be written.
            PictureError: a picture is only named, and its file is not kept (any more).
        """
        for digest, data in self.pictures.items():
            if data is not None and not blobs.has(digest):
                blobs.put(data)
            elif not blobs.has(digest):
                raise PictureError(digest, "no file with this SHA-256 is at hand; upload it first")


def take(request: Generation) -> Taken:
    """Return what the queue keeps of a request.

    Only fields that were set are kept, so that a model's own defaults still apply to the others; seeds of -1 are drawn
    here, so that a job that is begun twice makes the same pictures twice.

    Raises:
        PictureError: a picture's file is missing or unreadable.
    """
    pictures: dict[str, bytes | None] = {}
    data = _plain(request, pictures)
    data["seed"] = [fix_seed(s) for s in request.seed] if isinstance(request.seed, tuple) else fix_seed(request.seed)
    data["variation_seed"] = fix_seed(request.variation_seed)
    return Taken(type(request).kind, data, pictures, _words(request))


def give(kind: str, data: Mapping[str, Any], blobs: Blobs | None) -> Generation:
    """Return the request that was kept, its pictures bound to their files.

    Args:
        kind, data: as `Taken` has them.
        blobs: where the pictures are; None leaves them unbound.

    Raises:
        RequestError: no such kind of request (any more), or a field is wrong.
        PictureError: a picture's file is gone or damaged.
    """
    model = KINDS.get(kind)
    if model is None:
        raise RequestError("kind", kind, "it is one of " + ", ".join(KINDS))
    return model(**{name: _bound(value, blobs) for name, value in data.items()})


def _plain(value: Any, pictures: dict[str, bytes | None]) -> Any:
    if isinstance(value, PictureRef):
        return _named(value, pictures)
    if isinstance(value, BaseModel):
        names = [name for name in type(value).model_fields if name in value.model_fields_set]
        return {name: _plain(getattr(value, name), pictures) for name in names}
    if isinstance(value, list | tuple):
        return [_plain(item, pictures) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item, pictures) for name, item in value.items()}
    return value


def _named(picture: PictureRef, pictures: dict[str, bytes | None]) -> dict[str, Any]:
    if picture.sha256 is not None and not picture.at_hand:
        pictures.setdefault(picture.sha256, None)
        return {"name": picture.name, "sha256": picture.sha256}
    # The bytes decide, not what the reference says they are.
    ref = PictureRef.from_bytes(picture.open_bytes(), picture.name)
    digest = str(ref.sha256)
    pictures[digest] = ref.open_bytes()
    return {"name": picture.name, "sha256": digest}


def _bound(value: Any, blobs: Blobs | None) -> Any:
    if isinstance(value, Mapping):
        if set(value) == _PICTURE:
            return _picture(str(value["name"]), str(value["sha256"]), blobs)
        return {name: _bound(item, blobs) for name, item in value.items()}
    return [_bound(item, blobs) for item in value] if isinstance(value, list | tuple) else value


def _picture(name: str, digest: str, blobs: Blobs | None) -> PictureRef:
    if blobs is None:
        return PictureRef(name=name, sha256=digest)
    try:
        return PictureRef.from_bytes(blobs.read(digest), name)
    except MissingBlob as error:
        raise PictureError(name, error.allowed) from error


def _words(request: Generation) -> str:
    texts: list[str] = []
    for text in (request.prompt, request.negative_prompt):
        texts += [text] if isinstance(text, str) else text
    return searchable("\n".join(texts))


def searchable(text: str) -> str:
    """Return a text as it is searched: lower case, without what no database stores (NUL, halves of characters)."""
    return text.casefold().replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
