"""Checkpoints in A1111's words. A file is hashed when it is first loaded, never to be listed."""

from __future__ import annotations

from typing import Any

from redraw.models.catalog import ModelFile
from redraw.server.state import Shared


def title_of(parts: Shared, model: ModelFile) -> str:
    """Return A1111's title: `file.safetensors [0123456789]`, without the brackets while the hash is not known."""
    return parts.library.catalog.known_title(model)


def model_items(parts: Shared) -> list[dict[str, Any]]:
    """Return every checkpoint as `GET /sdapi/v1/sd-models` has it; files by their name below the models folder."""
    found = []
    for model in parts.library.models():
        sha256 = parts.library.catalog.known_sha256(model)
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
