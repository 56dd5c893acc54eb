"""Hashes of model files, remembered between runs while a file's size and time stay the same."""

from __future__ import annotations

import hashlib
import logging
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from redraw.errors import ModelError
from redraw.models.fact_store import FactStore

log = logging.getLogger(__name__)

FILE: Final = "sha256"
TENSORS: Final = "tensors"
_SAID_FROM: Final = 2**29
_lock = threading.Lock()
_at_work: dict[tuple[str, str], threading.Lock] = {}


def model_sha256(path: Path, cache: Path | None = None) -> str:
    """Return the hash of a model file; of a folder, the hash of its weight files' hashes in order of name."""
    if not path.is_dir():
        return file_sha256(path, cache)
    return hashlib.sha256("".join(file_sha256(f, cache) for f in weight_files(path)).encode()).hexdigest()


def known_sha256(path: Path, cache: Path | None) -> str | None:
    """Return the same if it was computed before and nothing has changed since, else None; no model is read."""
    parts = [_known(file, FILE, cache) for file in (weight_files(path) if path.is_dir() else [path])]
    if not parts or any(part is None for part in parts):
        return None
    digests = [part for part in parts if part is not None]
    return hashlib.sha256("".join(digests).encode()).hexdigest() if path.is_dir() else digests[0]


def weight_files(folder: Path) -> list[Path]:
    """Return the weight files of a model in diffusers' layout, in order of name; of a folder with one part, its own."""
    for pattern in ("*/*", "*"):
        found = [f for f in sorted(folder.glob(pattern)) if f.suffix in (".safetensors", ".bin")]
        if found:
            return found
    return []


def file_sha256(path: Path, cache: Path | None = None) -> str:
    """Return the SHA-256 of a file, 64 hex digits.

    Args:
        path: the file.
        cache: SQLite file that keeps known hashes; None reads the file every time.
    """
    return _remembered(path, FILE, cache, lambda file: None)


def tensors_sha256(path: Path, cache: Path | None = None) -> str:
    """Return the SHA-256 of a safetensors file's bytes behind its header, as kohya's trainers and A1111 hash LoRAs.

    Of other files it is the SHA-256 of the whole file.
    """
    return _remembered(path, TENSORS, cache, _skip_header)


def known_digest(path: Path, kind: str, cache: Path | None) -> str | None:
    """Return a digest (`FILE` or `TENSORS`) if it was computed before and the file is still the same, else None."""
    return _known(path, kind, cache)


def old_hash(path: Path) -> str:
    """Return A1111's first kind of hash, eight hex digits of 64 KiB from the second MiB; old infotexts show it."""
    if path.is_dir():
        return ""
    with path.open("rb") as file:
        file.seek(0x100000)
        return hashlib.sha256(file.read(0x10000)).hexdigest()[:8]


def _remembered(path: Path, kind: str, cache: Path | None, begin: Callable[[IO[bytes]], object]) -> str:
    """Return a digest from the cache, else compute it; of two that ask at once only one reads the file."""
    with _lock:
        own = _at_work.setdefault((str(path), kind), threading.Lock())
    with own:
        try:
            known = _known(path, kind, cache)
            return known if known is not None else _computed(path, kind, cache, begin)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
        finally:
            with _lock:
                _at_work.pop((str(path), kind), None)


def _computed(path: Path, kind: str, cache: Path | None, begin: Callable[[IO[bytes]], object]) -> str:
    stamp, size = digest_stamp(path), path.stat().st_size
    if size >= _SAID_FROM:
        log.info("reading %s (%.1f GB) for its hash", path.name, size / 1e9)
    with path.open("rb") as file:
        begin(file)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    FactStore(cache).put_digest(str(path.resolve()), kind, stamp, digest)
    return digest


def _known(path: Path, kind: str, cache: Path | None) -> str | None:
    if cache is None:
        return None
    try:
        return FactStore(cache).digest(str(path.resolve()), kind, digest_stamp(path))
    except OSError:
        return None


def digest_stamp(path: Path) -> str:
    """Return size and time of a file; a digest holds while they are the same."""
    status = path.stat()
    return f"{status.st_size}:{status.st_mtime_ns}"


def _skip_header(file: IO[bytes]) -> None:
    """Go to the first byte behind a safetensors header, or stay where there is none."""
    head = file.read(16)
    is_safetensors = len(head) > 8 and head[8:9] == b"{"
    file.seek(8 + int(struct.unpack("<Q", head[:8])[0]) if is_safetensors else 0)
