"""Model files in A1111's words. A file is hashed when it is first loaded, never to be listed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from redraw.errors import RequestError
from redraw.models.catalog import ModelFile
from redraw.server.state import Shared

_COVERS = "ssmd_cover_images"


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


def lora_items(parts: Shared) -> list[dict[str, Any]]:
    """Return every LoRA and its relatives as `GET /sdapi/v1/loras` has them."""
    files = parts.library.files("lora")
    stems = Counter(file.path.stem for file in files)
    found = []
    for file in files:
        name = file.path.stem if stems[file.path.stem] == 1 else file.name
        metadata = {k: _opened(v) for k, v in parts.library.catalog.metadata(file).items() if k != _COVERS}
        found.append({"name": name, "alias": file.alias or name, "path": file.file, "metadata": metadata})
    return found


def embedding_items(parts: Shared, model: str | None) -> dict[str, dict[str, Any]]:
    """Return every embedding as `GET /sdapi/v1/embeddings` has them: those that fit the model in use, and others."""
    widths = _text_widths(parts, model)
    answer: dict[str, dict[str, Any]] = {"loaded": {}, "skipped": {}}
    for file in parts.library.files("embedding"):
        facts = file.facts
        fits = not widths or facts.widths == widths
        answer["loaded" if fits else "skipped"][file.alias or file.path.stem] = {
            "step": facts.step,
            "sd_checkpoint": facts.sd_checkpoint,
            "sd_checkpoint_name": facts.sd_checkpoint_name,
            "shape": sum(facts.widths),
            "vectors": facts.vectors,
        }
    return answer


def _text_widths(parts: Shared, model: str | None) -> tuple[int, ...]:
    try:
        found = parts.library.model(model) if model else parts.library.default()
    except RequestError:
        return ()
    return () if found is None else found.facts.widths


def _opened(text: str) -> Any:
    """Return a value of metadata as A1111 does: a table where it is one in JSON."""
    if not text.startswith("{"):
        return text
    try:
        value: Mapping[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
