"""Checkpoints in A1111's words. A file is hashed when it is first loaded, never to be listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from redraw.models.catalog import ModelFile
from redraw.models.hashes import CACHE_NAME
from redraw.server.state import Shared


def known_sha256(parts: Shared, path: Path) -> str | None:
    """Return the SHA-256 of a model file if it was computed before and the file is still the same."""
    try:
        cached = json.loads((parts.config.data_dir / "hashes" / CACHE_NAME).read_text("utf-8"))
        entry, stat = cached[str(path.resolve())], path.stat()
        same = entry[:2] == [stat.st_size, stat.st_mtime_ns]
        return str(entry[2]) if same else None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def title_of(parts: Shared, model: ModelFile) -> str:
    """Return A1111's title: `file.safetensors [0123456789]`, without the brackets while the hash is not known."""
    sha256 = known_sha256(parts, model.path)
    return f"{model.file} [{sha256[:10]}]" if sha256 else model.file


def model_items(parts: Shared) -> list[dict[str, Any]]:
    """Return every checkpoint as `GET /sdapi/v1/sd-models` has it; files by their name below the models folder."""
    found = []
    for model in parts.library.models():
        sha256 = known_sha256(parts, model.path)
        config = model.path.with_suffix(".yaml")
        found.append(
            {
                "title": title_of(parts, model),
                "model_name": model.name.replace("/", "_"),
                "hash": sha256[:10] if sha256 else None,
                "sha256": sha256,
                "filename": model.file,
                "config": config.name if config.is_file() else None,
            }
        )
    return found
