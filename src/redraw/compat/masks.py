"""What A1111's `/sdapi/v1/img2img` says about masks, as fields of ours (reference 1.3, 1.13 and 7.3)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from redraw.errors import RequestError
from redraw.request import PictureRef, describe_fields
from redraw.request.masks import SoftOptions

CONTENTS: Final = ("fill", "original", "latent-noise", "latent-nothing")
SOFT_SCRIPT: Final = "soft inpainting"
# the API's own defaults, which are not the form's
_BLUR, _CONTENT, _ONLY_MASKED, _PADDING = 4, 0, True, 0


def mask_fields(body: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return our fields for the mask of `body` and the settings that concern it; none where there is no mask."""
    if body.get("mask") is None:
        return {}
    blur = _whole(body, "mask_blur", None)
    content = _whole(body, "inpainting_fill", _CONTENT) or 0
    fields: dict[str, Any] = {
        "mask": decode_picture(body["mask"], "mask"),
        "mask_blur_x": _whole(body, "mask_blur_x", _BLUR) if blur is None else blur,
        "mask_blur_y": _whole(body, "mask_blur_y", _BLUR) if blur is None else blur,
        "masked_content": CONTENTS[content] if 0 <= content < len(CONTENTS) else CONTENTS[1],
        "only_masked": bool(_given(body, "inpaint_full_res", _ONLY_MASKED)),
        "padding": max(0, _whole(body, "inpaint_full_res_padding", _PADDING) or 0),
        "invert_mask": bool(_given(body, "inpainting_mask_invert", 0)),
        "round_mask": bool(_given(body, "mask_round", True)),
        "overlay": bool(settings.get("overlay_inpaint", True)),
    }
    return fields


def soft_fields(args: Any) -> dict[str, Any]:
    """Return our fields for the arguments of A1111's script "Soft Inpainting"; missing ones keep their defaults."""
    if not isinstance(args, list | tuple):
        raise RequestError("alwayson_scripts", args, "the args of a script are a list")
    names = [field.name for field in describe_fields(SoftOptions)]
    fields = dict(zip(names, args, strict=False))
    if "soft" in fields:
        fields["soft"] = bool(fields["soft"])
    return fields


def mask_outputs(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which pictures A1111 appends to each masked result: "mask", "cutout"."""
    wanted = (("return_mask", "mask"), ("return_mask_composite", "cutout"))
    return tuple(ours for theirs, ours in wanted if settings.get(theirs))


def decode_picture(text: Any, where: str) -> PictureRef:
    """Return a base64 text, or a data URI, as a picture; `RequestError` names `where` if it is neither.

    A picture that was decoded before comes back as it is.
    """
    if isinstance(text, PictureRef):
        return text
    if not isinstance(text, str):
        raise RequestError(where, type(text).__name__, "it is a base64 text")
    payload = text.split(",", 1)[1] if text.startswith("data:") and "," in text else text
    try:
        return PictureRef.from_bytes(base64.b64decode("".join(payload.split()), validate=True), name=where)
    except (binascii.Error, ValueError):
        raise RequestError(where, text[:40], "it is a base64 text") from None


def _given(body: Mapping[str, Any], name: str, default: Any) -> Any:
    value = body.get(name)
    return default if value is None else value


def _whole(body: Mapping[str, Any], name: str, default: int | None) -> int | None:
    value = body.get(name)
    if value is None:
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise RequestError(name, value, "it is a whole number") from None
