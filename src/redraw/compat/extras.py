"""A1111's Extras: enlarging finished pictures, with its sizes, its blending and its words (reference 6.1 and 6.2)."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from redraw.compat.bodies import ExtrasBody
from redraw.compat.facts import UPSCALERS_LATER
from redraw.compat.refusals import not_built
from redraw.errors import RequestError, UnknownName
from redraw.geometry import Size
from redraw.image.resize import upscaler_target
from redraw.registry import UPSCALERS

NONE = "None"
Enlarge = Callable[[Image.Image, float], Image.Image]


def check_extras(body: ExtrasBody) -> None:
    """Refuse what cannot be done yet (501) and upscalers nobody knows (`UnknownName`)."""
    for name in (body.upscaler_1, body.upscaler_2):
        if name in UPSCALERS_LATER:
            raise not_built(f"The upscaler {name!r}")
        if name != NONE and name not in UPSCALERS:
            raise UnknownName("upscaler", name, [NONE, *UPSCALERS.labels()])
    if body.gfpgan_visibility > 0:
        raise not_built("GFPGAN")
    if body.codeformer_visibility > 0:
        raise not_built("CodeFormer")


def apply_extras(image: Image.Image, body: ExtrasBody, *, max_pixels: int) -> tuple[Image.Image, str]:
    """Return the picture after A1111's Extras, and what was done as the text of its `postprocessing` chunk.

    `upscale_first` changes nothing [Q], and neither does anything else while the first upscaler is None.

    Raises:
        Refusal: 501 for upscalers and face restorers that are not built yet.
        RequestError: an upscaler nobody knows, or a result of more than `max_pixels`.
    """
    check_extras(body)
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGB")
    if body.upscaler_1 == NONE:
        return image, ""
    done = []
    scale = float(body.upscaling_resize)
    wanted = Size(body.upscaling_resize_w, body.upscaling_resize_h)
    if body.resize_mode == 1:
        scale = max(wanted.width / image.width, wanted.height / image.height)
        done.append(f"Postprocess upscale to: {wanted}")
    else:
        done.append(f"Postprocess upscale by: {scale}")
    crop = body.resize_mode == 1 and body.upscaling_crop
    _check_size(image, scale, max_pixels)
    result = enlarge(image, body.upscaler_1, scale)
    if crop:
        result = _centered(result, wanted)
        done.append(f"Postprocess crop to: {wanted}")
    done.append(f"Postprocess upscaler: {body.upscaler_1}")
    if body.upscaler_2 != NONE and body.extras_upscaler_2_visibility > 0:
        second = enlarge(image, body.upscaler_2, scale)
        if crop:
            second = _centered(second, wanted)
        result = Image.blend(result, second, body.extras_upscaler_2_visibility)
        done.append(f"Postprocess upscaler 2: {body.upscaler_2}")
    return result, ", ".join(done)


def enlarge(image: Image.Image, upscaler: str, scale: float) -> Image.Image:
    """Return the picture at A1111's target for `scale`, rounded down to multiples of 8 [Q].

    A picture that is large enough already meets no upscaler, only Lanczos.
    """
    target = upscaler_target(Size(*image.size), scale)
    if scale < 1 or (scale != 1 and image.width >= target.width and image.height >= target.height):
        return image if image.size == target else image.resize(target, Image.Resampling.LANCZOS)
    upscale: Enlarge = UPSCALERS.get(upscaler)
    return upscale(image, scale)


def _check_size(image: Image.Image, scale: float, max_pixels: int) -> None:
    if image.width * image.height * scale * scale > max_pixels:
        raise RequestError("upscaling_resize", scale, f"the result may have at most {max_pixels:,} pixels")


def _centered(image: Image.Image, size: Size) -> Image.Image:
    canvas = Image.new("RGB", size)
    canvas.paste(image, box=(size.width // 2 - image.width // 2, size.height // 2 - image.height // 2))
    return canvas
