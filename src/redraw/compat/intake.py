"""From a body of A1111's API to everything a job needs: infotext merged, styles applied, pictures decoded, refusals.

`intake` is what the endpoints call before `redraw.compat.a1111` translates. It answers wrong requests as A1111 does
(see the recorded ones in the goldens' `api/post_examples.json`), and 501 for what Redraw cannot do yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from redraw.compat import a1111
from redraw.compat.a1111 import Translation
from redraw.compat.bodies import GenerationBody, Img2ImgBody, merged
from redraw.compat.masks import decode_picture
from redraw.compat.options import DEFAULTS, INFOTEXT, cast
from redraw.compat.refusals import Refusal, key_error, not_built
from redraw.compat.scripts import check_script, usable_scripts
from redraw.compat.styles import Style, apply_styles
from redraw.errors import PictureError, RequestError
from redraw.image import infotext
from redraw.image.container import open_file
from redraw.image.picture import Limits
from redraw.request import PictureRef

# infotext key -> field of a request, for both endpoints; [Q] width and height of the seed's size change places here
_FIELDS: Final[Mapping[str, str]] = {
    "Steps": "steps",
    "Sampler": "sampler_name",
    "Schedule type": "scheduler",
    "Seed": "seed",
    "Variation seed": "subseed",
    "Variation seed strength": "subseed_strength",
    "Seed resize from-1": "seed_resize_from_h",
    "Seed resize from-2": "seed_resize_from_w",
    "Refiner": "refiner_checkpoint",
    "Refiner switch at": "refiner_switch_at",
}
_TXT2IMG_FIELDS: Final[Mapping[str, str]] = {
    "Prompt": "prompt",
    "Negative prompt": "negative_prompt",
    "CFG scale": "cfg_scale",
    "Size-1": "width",
    "Size-2": "height",
    "Denoising strength": "denoising_strength",
    "Hires upscale": "hr_scale",
    "Hires upscaler": "hr_upscaler",
    "Hires steps": "hr_second_pass_steps",
}
_URLS: Final = ("http://", "https://")


@dataclass(frozen=True)
class Shelf:
    """What is at hand: the listed name of the model or VAE a text means (None if there is none such), and the styles.

    `network` gives the name here of a network by its kind ("lora", "hypernet" or "embedding"), its name and the first
    digits of its hash, or "".

    `hashes` gives the SHA-256 of every model by its listed name, or nothing where that would take long. A request may
    only name files this way, never by a path.
    """

    model: Callable[[str], str | None] = lambda name: name
    vae: Callable[[str], str | None] = lambda name: name
    styles: Sequence[Style] = ()
    hashes: Callable[[], Mapping[str, str]] = dict
    network: Callable[[str, str, str], str | None] = lambda kind, name, digits: name


@dataclass(frozen=True)
class Intake:
    """A request ready to be queued.

    Attributes:
        translation: our request, what it does not honour, which pictures go with each result.
        echo: A1111's fields as it repeats them in `parameters`.
        settings: the settings in force, the request's own on top.
        to_keep: settings that stay after the job, as the request asks.
    """

    translation: Translation
    echo: Mapping[str, Any]
    settings: Mapping[str, Any]
    to_keep: Mapping[str, Any]


def intake(
    body: GenerationBody,
    options: Mapping[str, Any],
    shelf: Shelf | None = None,
    limits: Limits | None = None,
) -> Intake:
    """Return what becomes of a body of txt2img or img2img.

    Args:
        body: as the client sent it.
        options: the server's A1111 settings that differ from `DEFAULTS`.
        shelf: the models, VAEs and styles at hand.
        limits: what a picture may be at most.

    Raises:
        Refusal: as A1111 refuses, or 501.
        RequestError: a value nothing can be made of, or a picture beyond the limits.
    """
    endpoint = "img2img" if isinstance(body, Img2ImgBody) else "txt2img"
    if isinstance(body, Img2ImgBody) and body.init_images is None:
        raise Refusal(404, "Init image not found")
    shelf, said = shelf or Shelf(), list[str]()
    body = with_infotext(body, {**DEFAULTS, **options})
    check_script(body.script_name, endpoint)
    scripts = usable_scripts(body.alwayson_scripts, endpoint, said)
    _refuse_later_features(body)
    overrides = _overrides(body, shelf, said)
    options, _ = with_listed_names(options, shelf)
    fields = {**body.echoed(), **(body.model_extra or {}), "alwayson_scripts": scripts, "override_settings": overrides}
    fields |= _prompts(body, shelf.styles, said) | _pictures(body, limits or Limits())
    if body.refiner_checkpoint not in (None, "", "None"):
        fields["refiner_checkpoint"] = shelf.model(body.refiner_checkpoint)
        if fields["refiner_checkpoint"] is None:
            raise Refusal(
                500, error="Exception", errors=f"Could not find checkpoint with name {body.refiner_checkpoint}"
            )
    for name in ("styles", "infotext", "script_name"):
        fields.pop(name)
    translate = a1111.img2img if endpoint == "img2img" else a1111.txt2img
    translation = translate(fields, options)
    kept = {} if body.override_settings_restore_afterwards else overrides
    notes = (*said, *translation.not_honoured)
    return Intake(
        Translation(translation.request, notes, translation.outputs),
        _echo(body),
        {**DEFAULTS, **options, **overrides},
        {key: cast(key, value) for key, value in kept.items()},
    )


def with_infotext(body: GenerationBody, options: Mapping[str, Any]) -> GenerationBody:
    """Return the body with the fields it leaves out filled from its `infotext` (reference 7.4).

    [Q] In img2img prompt, size, CFG scale and strength are not among them. What an infotext says of settings goes into
    `override_settings` where it differs from the settings in force; the model is left out.
    """
    if not body.infotext:
        return body
    found = infotext.parse(body.infotext, defaults=True)
    names = _FIELDS if isinstance(body, Img2ImgBody) else {**_FIELDS, **_TXT2IMG_FIELDS}
    changes = {field: found[key] for key, field in names.items() if key in found and field not in body.model_fields_set}
    overrides = dict(body.override_settings or {})
    for key, setting in INFOTEXT.items():
        if key in found and setting not in overrides and setting != "sd_model_checkpoint":
            value = cast(setting, found[key])
            if value != options[setting]:
                overrides[setting] = value
    try:
        return merged(body, {**changes, "override_settings": overrides or body.override_settings})
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        raise RequestError("infotext", changes.get(key), f"its {key} cannot be read") from None


def _refuse_later_features(body: GenerationBody) -> None:
    """Refuse what would give a picture of another size or content than the one asked for."""
    if body.restore_faces:
        raise not_built("Face restoration (restore_faces)")
    if not isinstance(body, Img2ImgBody) and body.enable_hr:
        raise not_built("Hires fix (enable_hr)")


def _overrides(body: GenerationBody, shelf: Shelf, said: list[str]) -> dict[str, Any]:
    """Return `override_settings` without models that are not at hand, which A1111 passes over too."""
    for key in body.override_settings or {}:
        if key not in DEFAULTS:
            raise key_error(key)
    kept, missing = with_listed_names(body.override_settings or {}, shelf)
    said += [f"override_settings.{key}: {name!r} is not at hand; it was passed over" for key, name in missing.items()]
    return kept


def with_listed_names(settings: Mapping[str, Any], shelf: Shelf) -> tuple[dict[str, Any], dict[str, str]]:
    """Return settings with model and VAE by their listed names, and apart those that are not at hand."""
    kept, missing = dict(settings), {}
    for key, listed in (("sd_model_checkpoint", shelf.model), ("sd_vae", shelf.vae)):
        name = kept.get(key)
        if not name or name in ("Automatic", "None"):
            continue
        found = listed(str(name))
        if found is None:
            missing[key] = str(kept.pop(key))
        else:
            kept[key] = found
    return kept, missing


def open_init_picture(text: Any, where: str, limits: Limits) -> PictureRef:
    """Return a picture of a body; raises `Refusal` as A1111 does, `PictureError` where it is beyond the limits."""
    if isinstance(text, str) and text.startswith(_URLS):
        raise Refusal(500, "Requests not allowed")
    try:
        ref = decode_picture(text, where)
        data = ref.open_bytes()
        with open_file(data, where) as image:
            width, height = image.size
    except RequestError:
        raise Refusal(500, "Invalid encoded image") from None
    if len(data) > limits.max_bytes:
        raise PictureError(where, f"the file is larger than the limit of {limits.max_bytes:,} bytes")
    if max(width, height) > limits.max_side or width * height > limits.max_pixels:
        raise PictureError(where, f"{width}x{height} is more than the limit of {limits.max_pixels:,} pixels")
    return ref


def _pictures(body: GenerationBody, limits: Limits) -> dict[str, Any]:
    if not isinstance(body, Img2ImgBody):
        return {}
    images = body.init_images or []
    if not images:
        raise Refusal(500, error="RuntimeError", errors="init_images is empty: at least one picture is needed")
    opened = [open_init_picture(image, f"init_images[{i}]", limits) for i, image in enumerate(images)]
    mask = None if body.mask is None else open_init_picture(body.mask, "mask", limits)
    return {"init_images": opened, "mask": mask}


def _prompts(body: GenerationBody, styles: Sequence[Style], said: list[str]) -> dict[str, str]:
    prompt, negative, missing = apply_styles(body.prompt, body.negative_prompt, body.styles or (), styles)
    said += [f"style {name!r} is unknown; it was passed over, as A1111 does" for name in missing]
    return {"prompt": prompt, "negative_prompt": negative}


def _echo(body: GenerationBody) -> dict[str, Any]:
    echo = body.echoed()
    if isinstance(body, Img2ImgBody) and not body.include_init_images:
        echo |= {"init_images": None, "mask": None}
    return echo
