"""Files named by what is in them: pictures that go in, pictures that come out.

A file of SHA-256 `abcd...` is `<root>/ab/abcd...`. It is written under a temporary name in the same folder, flushed to
the disk, and gets its name in one step, so a reader sees it whole or not at all; a crash leaves only temporaries, which
`sweep` removes. Same bytes, same file. Nobody's text becomes a path: only 64 hexadecimal digits do.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from redraw.errors import OutputError
from redraw.jobs.errors import MissingBlob

_NAME: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PIECE: Final = 1 << 20
_RECOUNT: Final = 60.0  # seconds after which the size is counted anew: other processes write too
_REASONS: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota of this user is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "it is read-only for this user",
    errno.EPERM: "it is read-only for this user",
}


class Blobs:
    """The folder of files.

    Args:
        root: where they lie; made when it is first written to.
        quota: bytes all files together may have, or None.
    """

    def __init__(self, root: Path, *, quota: int | None = None) -> None:
        self.root, self.quota = root, quota
        self._counted: tuple[float, int] | None = None
        self._lock = threading.Lock()

    def put(self, data: bytes) -> str:
        """Keep `data` and return its SHA-256.

        Raises:
            OutputError: the disk is full or read-only, or the quota is used up; nothing half-written stays.
        """
        digest = hashlib.sha256(data).hexdigest()
        self._keep(digest, (data,), len(data))
        return digest

    def put_file(self, path: Path) -> str:
        """Keep a copy of a file and return its SHA-256; errors as `put`."""
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                stream.seek(0)
                self._keep(digest, _pieces(stream), os.fstat(stream.fileno()).st_size)
        except OSError as error:
            raise OutputError(f"{path.name} cannot be read: {error.strerror or error}") from error
        return digest

    def path(self, sha256: str) -> Path:
        """Return where a file is; `MissingBlob` if it is not there or `sha256` is not 64 hexadecimal digits."""
        place = self._place(sha256)
        if not place.is_file():
            raise MissingBlob(sha256)
        return place

    def read(self, sha256: str) -> bytes:
        """Return a file's bytes; `MissingBlob` if it is not there or damaged."""
        try:
            data = self._place(sha256).read_bytes()
        except FileNotFoundError:
            raise MissingBlob(sha256) from None
        except OSError as error:
            raise MissingBlob(sha256, f"the file cannot be read: {error.strerror or error}") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise MissingBlob(sha256, "the file is damaged: its bytes are not those it is named for")
        return data

    def has(self, sha256: str) -> bool:
        """Whether a file is kept."""
        return _NAME.fullmatch(sha256) is not None and self._place(sha256).is_file()

    def size(self) -> int:
        """Return the bytes of all files together, counted now."""
        total = sum(size for _, _, size in self.listing())
        with self._lock:
            self._counted = (time.monotonic(), total)
        return total

    def used(self) -> int:
        """Return the bytes of all files together, without what other processes did in the last minute."""
        with self._lock:
            counted = self._counted
        return counted[1] if counted is not None and time.monotonic() - counted[0] < _RECOUNT else self.size()

    def remove(self, sha256: str) -> None:
        """Forget a file; one that is not there is no error."""
        place = self._place(sha256)
        try:
            size = place.stat().st_size
            place.unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            raise _complaint(error) from error
        self._grow(-size)

    def listing(self) -> Iterator[tuple[str, float, int]]:
        """Yield (SHA-256, when it was last put in seconds since the epoch, bytes) of every file."""
        for entry in self._entries():
            if _NAME.fullmatch(entry.name):
                with contextlib.suppress(FileNotFoundError):
                    stat = entry.stat(follow_symlinks=False)
                    yield entry.name, stat.st_mtime, stat.st_size

    def sweep(self, *, older_than: float = 3600.0) -> int:
        """Remove the temporaries of crashed writers that are older than this many seconds; return how many."""
        removed = 0
        for entry in self._entries():
            if entry.name.startswith(".") and entry.name.endswith(".tmp"):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime >= older_than:
                        os.unlink(entry.path)
                        removed += 1
        return removed

    def _place(self, sha256: str) -> Path:
        if _NAME.fullmatch(sha256) is None:
            raise MissingBlob(sha256, "a file is named by 64 hexadecimal digits")
        return self.root / sha256[:2] / sha256

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        try:
            folders = sorted(folder.path for folder in os.scandir(self.root) if folder.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return
        for folder in folders:
            with contextlib.suppress(FileNotFoundError):
                yield from os.scandir(folder)

    def _keep(self, digest: str, pieces: Iterable[bytes], size: int) -> None:
        place = self._place(digest)
        try:
            if _touched(place):
                _flush_folder(place.parent)
                return
            self._check_quota(size)
            self._make(place.parent)
            try:
                _write(place, digest, pieces)
            except FileNotFoundError:
                # Another process swept the temporary away: its clock, or ours, jumped by more than an hour.
                _write(place, digest, pieces)
        except OSError as error:
            raise _complaint(error) from error
        self._grow(size)

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            new = not self.root.is_dir()
            folder.mkdir(parents=True, exist_ok=True)
            _flush_folder(self.root)
            if new:
                _flush_folder(self.root.parent)

    def _check_quota(self, size: int) -> None:
        if self.quota is not None and self.used() + size > self.quota:
            raise OutputError(f"the disk quota of {shown_size(self.quota)} is used up; empty the trash or raise it")

    def _grow(self, size: int) -> None:
        with self._lock:
            if self._counted is not None:
                self._counted = (self._counted[0], self._counted[1] + size)


def shown_size(size: int) -> str:
    """Return a number of bytes for people: "1.5 GB"."""
    number, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"


def _touched(place: Path) -> bool:
    """Whether the file is there; its age starts anew, so that it is not collected before somebody refers to it."""
    try:
        os.utime(place)
    except FileNotFoundError:
        return False
    return True


def _write(place: Path, digest: str, pieces: Iterable[bytes]) -> None:
    temporary = place.parent / f".{secrets.token_hex(8)}.tmp"
    seen = hashlib.sha256()
    try:
        with temporary.open("xb") as stream:
            for piece in pieces:
                seen.update(piece)
                stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
        if seen.hexdigest() != digest:
            raise OutputError("the file changed while it was copied")
        temporary.replace(place)
        _flush_folder(place.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _flush_folder(folder: Path) -> None:
    """Make names in `folder` survive a power cut, where the system lets folders be flushed."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def _complaint(error: OSError) -> OutputError:
    why = _REASONS.get(error.errno or 0, error.strerror or str(error))
    return OutputError(f"a picture cannot be kept in the data folder: {why}")
