"""Pictures that come in and go out: decoded within limits before they are kept, served as pictures and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fastapi import Request
from fastapi.responses import FileResponse, Response

from redraw.errors import RequestError
from redraw.image.container import sniff
from redraw.image.infotext import parse
from redraw.image.io import open_picture
from redraw.image.metadata import Metadata, read_metadata
from redraw.image.picture import Limits
from redraw.image.view import shows_as_it_is, view_png, view_webp
from redraw.jobs.errors import MissingBlob
from redraw.request import PictureRef
from redraw.server.bodies import InlinePicture, PictureIn, decoded, file_name, pictures_in, with_references
from redraw.server.errors import Problem
from redraw.server.page import is_known

if TYPE_CHECKING:
    from redraw.jobs.blobs import Blobs

T = TypeVar("T")
_TYPES: Final[Mapping[str, tuple[str, str, bool]]] = {  # Pillow's name: media type, ending, shown by browsers
    "PNG": ("image/png", "png", True),
    "JPEG": ("image/jpeg", "jpg", True),
    "WEBP": ("image/webp", "webp", True),
    "AVIF": ("image/avif", "avif", True),
    "GIF": ("image/gif", "gif", True),
    "BMP": ("image/bmp", "bmp", False),
    "TIFF": ("image/tiff", "tiff", False),
    "HEIF": ("image/heif", "heic", False),
}
_DECODERS: Final = 2


@dataclass(frozen=True)
class Received:
    """What was found in a picture that came in.

    Attributes:
        sha256: of its bytes; the name it is kept under.
        name: the client's file name, made plain.
        format: Pillow's name.
        width, height: pixels, upright.
        size: bytes.
        infotext: A1111's, if it carries one.
        parameters: the same, read.
        recipe: Redraw's, if it carries one.
        notes: plain sentences.
    """

    sha256: str
    name: str
    format: str
    width: int
    height: int
    size: int
    infotext: str | None
    parameters: dict[str, Any] | None
    recipe: dict[str, Any] | None
    notes: list[str]


class Desk:
    """Takes pictures in: each is decoded within limits of bytes, pixels and time, in threads of its own, and then kept.

    Args:
        blobs: where they are kept.
        limits: of bytes and pixels.
        seconds: how long the decoding of one may take, its wait for a free thread included.
    """

    def __init__(self, blobs: Blobs, limits: Limits, seconds: float) -> None:
        self.blobs, self.limits, self.seconds = blobs, limits, seconds
        self._pool: ThreadPoolExecutor | None = None
        self._lock = Lock()

    def close(self) -> None:
        """Let the threads go; the next picture begins new ones."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def receive(self, data: bytes, name: str) -> Received:
        """Keep a picture file and say what is in it; raises `PictureError`, `OutputError`, `Problem`."""
        return self._timed(lambda: self._received(data, file_name(name)))

    def look(self, sha256: str) -> Received:
        """Say what is in a picture that is kept; raises `Missing`, `PictureError`, `Problem`."""
        data = self._kept(sha256)
        return self._timed(lambda: self._found(data, "picture", sha256))

    def metadata(self, sha256: str) -> Metadata:
        """Return what a kept picture says about itself; its pixels stay undecoded. Errors as `look`."""
        data = self._kept(sha256)
        return self._timed(lambda: read_metadata(data))

    def view(self, sha256: str, side: int | None) -> bytes | None:
        """Return a kept picture as browsers should show it, None where its own file is that already.

        Args:
            sha256: of the file.
            side: most pixels of the longer side, as WebP; None gives all of them, as PNG.

        Raises:
            Missing: it is not kept, or is no picture.
            PictureError: it is larger than the limits.
            Problem: it took too long.
        """
        data = self._kept(sha256)
        return self._timed(lambda: self._viewed(data, side))

    def thumbnail(self, path: Path, side: int) -> bytes:
        """Return a picture file as a WebP whose longer side has at most `side` pixels; the file is not kept.

        Raises:
            PictureError: it is no picture, or larger than the limits.
            OSError: it cannot be read.
            Problem: it took too long.
        """
        with path.open("rb") as stream:
            data = stream.read(self.limits.max_bytes + 1)
        return self._timed(lambda: view_webp(open_picture(PictureRef.from_bytes(data, path.name), self.limits), side))

    def _kept(self, sha256: str) -> bytes:
        if _kind(self.blobs.path(sha256)) is None:
            raise MissingBlob(sha256, "the file with this SHA-256 is no picture")
        return self.blobs.read(sha256)

    def reference(self, picture: PictureIn, field: str) -> PictureRef:
        """Return a picture of a body as one of a request; its bytes are kept, or must be here already."""
        if isinstance(picture, InlinePicture):
            sha256 = self.receive(decoded(picture, field, self.limits.max_bytes), picture.name).sha256
        else:
            sha256 = picture.sha256
        try:
            path = self.blobs.path(sha256)
        except MissingBlob:
            raise RequestError(field, sha256, "upload the picture first: no file with this SHA-256 is kept") from None
        if _kind(path) is None:
            raise RequestError(field, sha256, "it is the SHA-256 of a picture")
        return PictureRef(name=file_name(picture.name), sha256=sha256)

    def referenced(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields of a body with every picture as one of a request."""
        known: dict[int, PictureRef] = {}
        for name, value in values.items():
            for picture in pictures_in({name: value}):
                known[id(picture)] = self.reference(picture, name)
        return with_references(values, known)

    def _timed(self, call: Callable[[], T]) -> T:
        with self._lock:
            self._pool = self._pool or ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode")
            future = self._pool.submit(call)
        try:
            return future.result(self.seconds)
        except TimeoutError:
            future.cancel()
            raise Problem(422, "too slow", "the picture took too long to decode") from None

    def _received(self, data: bytes, name: str) -> Received:
        return self._found(data, name, None)

    def _found(self, data: bytes, name: str, sha256: str | None) -> Received:
        """Say what is in a file, and keep it where it has no SHA-256 yet."""
        picture = open_picture(PictureRef.from_bytes(data, name), self.limits)
        return Received(
            sha256=sha256 or self.blobs.put(data),
            name=name,
            format=picture.format,
            width=picture.size.width,
            height=picture.size.height,
            size=len(data),
            infotext=picture.infotext,
            parameters=parse(picture.infotext) if picture.infotext else None,
            recipe=None if picture.recipe is None else dict(picture.recipe),
            notes=list(picture.notes),
        )

    def _viewed(self, data: bytes, side: int | None) -> bytes | None:
        if side is None and shows_as_it_is(data):
            return None
        picture = open_picture(data, self.limits)
        return view_png(picture) if side is None else view_webp(picture, side)


def picture_response(request: Request, blobs: Blobs, sha256: str, stem: str) -> Response:
    """Return a kept file as an answer, if it is a picture: immutable, in ranges, never as anything but a picture.

    Raises:
        Missing: it is not kept, or is no picture.
    """
    path = blobs.path(sha256)
    kind = _kind(path)
    if kind is None:
        raise MissingBlob(sha256, "the file with this SHA-256 is no picture")
    media_type, ending, shown = kind
    tag = f'"{sha256}"'
    headers = {"etag": tag, "cache-control": "private, max-age=31536000, immutable"}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return FileResponse(
        path,
        headers=headers,
        media_type=media_type,
        filename=f"{stem}.{ending}",
        content_disposition_type="inline" if shown else "attachment",
    )


def pieces_of(path: Path, size: int = 1 << 16) -> Iterator[bytes]:
    """Yield a file's bytes in pieces."""
    with path.open("rb") as stream:
        while piece := stream.read(size):
            yield piece


def _kind(path: Path) -> tuple[str, str, bool] | None:
    """Return media type, ending and whether browsers show it, by the file's first bytes; None if it is no picture."""
    with path.open("rb") as stream:
        return _TYPES.get(sniff(stream.read(64)) or "")
