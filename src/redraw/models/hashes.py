"""SHA-256 of model files, remembered between runs while a file's size and time stay the same."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Final

from redraw.errors import ModelError

CACHE_NAME: Final = "hashes.json"


def model_sha256(path: Path, cache: Path | None = None) -> str:
    """Return the hash of a model file; of a folder, the hash of its weight files' hashes in order of name."""
    if not path.is_dir():
        return file_sha256(path, cache)
    files = [f for f in sorted(path.glob("*/*")) if f.suffix in (".safetensors", ".bin")]
    return hashlib.sha256("".join(file_sha256(f, cache) for f in files).encode()).hexdigest()


def file_sha256(path: Path, cache: Path | None = None) -> str:
    """Return the SHA-256 of a file, 64 hex digits.

    Args:
        path: the file.
        cache: folder that keeps known hashes; None reads the file every time.
    """
    try:
        key, stat = str(path.resolve()), path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        known = _read(cache).get(key) if cache is not None else None
        if isinstance(known, list) and known[:2] == stamp and len(known) == 3:
            return str(known[2])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    if cache is not None:
        _write(cache, key, [*stamp, digest])
    return digest


def _read(cache: Path) -> dict[str, Any]:
    try:
        value = json.loads((cache / CACHE_NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _write(cache: Path, key: str, entry: list[Any]) -> None:
    """Add one entry; a cache that cannot be written is no error, the hash is only computed again."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**_read(cache), key: entry}, indent=0)
        handle, name = tempfile.mkstemp(dir=cache, prefix=CACHE_NAME)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(cache / CACHE_NAME)
    except OSError:
        return


def old_hash(path: Path) -> str:
    """Return A1111's first kind of hash, eight hex digits of 64 KiB from the second MiB; old infotexts show it."""
    if path.is_dir():
        return ""
    with path.open("rb") as file:
        file.seek(0x100000)
        return hashlib.sha256(file.read(0x10000)).hexdigest()[:8]
