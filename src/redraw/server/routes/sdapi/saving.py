"""`save_images`: results as files on the server, named as A1111 names them, below the data folder and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from redraw.errors import OutputError
from redraw.image.names import NameValues, expand, file_stem, next_number, sanitize
from redraw.image.save import save_bytes
from redraw.jobs.record import JobRecord, ResultRecord
from redraw.server.state import Shared

FOLDER: Final = "outputs"
_PATTERN: Final = "[seed]"


def save_results(parts: Shared, job: JobRecord, settings: Mapping[str, Any]) -> list[Path]:
    """Write every result of a job into `<data>/outputs/<kind>-images/<date>` and return the files.

    The settings `samples_filename_pattern`, `directories_filename_pattern` and `save_to_dirs` count; folders a client
    puts into them, and the `outdir_...` settings, do not.

    Raises:
        OutputError: the disk is full or read-only.
    """
    saved = []
    for result in parts.queue.results(job):
        values = _values(job, result, settings)
        folder = parts.config.data_dir / FOLDER / f"{job.kind}-images"
        if settings["save_to_dirs"]:
            pattern = str(settings["directories_filename_pattern"] or "[date]")
            folder /= sanitize(expand(pattern, values)) or time.strftime("%Y-%m-%d")
        _make(folder)
        number = next_number(file.name for file in folder.iterdir()) if settings["save_images_add_number"] else None
        pattern = str(settings["samples_filename_pattern"] or _PATTERN)
        stem = sanitize(file_stem(pattern, values, number), replace_spaces=False) or f"{result.seed}"
        saved.append(save_bytes(parts.queue.blobs.read(result.blob), folder / f"{stem}.{result.format}"))
    return saved


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder.name} cannot be made: {error.strerror or error}") from error


def _values(job: JobRecord, result: ResultRecord, settings: Mapping[str, Any]) -> NameValues:
    asked: Mapping[str, Any] = {**job.request, **result.recipe.get("request", {})}
    model = result.recipe.get("model") or {}
    return NameValues(
        prompt=str(asked.get("prompt", "")),
        negative_prompt=str(asked.get("negative_prompt", "")),
        seed=result.seed,
        steps=asked.get("steps"),
        cfg_scale=asked.get("cfg_scale"),
        width=result.width,
        height=result.height,
        sampler=asked.get("sampler"),
        scheduler=asked.get("scheduler"),
        model_name=model.get("name"),
        model_hash=str(model.get("sha256") or "")[:10],
        clip_skip=asked.get("clip_skip", 1),
        denoising=asked.get("strength"),
        generation_number=result.index + 1,
        now=datetime.now(),
        max_prompt_words=int(settings["directories_max_prompt_words"] or 8),
    )
