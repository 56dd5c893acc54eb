"""A finished picture as the files and facts a queue keeps: the picture file, a thumbnail, masks, a preview.

The same picture gives the same bytes however often it is made: no file holds a time.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from redraw.errors import RequestError
from redraw.image.encode import Extras, encode_picture, format_named
from redraw.image.picture import Picture
from redraw.image.profile import to_eight_bits
from redraw.jobs.engine import Made

THUMBNAIL: Final = 256
OUTPUTS: Final = ("mask", "cutout")
_QUALITY: Final = 80


@dataclass(frozen=True)
class Packed:
    """Files and facts of one result, named as `Queue.add_result` takes them.

    Attributes:
        file: bytes of the picture file, recipe and infotext inside.
        thumbnail: bytes of a WebP of at most 256 pixels a side.
        format: the file's format; png where the one asked for cannot hold the picture.
        width, height: pixels.
        seed, infotext, recipe, edge, notes: see `ResultRecord`.
        extras: further PNG files by name.
    """

    file: bytes
    thumbnail: bytes
    format: str
    width: int
    height: int
    seed: int
    infotext: str
    recipe: Mapping[str, Any]
    edge: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()
    extras: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Packing:
    """How results are to be written.

    Attributes:
        format: of the picture file, see `redraw.image.encode.FORMATS`.
        quality: 1..100, for jpg, webp and avif.
        lossless: for webp and avif.
        outputs: which of `OUTPUTS` are wanted beside it.
    """

    format: str = "png"
    quality: int = _QUALITY
    lossless: bool = False
    outputs: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Packing:
        """Read a job's options "format", "quality", "lossless" and "outputs".

        Raises:
            RequestError: one of them is wrong.
            OutputError: there is no such format.
        """
        quality, outputs = options.get("quality"), options.get("outputs") or ()
        quality = _QUALITY if quality is None else quality
        if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 100:
            raise RequestError("quality", quality, "it is a whole number between 1 and 100")
        wanted = tuple(outputs) if isinstance(outputs, list | tuple) else (outputs,)
        for name in wanted:
            if name not in OUTPUTS:
                raise RequestError("outputs", name, "it is one of " + ", ".join(OUTPUTS))
        kind = format_named(str(options.get("format") or "png"))
        return cls(kind, quality, bool(options.get("lossless", False)), wanted)


def pack(made: Made, packing: Packing) -> Packed:
    """Return a finished picture as files; raises `OutputError` where one cannot be encoded."""
    extras = Extras.of(made.picture, infotext=made.infotext, recipe=made.recipe)
    pixels = made.picture.pixels
    encoded = encode_picture(
        pixels, format=packing.format, quality=packing.quality, lossless=packing.lossless, extras=extras
    )
    beside = {name: getattr(made, name) for name in packing.outputs}
    return Packed(
        file=encoded.data,
        thumbnail=thumbnail(made.picture),
        format=encoded.format,
        width=made.picture.size.width,
        height=made.picture.size.height,
        seed=made.seed,
        infotext=made.infotext,
        recipe=made.recipe,
        edge=made.edge,
        notes=(*made.notes, *encoded.notes),
        extras={name: _png(picture, made.infotext) for name, picture in beside.items() if picture is not None},
    )


def thumbnail(picture: Picture) -> bytes:
    """Return a WebP in which the longer side has 256 pixels, or as many as the picture has if that is less."""
    image = Image.fromarray(to_eight_bits(picture.pixels))
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS, reducing_gap=2)
    options: dict[str, Any] = {"quality": _QUALITY, "method": 2}
    if picture.icc is not None:
        options["icc_profile"] = picture.icc
    out = io.BytesIO()
    image.save(out, "WEBP", **options)
    return out.getvalue()


def preview_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Return a preview `[h, w, 3]` as a small JPEG."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _png(picture: Picture, infotext: str) -> bytes:
    return encode_picture(picture.pixels, extras=Extras(infotext=infotext)).data
