"""The studio's page: the files its build left, read once at the start and served from memory.

Only what was in the folder then is ever served, by its whole name; nothing of a request becomes a path. Texts go packed
to those who take that: as the file of the same name with `.gz` beside them, or packed here.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import Request
from fastapi.responses import Response

BUILT: Final = Path(__file__).parent / "static"
"""Where the page's build is written."""
INDEX: Final = "index.html"
FRESH: Final = "no-cache"
FOREVER: Final = "private, max-age=31536000, immutable"
"""For files whose names change with what is in them."""
_PACKED: Final = ".gz"
_TEXTS: Final = frozenset({"html", "js", "mjs", "css", "json", "webmanifest", "svg"})
_WORTH: Final = 1024  # bytes from which a text is packed
_LEVEL: Final = 6
# What the page is made of, independent of the system's own table; anything else is not served.
_TYPES: Final[Mapping[str, str]] = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json",
    "webmanifest": "application/manifest+json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "ico": "image/x-icon",
    "woff2": "font/woff2",
    "wasm": "application/wasm",
}


@dataclass(frozen=True)
class PageFile:
    """One file of the page.

    Attributes:
        data: its bytes.
        packed: the same with gzip, None where that is not worth it.
        media_type: by its ending.
        tag: of its bytes, without quotes.
    """

    data: bytes
    packed: bytes | None
    media_type: str
    tag: str


class StaticPage:
    """The files of one build of the page.

    Args:
        folder: where they are; it may be missing or empty.
    """

    def __init__(self, folder: Path = BUILT) -> None:
        self.files: Mapping[str, PageFile] = _read(folder)

    @property
    def is_built(self) -> bool:
        """Whether there is a page at all."""
        return INDEX in self.files

    def answer(self, request: Request, name: str, cache: str) -> Response | None:
        """Return a file as an answer to this request, None if the page has none of this name.

        Args:
            request: what was asked; its `Accept-Encoding` and `If-None-Match` count.
            name: path inside the page with `/` between its parts.
            cache: the `Cache-Control` of the answer.
        """
        file = self.files.get(name)
        if file is None:
            return None
        packed = file.packed if _takes_gzip(request.headers.get("accept-encoding", "")) else None
        tag = f'"{file.tag}-gz"' if packed is not None else f'"{file.tag}"'
        headers = {"etag": tag, "cache-control": cache}
        headers |= {"vary": "Accept-Encoding"} if file.packed is not None else {}
        if is_known(request, tag):
            # With its type: browsers put a 304's headers over those they kept, also the policy that the type decides.
            return Response(status_code=304, headers=headers, media_type=file.media_type)
        headers |= {"content-encoding": "gzip"} if packed is not None else {}
        data = file.data if packed is None else packed
        return Response(data, headers=headers, media_type=file.media_type)


def is_known(request: Request, tag: str) -> bool:
    """Return whether the client has what this quoted tag stands for already."""
    known = request.headers.get("if-none-match", "").split(",")
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in known)


def _takes_gzip(accepted: str) -> bool:
    """Return whether an `Accept-Encoding` allows gzip."""
    weights: dict[str, str] = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        weights[name.strip()] = weight.replace(" ", "")
    weight = weights.get("gzip", weights.get("*", "q=0"))
    return weight.removeprefix("q=").strip("0.") != "" or not weight


def _packed(path: Path, data: bytes) -> bytes | None:
    """Return a file's packed form: the one beside it, or for a longer text one made now."""
    beside = path.with_name(path.name + _PACKED)
    if beside.is_file():
        return beside.read_bytes()
    if path.suffix[1:] not in _TEXTS or len(data) < _WORTH:
        return None
    return gzip.compress(data, _LEVEL, mtime=0)


def _read(folder: Path) -> dict[str, PageFile]:
    """Return every file below a folder that a page may have, by its path inside."""
    found: dict[str, PageFile] = {}
    for path in sorted(folder.rglob("*")):
        media_type = _TYPES.get(path.suffix[1:])
        if media_type is None or path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        found[path.relative_to(folder).as_posix()] = PageFile(
            data,
            _packed(path, data),
            media_type,
            hashlib.sha256(data).hexdigest()[:32],
        )
    return found
