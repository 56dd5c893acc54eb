"""Textual inversions that travel inside a PNG: A1111 writes them into a text chunk beside the pixels.

The chunk `sd-ti-embedding` is base64 of a JSON object with the entries of a `.pt` file; a tensor is an object with the
single entry `TORCHTENSOR`, nested lists of numbers. A1111 hides the same once more in the pixels of the picture's
dark sides, for sites that strip text chunks; that form is not read, and `picture_content` returns None for it as for
any other picture.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any, Final

import torch

from redraw.errors import ModelError, UnsafeFile
from redraw.image import png

PICTURE_ENDINGS: Final = (".png", ".webp", ".jxl", ".avif")
KEY: Final = "sd-ti-embedding"
MAX_PICTURE: Final = 256 * 2**20
MAX_TEXT: Final = 24 * 2**20  # base64 of 75 vectors for both of SDXL's encoders, spelled out in decimals, is 6 MB
_MARK: Final = "TORCHTENSOR"


def picture_content(path: Path) -> dict[str, Any] | None:
    """Return what a picture's text chunk holds, with its tensors in fp32, or None if it has no such chunk.

    Raises:
        ModelError: the chunk is damaged.
        UnsafeFile: the picture or the chunk is larger than any embedding.
    """
    try:
        if path.stat().st_size > MAX_PICTURE:
            raise UnsafeFile(f"{path.name} has more than {MAX_PICTURE // 2**20} MiB, which no preview picture has")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path.name} cannot be read: {error.strerror or error}") from error
    if not data.startswith(png.SIGNATURE):
        return None
    text = png.texts(png.chunks(data)).get(KEY)
    return None if text is None else _parsed(path.name, text)


def _parsed(name: str, text: str) -> dict[str, Any]:
    if len(text) > MAX_TEXT:
        raise UnsafeFile(f"{name}: its embedding is {len(text)} letters long")
    try:
        content = json.loads(base64.b64decode(text, validate=True), object_hook=_object)
    except (binascii.Error, ValueError, RecursionError, TypeError, OverflowError) as error:
        raise ModelError(f"{name} is damaged: the embedding in it cannot be read") from error
    if not isinstance(content, dict):
        raise ModelError(f"{name} is damaged: the embedding in it is no table")
    return content


def _object(entries: dict[str, Any]) -> Any:
    """Turn the objects that stand for tensors into tensors; torch refuses lists of unequal length and texts."""
    return torch.tensor(entries[_MARK], dtype=torch.float32) if set(entries) == {_MARK} else entries
