"""What a picture file says about itself: infotext, recipe and other text, read without decoding pixels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from PIL import Image

from redraw.image.container import DAMAGE, carried, open_file
from redraw.request.picture import PictureRef

_CAMERA: Final = range(0x010E, 0x0111)  # description, make and model
_GRAPH: Final = re.compile(r"(?P<name>prompt|workflow):\s*(?P<text>\{.*\})", re.DOTALL | re.IGNORECASE)


class Metadata(NamedTuple):
    """What was found in a file: A1111's infotext, Redraw's recipe, and other entries as text."""

    infotext: str | None
    recipe: dict[str, Any] | None
    items: Mapping[str, str]


def read_metadata(source: PictureRef | bytes | str | Path) -> Metadata:
    """Return what the picture file says about itself; raises `PictureError` if it is no picture.

    The infotext is A1111's choice: the text chunk `parameters`, over it an EXIF UserComment, else a GIF's comment.
    """
    ref = PictureRef.of(source)
    data = ref.open_bytes()
    with open_file(data, ref.name) as image:
        found = carried(image, data)
    return Metadata(found.infotext, found.recipe, {**_graphs(found.exif), **found.text})


def _graphs(block: bytes | None) -> dict[str, str]:
    """Return ComfyUI's graphs, which stand in WebP and AVIF as `prompt:{...}` where cameras name themselves."""
    if block is None or (b"prompt:" not in block and b"workflow:" not in block):
        return {}
    try:
        tags = Image.Exif()
        tags.load(block)
        values = [tags.get(tag) for tag in _CAMERA]
    except DAMAGE:
        return {}
    matches = (_GRAPH.fullmatch(value.rstrip("\0")) for value in values if isinstance(value, str))
    return {match["name"].lower(): match["text"] for match in matches if match}
