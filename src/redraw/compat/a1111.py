"""AUTOMATIC1111's `/sdapi/v1` requests as ours.

`img2img` and `txt2img` take the JSON body of a request and give a `Translation`: our request, whose named options say
everything A1111 does differently (its size rule, its random numbers, its flattened transparency), and a list of what
the body asked for that was not honoured. Where A1111 replaces a wrong name silently, the replacement is made and
listed. Nothing below this room knows that A1111 exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redraw.compat.masks import SOFT_SCRIPT, decode_picture, mask_fields, mask_outputs, soft_fields
from redraw.compat.names import resolve_sampler
from redraw.compat.overrides import IMG2IMG_ONLY, apply_noise_fields, apply_prompt_settings, apply_settings
from redraw.conditioning.tags import with_networks
from redraw.errors import RequestError
from redraw.request import Generation, Img2Img, Txt2Img, describe_fields

_NEVER_BOUNDED: Final = frozenset({"width", "height", "batch_size", "batch_count", "seed", "variation_seed", "padding"})
RESIZE_MODES: Final = ("just-resize", "crop-and-resize", "resize-and-fill", "latent-upscale")

# Every field of A1111's two requests (reference 7.3); any other key of a body is unknown to it too.
_THEIR_FIELDS: Final = frozenset(
    # one text, since one name to a line would fill a page
    """
    prompt negative_prompt styles seed subseed subseed_strength seed_resize_from_h seed_resize_from_w sampler_name
    scheduler sampler_index batch_size n_iter steps cfg_scale width height restore_faces tiling do_not_save_samples
    do_not_save_grid eta denoising_strength s_min_uncond s_churn s_tmax s_tmin s_noise override_settings
    override_settings_restore_afterwards refiner_checkpoint refiner_switch_at disable_extra_networks firstpass_image
    comments script_name script_args send_images save_images alwayson_scripts force_task_id infotext
    init_images resize_mode image_cfg_scale mask mask_blur_x mask_blur_y mask_blur mask_round inpainting_fill
    inpaint_full_res inpaint_full_res_padding inpainting_mask_invert initial_noise_multiplier latent_mask
    include_init_images enable_hr firstphase_width firstphase_height hr_scale hr_upscaler hr_second_pass_steps
    hr_resize_x hr_resize_y hr_checkpoint_name hr_sampler_name hr_scheduler hr_prompt hr_negative_prompt
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Translation:
    """Our request, and one line for each thing of theirs that was not honoured.

    `outputs` names pictures that A1111 appends to each masked result: attributes of our `Result`.
    """

    request: Generation
    not_honoured: tuple[str, ...]
    outputs: tuple[str, ...] = ()


def img2img(body: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Translation:
    """Translate the body of `POST /sdapi/v1/img2img`.

    Args:
        body: the JSON object; unknown keys are ignored, as A1111 does, and listed.
        options: the server's own A1111 settings, below the body's `override_settings`.

    Raises:
        RequestError: no `init_images`, a picture that is not base64, or a number no sampler can use.
    """
    settings = _merged_settings(body, options)
    said: list[str] = []
    fields = _shared_fields(body, settings, said)
    pictures = [decode_picture(image, f"init_images[{i}]") for i, image in enumerate(body.get("init_images") or ())]
    if not pictures:
        raise RequestError("init_images", body.get("init_images"), "at least one picture is needed")
    fields["images"] = tuple(pictures)
    if len(pictures) > 1:
        if len(pictures) > fields["batch_size"]:
            raise RequestError("init_images", len(pictures), "there may be at most batch_size pictures")
        fields["batch_size"] = len(pictures)
    fields["strength"] = float(_number(body, "denoising_strength", 0.75))
    mode = int(_number(body, "resize_mode", 0))
    fields["resize_mode"] = RESIZE_MODES[mode] if 0 <= mode < len(RESIZE_MODES) else RESIZE_MODES[0]
    _set_noise_multiplier(fields, body, options, said)
    fields["keep_alpha"] = False  # A1111 gives RGB, whatever came in
    fields["reading"] = "plain"
    fields["mask_rules"], fields["zero_strength"] = "loose", "step"
    fields["image_cfg_scale"] = None if body.get("image_cfg_scale") is None else _number(body, "image_cfg_scale", 1)
    fields |= mask_fields(body, settings)
    _apply_scripts(fields, body, said)
    if body.get("latent_mask") is not None:
        said.append("latent_mask: not available; A1111 takes it from scripts only")
    outputs = mask_outputs(settings) if "mask" in fields else ()
    fields = _within_bounds(Img2Img, fields, said)
    return Translation(Img2Img(**fields), tuple(said + _unknown_keys(body)), outputs)


def txt2img(body: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Translation:
    """Translate the body of `POST /sdapi/v1/txt2img`; arguments and errors as for `img2img`."""
    settings = _merged_settings(body, options)
    said: list[str] = []
    fields = _shared_fields(body, settings, said)
    for name in IMG2IMG_ONLY & fields.keys():
        del fields[name]
    _apply_scripts({}, body, said)
    if body.get("enable_hr"):
        said.append("enable_hr: not available yet")
    fields = _within_bounds(Txt2Img, fields, said)
    return Translation(Txt2Img(**fields), tuple(said + _unknown_keys(body)))


def _set_noise_multiplier(
    fields: dict[str, Any], body: Mapping[str, Any], options: Mapping[str, Any] | None, said: list[str]
) -> None:
    name = "initial_noise_multiplier"
    if name in (body.get("override_settings") or {}):
        # [Q] A1111 reads this setting before the overrides of a request arrive: an override has no effect
        said.append(f"override_settings.{name}: has no effect in A1111 either; use the field of that name")
    given = body if body.get(name) is not None else options or {}
    if given.get(name) is not None:
        fields["noise_multiplier"] = float(_number(given, name, 1))


def _merged_settings(body: Mapping[str, Any], options: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**(options or {}), **(body.get("override_settings") or {})}


def _shared_fields(body: Mapping[str, Any], settings: Mapping[str, Any], said: list[str]) -> dict[str, Any]:
    """Return our fields that both endpoints have, adding to `said` what could not be honoured."""
    sampler, scheduler = resolve_sampler(body.get("sampler_name") or body.get("sampler_index") or "Euler",
                                         body.get("scheduler"), said)  # fmt: skip
    fields: dict[str, Any] = {
        "prompt": _texts(body.get("prompt")),
        "negative_prompt": _texts(body.get("negative_prompt")),
        "sampler": sampler,
        "scheduler": scheduler,
        "seed": _seed(body.get("seed", -1)),
        "variation_seed": _seed(body.get("subseed", -1)),
        "variation_strength": float(_number(body, "subseed_strength", 0)),
        "batch_size": max(1, int(_number(body, "batch_size", 1))),
        "batch_count": max(1, int(_number(body, "n_iter", 1))),
        "steps": int(_number(body, "steps", 50)),
        "cfg_scale": float(_number(body, "cfg_scale", 7.0)),
        "width": int(_number(body, "width", 512)),
        "height": int(_number(body, "height", 512)),
        "rng": "gpu",
        "size_rule": "floor-8",
    }
    resize_from = (int(_number(body, "seed_resize_from_w", -1)), int(_number(body, "seed_resize_from_h", -1)))
    if min(resize_from) > 0:
        fields["seed_resize_from"] = resize_from
    apply_settings(fields, settings, said)
    if body.get("tiling") is not None:
        fields["tiling"] = bool(body["tiling"])
    if body.get("eta") is not None:
        fields["eta"] = float(_number(body, "eta", 0))
    apply_noise_fields(fields, body, settings)
    apply_prompt_settings(fields, settings)
    if body.get("disable_extra_networks"):
        fields["prompt"] = _without_tags(fields["prompt"])
    if body.get("refiner_checkpoint") not in (None, "", "None"):
        fields["refiner"] = str(body["refiner_checkpoint"])
        fields["refiner_switch_at"] = float(_number(body, "refiner_switch_at", 0.8))
    for name in ("styles", "restore_faces", "script_name", "infotext"):
        if body.get(name):
            said.append(f"{name}: not available yet")
    return fields


def _apply_scripts(fields: dict[str, Any], body: Mapping[str, Any], said: list[str]) -> None:
    """Take over the always-on scripts that are ours too, and list the others."""
    for title, given in (body.get("alwayson_scripts") or {}).items():
        if title.lower() == SOFT_SCRIPT and fields:
            fields |= soft_fields((given or {}).get("args", []))
        else:
            said.append(f"alwayson_scripts.{title}: not available yet")


def _within_bounds(kind: type[Generation], fields: Mapping[str, Any], said: list[str]) -> dict[str, Any]:
    """Return the fields with numbers pulled to the nearest we take, each listed: A1111 takes any number.

    Sizes and counts stay as they are and are refused where they are too large.
    """
    bounded = dict(fields)
    for info in describe_fields(kind):
        value = fields.get(info.name)
        if info.name in _NEVER_BOUNDED or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        low, high = info.minimum, info.maximum
        nearest = low if low is not None and value < low else high if high is not None and value > high else None
        if nearest is not None:
            bounded[info.name] = type(value)(nearest)
            said.append(f"{info.name} {value:g} is out of range; {nearest:g} was used")
    return bounded


def _number(body: Mapping[str, Any], name: str, default: float) -> int | float:
    """Return a number of the body, or the API's default where it is missing or null."""
    value = body.get(name)
    if value is None:
        return default
    try:
        return value if isinstance(value, int | float) else float(value)
    except (TypeError, ValueError):
        raise RequestError(name, value, "it is a number") from None


def _texts(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(str(entry) for entry in value)
    return str(value or "")


def _without_tags(texts: str | tuple[str, ...]) -> str | tuple[str, ...]:
    if isinstance(texts, str):
        return with_networks(texts)[0]
    return tuple(with_networks(text)[0] for text in texts)


def _seed(value: Any) -> int | tuple[int, ...]:
    """Return a seed as A1111 reads it: what is missing, empty or no number means a random one."""
    if isinstance(value, list):
        return tuple(int(v) for v in value)
    try:
        number = int(value)
    except (TypeError, ValueError):
        return -1
    return number if number >= 0 else -1


def _unknown_keys(body: Mapping[str, Any]) -> list[str]:
    """Return a line for each key of the body that is no field of A1111's."""
    return [f"{key}: unknown field" for key in body if key not in _THEIR_FIELDS]
