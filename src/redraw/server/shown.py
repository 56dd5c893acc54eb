"""Copies of kept pictures for browsers: made once, kept in a folder of bounded size, gone with their picture."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from redraw.server.config import MiB

if TYPE_CHECKING:
    from redraw.jobs.blobs import Blobs

FOLDER: Final = "views"
LIMIT: Final = 512 * MiB
"""Bytes all copies together may have; those that were not looked at for longest go first."""


class Shown:
    """The folder of copies: `<folder>/<SHA-256>-<side>`; a disk that is full only means that they are made again.

    Args:
        folder: where they lie; made when it is first written to.
        limit: bytes of all of them.
    """

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit
        self._lock = Lock()

    def find(self, sha256: str, side: int) -> bytes | None:
        """Return the copy of a picture at this size (0 is whole), None if there is none."""
        file = self._file(sha256, side)
        try:
            data = file.read_bytes()
            os.utime(file)
        except OSError:
            return None
        return data

    def keep(self, sha256: str, side: int, data: bytes) -> None:
        """Keep a copy, and let old ones go where there are too many."""
        temporary = self.folder / f".{secrets.token_hex(8)}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(self._file(sha256, side))
        except OSError:
            return
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        self._trim()

    def sweep(self, blobs: Blobs) -> int:
        """Remove the copies of pictures that are no longer kept, and what crashed writers left; return how many."""
        gone = [entry for entry in self._entries() if not blobs.has(entry.name.partition("-")[0])]
        for entry in gone:
            with contextlib.suppress(OSError):
                os.unlink(entry.path)
        return len(gone)

    def _file(self, sha256: str, side: int) -> Path:
        return self.folder / f"{sha256}-{side}"

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        with contextlib.suppress(OSError):
            yield from os.scandir(self.folder)

    def _trim(self) -> None:
        with self._lock:
            known = []
            for entry in self._entries():
                with contextlib.suppress(OSError):
                    stat = entry.stat(follow_symlinks=False)
                    known.append((stat.st_mtime, stat.st_size, entry.path))
            total = sum(size for _, size, _ in known)
            for _, size, path in sorted(known):
                if total <= self.limit:
                    return
                with contextlib.suppress(OSError):
                    os.unlink(path)
                    total -= size
