"""What a picture file says about itself: infotext, recipe and other text, read without decoding pixels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from redraw.image.container import carried, open_file
from redraw.request.picture import PictureRef


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
    return Metadata(found.infotext, found.recipe, found.text)
