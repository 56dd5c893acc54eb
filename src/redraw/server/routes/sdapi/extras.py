"""Extras, PNG info and interrogation (reference 6 and 7.2)."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from PIL import Image
from pydantic import BaseModel

from redraw.compat.bodies import ExtrasBatchBody, ExtrasBody, ExtrasSingleBody, InterrogateBody, PngInfoBody
from redraw.compat.extras import apply_extras, check_extras
from redraw.compat.intake import open_init_picture
from redraw.compat.options import DEFAULTS
from redraw.compat.refusals import Refusal, not_built
from redraw.errors import PictureError
from redraw.image import infotext
from redraw.image.encode import Extras, encode_picture
from redraw.image.io import open_picture
from redraw.image.metadata import read_metadata
from redraw.image.picture import Picture
from redraw.image.profile import to_eight_bits
from redraw.server.routes.sdapi.door import door, refusals, stored_options
from redraw.server.state import Parts, Shared

router = door()

_INTERROGATORS = ("clip", "deepdanbooru")


class ExtrasReply(BaseModel):
    """A finished picture in base64, and what was done in HTML."""

    html_info: str
    image: str


class ExtrasBatchReply(BaseModel):
    """Finished pictures in base64, and what was done to the last one in HTML."""

    html_info: str
    images: list[str]


class PngInfoReply(BaseModel):
    """A picture's infotext, its other text entries, and the infotext read."""

    info: str
    items: dict[str, Any]
    parameters: dict[str, Any]


class Caption(BaseModel):
    """What a picture shows, in words."""

    caption: str


@router.post("/extra-single-image", responses=refusals(422, 500, 501))
def extra_single_image(parts: Parts, body: ExtrasSingleBody) -> ExtrasReply:
    """Enlarge a picture."""
    check_extras(body)
    data, done = _processed(parts, body, body.image, "image")
    return ExtrasReply(html_info=f"<p>{done}</p>", image=data)


@router.post("/extra-batch-images", responses=refusals(422, 500, 501))
def extra_batch_images(parts: Parts, body: ExtrasBatchBody) -> ExtrasBatchReply:
    """Enlarge several pictures."""
    check_extras(body)
    made = [_processed(parts, body, file.data, f"imageList[{i}]") for i, file in enumerate(body.imageList)]
    done = made[-1][1] if made else ""
    return ExtrasBatchReply(html_info=f"<p>{done}</p>", images=[data for data, _ in made])


@router.post("/png-info", responses=refusals(422, 500))
def png_info(parts: Parts, body: PngInfoBody) -> PngInfoReply:
    """Read what a picture says about itself."""
    picture = open_init_picture(body.image.strip(), "image", parts.config.limits)
    found = read_metadata(picture)
    text = found.infotext or ""
    return PngInfoReply(info=text, items=dict(found.items), parameters=infotext.parse(text, defaults=True))


@router.post("/interrogate", responses=refusals(404, 422, 501))
def interrogate(body: InterrogateBody) -> Caption:
    """Describe a picture: not built yet."""
    if body.image is None:
        raise Refusal(404, "Image not found")
    if body.model not in _INTERROGATORS:
        raise Refusal(404, "Model not found")
    raise not_built("Interrogation")


def _processed(parts: Shared, body: ExtrasBody, text: str, where: str) -> tuple[str, str]:
    """Return the finished picture as base64, and what was done."""
    limits = parts.config.limits
    opened = _opened(open_init_picture(text, where, limits), parts)
    image, done = apply_extras(Image.fromarray(to_eight_bits(opened.pixels)), body, max_pixels=limits.max_pixels)
    settings = {**DEFAULTS, **stored_options(parts)}
    kept = dict(opened.text) | {"postprocessing": done} | ({"extras": done} if opened.infotext else {})
    encoded = encode_picture(
        np.asarray(image),
        format=str(settings["samples_format"] or "png"),
        quality=int(settings["jpeg_quality"] or 80),
        lossless=bool(settings["webp_lossless"]),
        extras=Extras(icc=opened.icc, text=kept, infotext=opened.infotext),
    )
    return base64.b64encode(encoded.data).decode(), done


def _opened(ref: Any, parts: Shared) -> Picture:
    try:
        return open_picture(ref, parts.config.limits)
    except PictureError:
        raise Refusal(500, "Invalid encoded image") from None
