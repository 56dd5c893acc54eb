"""A1111's settings as fields of ours: those of `override_settings`, and the server's own below them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from redraw.compat.facts import is_timestep
from redraw.compat.options import DEFAULTS, cast
from redraw.compat.refusals import Refusal
from redraw.errors import RequestError
from redraw.registry import UPSCALERS
from redraw.request import BUILT_IN_VAE


@dataclass(frozen=True)
class _Rule:
    """How one of A1111's settings becomes one of our fields."""

    field: str
    convert: Callable[[Any], Any]


def _random_source(value: Any) -> str:
    return {"GPU": "gpu", "CPU": "cpu", "NV": "nv"}.get(str(value), "gpu")


def _optional_name(value: Any) -> str | None:
    return None if value in (None, "", "None", "Automatic") else str(value)


def _vae(value: Any) -> str | None:
    return BUILT_IN_VAE if value == "None" else _optional_name(value)


def _emphasis(value: Any) -> str:
    return {"No norm": "no-norm", "Ignore": "ignore", "None": "none"}.get(str(value), "original")


# Settings (`override_settings`, or the server's own options) that change a picture; reference section 8.1.
_SETTINGS: Final[Mapping[str, _Rule]] = {
    "sd_model_checkpoint": _Rule("model", _optional_name),
    "sd_vae": _Rule("vae", _vae),
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
    "emphasis": _Rule("emphasis", _emphasis),
    "fp8_storage": _Rule("fp8", lambda value: {"Enable": "yes", "Enable for SDXL": "sdxl"}.get(str(value), "no")),
    "sd_vae_encode_method": _Rule("vae_encoder", lambda value: "taesd" if value == "TAESD" else "full"),
    "sd_vae_decode_method": _Rule("vae_decoder", lambda value: "taesd" if value == "TAESD" else "full"),
    "enable_prompt_comments": _Rule("prompt_comments", bool),
    "use_old_scheduling": _Rule("prompt_timeline", lambda value: "old" if value else "new"),
    "sdxl_clip_l_skip": _Rule("clip_skip_sdxl", bool),
    "refiner_switch_by_sample_steps": _Rule("refiner_by_steps", bool),
    "uni_pc_variant": _Rule("unipc_variant", str),
    "uni_pc_skip_type": _Rule("unipc_skip_type", str),
    "uni_pc_order": _Rule("unipc_order", int),
    "uni_pc_lower_order_final": _Rule("unipc_lower_order_final", bool),
}
IMG2IMG_ONLY: Final = frozenset(
    {"exact_steps", "extra_noise", "background", "upscaler", "color_correction", "mask_weight"}
)

# request field, the setting that overrides it when it is not at its default, that default, our field, infotext key
_NOISE_FIELDS: Final = (
    ("s_churn", "s_churn", 0, "s_churn", "Sigma churn"),
    ("s_tmin", "s_tmin", 0, "s_tmin", "Sigma tmin"),
    ("s_tmax", "s_tmax", 0, "s_tmax", "Sigma tmax"),
    ("s_noise", "s_noise", 1.0, "s_noise", "Sigma noise"),
    ("s_min_uncond", "s_min_uncond", 0, "ngms", ""),
)


# Settings that change A1111's pictures, or what it writes into them, and are not honoured here yet.
_NOT_YET: Final = frozenset(
    # one text, since one name to a line would fill a page
    """
    token_merging_ratio token_merging_ratio_img2img token_merging_ratio_hr face_restoration
    use_old_karras_scheduler_sigmas upcast_attn no_dpmpp_sde_batch_determinism use_old_hires_fix_width_height
    hires_fix_use_firstpass_conds use_downcasted_alpha_bar hires_fix_refiner_pass
    sdxl_refiner_low_aesthetic_score sdxl_refiner_high_aesthetic_score sd3_enable_t5 sd_unet cache_fp16_weight
    lora_functional lora_preferred_name hypertile_enable_unet hypertile_enable_vae enable_pnginfo
    add_model_name_to_info add_model_hash_to_info add_vae_name_to_info add_vae_hash_to_info
    add_version_to_infotext add_user_name_to_info postprocessing_enable_in_main_ui
    """.split()  # noqa: SIM905
)


def apply_noise_fields(fields: dict[str, Any], body: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Set the samplers' noise parameters in `fields`, and which of them the infotext leaves out."""
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


def apply_prompt_settings(fields: dict[str, Any], settings: Mapping[str, Any]) -> None:
    """Set in `fields` what several settings say together: padding, SDXL's crop, networks added to every prompt."""
    padded = "pad-v0" if settings.get("pad_cond_uncond_v0") else "pad" if settings.get("pad_cond_uncond") else "no"
    crop = (int(settings.get("sdxl_crop_left") or 0), int(settings.get("sdxl_crop_top") or 0))
    fields["pad_prompts"] = padded
    if settings.get("use_old_emphasis_implementation"):
        fields["emphasis"] = "old"
    fields["sdxl_crop"] = crop if any(crop) else None
    fields["unknown_networks"] = "ignore"
    for setting, kind in (("sd_lora", "lora"), ("sd_hypernetwork", "hypernet")):
        name, share = settings.get(setting), settings.get("extra_networks_default_multiplier", 1.0)
        if name not in (None, "", "None"):
            tag = f"<{kind}:{name}:{share}>"
            fields["prompt"] = _with_tag(fields["prompt"], tag)


def _with_tag(prompts: str | tuple[str, ...], tag: str) -> str | tuple[str, ...]:
    """Put a tag behind every prompt that does not name this network itself."""
    if isinstance(prompts, tuple):
        return tuple(str(_with_tag(prompt, tag)) for prompt in prompts)
    return prompts if tag.rpartition(":")[0] in prompts else prompts + tag


def apply_settings(fields: dict[str, Any], settings: Mapping[str, Any], said: list[str]) -> None:
    """Set what A1111's settings mean in `fields`; `said` gets a line for each that should count and does not.

    Settings that concern A1111's page, folders or files are none of a picture's business and pass in silence.
    """
    for key, value in settings.items():
        rule = _SETTINGS.get(key)
        if key == "upscaler_for_img2img" and not _has_upscaler(value):
            said.append(f"override_settings.{key}: {value!r} is not available; none was used")
        elif rule is not None:
            if value is not None:
                fields[rule.field] = _converted(rule, key, value)
        elif key in ("eta_ancestral", "eta_ddim"):
            if value is not None and is_timestep(fields["sampler"]) == (key == "eta_ddim"):
                fields["eta"] = _converted(_Rule("eta", float), key, value)
        elif key not in DEFAULTS or (key in _NOT_YET and value != DEFAULTS[key]):
            said.append(f"override_settings.{key}: not available yet")


def field_of_setting(setting: str, value: Any) -> tuple[str, Any] | None:
    """Return our field for one of A1111's settings, with its value; None where there is none or it is wrong."""
    rule = _SETTINGS.get(setting)
    try:
        return None if rule is None else (rule.field, _converted(rule, setting, cast(setting, value)))
    except (RequestError, Refusal):
        return None


def _has_upscaler(value: Any) -> bool:
    return value in (None, "", "None") or str(value) in UPSCALERS


def _converted(rule: _Rule, key: str, value: Any) -> Any:
    try:
        return rule.convert(value)
    except (TypeError, ValueError, OverflowError):
        raise RequestError(f"override_settings.{key}", value, "it has another type there") from None
