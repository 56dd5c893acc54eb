"""The request: what is to be made, as plain frozen data.

A field's title, bounds and help text are written here once; the command line, the API schema, the web form and the
infotext keys are made from them. Pictures inside a request are `PictureRef`s. Numbers that infotext prints are
`int | float` and keep their spelling (7 stays 7, 7.0 stays 7.0).
"""

from __future__ import annotations

from redraw.request.advanced import SamplerOptions, SeedOptions
from redraw.request.fields import FieldInfo, Request, describe_fields
from redraw.request.generation import BUILT_IN_VAE, Generation, Img2Img, Txt2Img
from redraw.request.picture import PictureRef

KINDS: dict[str, type[Generation]] = {"img2img": Img2Img, "txt2img": Txt2Img}

__all__ = [
    "BUILT_IN_VAE",
    "KINDS",
    "FieldInfo",
    "Generation",
    "Img2Img",
    "PictureRef",
    "Request",
    "SamplerOptions",
    "SeedOptions",
    "Txt2Img",
    "describe_fields",
]
