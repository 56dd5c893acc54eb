"""AUTOMATIC1111's `/sdapi/v1` requests as ours.

`img2img` and `txt2img` take the JSON body of a request and give a `Translation`: our request, whose named options say
everything A1111 does differently (its size rule, its random numbers, its flattened transparency), and a list of what
the body asked for that was not honoured. Where A1111 replaces a wrong name silently, the replacement is made and
listed. Nothing below this room knows that A1111 exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redraw.compat.masks import SOFT_SCRIPT, decode_picture, mask_fields, mask_outputs, soft_fields
from redraw.compat.names import resolve_sampler
from redraw.errors import RequestError
from redraw.registry import SAMPLERS
from redraw.request import Generation, Img2Img, Txt2Img

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


@dataclass(frozen=True)
class _Rule:
    """How one of A1111's settings becomes one of our fields."""

    field: str
    convert: Callable[[Any], Any]


def _random_source(value: Any) -> str:
    return {"GPU": "gpu", "CPU": "cpu", "NV": "nv"}.get(str(value), "gpu")


def _optional_name(value: Any) -> str | None:
    return None if value in (None, "", "None", "Automatic") else str(value)


# Settings (`override_settings`, or the server's own options) that change a picture; reference section 8.1.
_SETTINGS: Final[Mapping[str, _Rule]] = {
    "sd_model_checkpoint": _Rule("model", _optional_name),
    "sd_vae": _Rule("vae", _optional_name),
    "CLIP_stop_at_last_layers": _Rule("clip_skip", int),
    "comma_padding_backtrack": _Rule("comma_backtrack", int),
    "randn_source": _Rule("rng", _random_source),
    "eta_noise_seed_delta": _Rule("ensd", int),
    "enable_quantization": _Rule("quantize", bool),
    "tiling": _Rule("tiling", bool),
    "img2img_fix_steps": _Rule("exact_steps", bool),
    "img2img_extra_noise": _Rule("extra_noise", float),
    "img2img_background_color": _Rule("background", str),
    "upscaler_for_img2img": _Rule("upscaler", _optional_name),
    "img2img_color_correction": _Rule("color_correction", bool),
    "inpainting_mask_weight": _Rule("mask_weight", lambda value: value if isinstance(value, int) else float(value)),
    "sigma_min": _Rule("sigma_min", float),
    "sigma_max": _Rule("sigma_max", float),
    "rho": _Rule("rho", float),
    "beta_dist_alpha": _Rule("beta_alpha", float),
    "beta_dist_beta": _Rule("beta_beta", float),
    "always_discard_next_to_last_sigma": _Rule("discard_penultimate", bool),
    "sgm_noise_multiplier": _Rule("sgm_noise", bool),
    "sd_noise_schedule": _Rule("zero_terminal_snr", lambda value: value == "Zero Terminal SNR"),
    "skip_early_cond": _Rule("skip_early_cfg", float),
    "s_min_uncond_all": _Rule("ngms_all_steps", bool),
    "uni_pc_variant": _Rule("unipc_variant", str),
    "uni_pc_skip_type": _Rule("unipc_skip_type", str),
    "uni_pc_order": _Rule("unipc_order", int),
    "uni_pc_lower_order_final": _Rule("unipc_lower_order_final", bool),
}
_IMG2IMG_ONLY: Final = frozenset(
    {"exact_steps", "extra_noise", "background", "upscaler", "color_correction", "mask_weight"}
)
_MASK_SETTINGS: Final = frozenset({"return_mask", "return_mask_composite", "overlay_inpaint"})

# request field, the setting that overrides it when it is not at its default, that default, our field, infotext key
_NOISE_FIELDS: Final = (
    ("s_churn", "s_churn", 0, "s_churn", "Sigma churn"),
    ("s_tmin", "s_tmin", 0, "s_tmin", "Sigma tmin"),
    ("s_tmax", "s_tmax", 0, "s_tmax", "Sigma tmax"),
    ("s_noise", "s_noise", 1.0, "s_noise", "Sigma noise"),
    ("s_min_uncond", "s_min_uncond", 0, "ngms", ""),
)


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
    if body.get("initial_noise_multiplier") is not None:
        fields["noise_multiplier"] = float(_number(body, "initial_noise_multiplier", 1))
    fields["keep_alpha"] = False  # A1111 gives RGB, whatever came in
    fields["reading"] = "plain"
    fields["mask_rules"], fields["zero_strength"] = "loose", "step"
    fields["image_cfg_scale"] = None if body.get("image_cfg_scale") is None else _number(body, "image_cfg_scale", 1)
    fields |= mask_fields(body, settings)
    _apply_scripts(fields, body, said)
    if body.get("latent_mask") is not None:
        said.append("latent_mask: not available; A1111 takes it from scripts only")
    outputs = mask_outputs(settings) if "mask" in fields else ()
    return Translation(Img2Img(**fields), tuple(said + _unknown_keys(body)), outputs)


def txt2img(body: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Translation:
    """Translate the body of `POST /sdapi/v1/txt2img`; arguments and errors as for `img2img`."""
    settings = _merged_settings(body, options)
    said: list[str] = []
    fields = _shared_fields(body, settings, said)
    for name in _IMG2IMG_ONLY & fields.keys():
        del fields[name]
    _apply_scripts({}, body, said)
    if body.get("enable_hr"):
        said.append("enable_hr: not available yet")
    return Translation(Txt2Img(**fields), tuple(said + _unknown_keys(body)))


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
    _apply_settings(fields, settings, said)
    if body.get("tiling") is not None:
        fields["tiling"] = bool(body["tiling"])
    if body.get("eta") is not None:
        fields["eta"] = float(_number(body, "eta", 0))
    _apply_noise_fields(fields, body, settings)
    for name in ("styles", "restore_faces", "refiner_checkpoint", "script_name", "infotext"):
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


def _apply_noise_fields(fields: dict[str, Any], body: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    unsaid = []
    for name, setting, default, ours, key in _NOISE_FIELDS:
        # [Q] a setting that is not at its default wins over the request's own value, and only settings are written
        # into the infotext
        value = settings.get(setting, default)
        if value == default:
            value = body.get(name)
            unsaid.append(key)
        if value is not None:
            fields[ours] = value
    fields["infotext_without"] = tuple(unsaid)


def _apply_settings(fields: dict[str, Any], settings: Mapping[str, Any], said: list[str]) -> None:
    noise = {setting for _, setting, _, _, _ in _NOISE_FIELDS}
    for key, value in settings.items():
        rule = _SETTINGS.get(key)
        if rule is not None:
            if value is not None:
                fields[rule.field] = _converted(rule, key, value)
        elif key == "initial_noise_multiplier":
            # [Q] A1111 reads this setting before the overrides of a request arrive: an override has no effect
            said.append(f"override_settings.{key}: has no effect in A1111 either; use the field of that name")
        elif key in ("eta_ancestral", "eta_ddim"):
            timestep_family = SAMPLERS.get(fields["sampler"]).family == "timestep"
            if timestep_family == (key == "eta_ddim"):
                fields["eta"] = float(value)
        elif key not in noise and key not in _MASK_SETTINGS:
            said.append(f"override_settings.{key}: not available yet")


def _converted(rule: _Rule, key: str, value: Any) -> Any:
    try:
        return rule.convert(value)
    except (TypeError, ValueError):
        raise RequestError(f"override_settings.{key}", value, "it has another type there") from None


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
