"""Opening pictures: every format, upright, as RGB or RGBA, with what must survive."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, TypeAlias

from redraw.image.picture import Limits, Picture
from redraw.request.picture import PictureRef

Source: TypeAlias = PictureRef | str | Path | bytes | BinaryIO


def open_picture(source: Source, limits: Limits | None = None) -> Picture:
    """Return the picture in `source`; anything that is no usable picture raises `PictureError`."""
    raise NotImplementedError
