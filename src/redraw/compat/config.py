"""AUTOMATIC1111's `config.json` and `ui-config.json` as settings and defaults of ours: plain data, nothing is written.

Only what differs from A1111's own defaults is taken over, so that a file nobody touched changes nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redraw.compat.options import DEFAULTS
from redraw.compat.overrides import IMG2IMG_ONLY, apply_noise_fields, apply_settings
from redraw.errors import RequestError
from redraw.request import KINDS, Img2Img, PictureRef, describe_fields

SHARED: Final = ""
"""The kind under which defaults of every request stand."""


@dataclass
class Imported:
    """What a file of A1111's says in our words.

    Attributes:
        settings: keys of our configuration.
        defaults: kind of request (`SHARED` for all) -> field -> value.
        left: a line for each thing that was changed there and has no counterpart here.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def _put(self, kind: str, values: Mapping[str, Any], source: str) -> None:
        """Take over fields of requests whose values are right, and say which are not."""
        for name, value in values.items():
            try:
                _check(kind, name, value)
            except RequestError as error:
                self.left.append(f"{source}: {error}")
            else:
                self.defaults.setdefault(kind, {})[name] = value


@dataclass(frozen=True)
class _Control:
    """One control of A1111's form: our field, its default there, and how a value becomes ours."""

    name: str
    default: Any
    convert: Callable[[Any], Any] = lambda value: value


def _is(word: str) -> Callable[[Any], bool]:
    return lambda value: value == word


def _hyphened(value: Any) -> str:
    return str(value).lower().replace(" ", "-")


_TABS: Final = ("img2img", "txt2img")
_SCRIPTS: Final = ("sampler.py", "seed.py", "soft_inpainting.py")
_RESIZE: Final = {
    "Just resize": "just-resize",
    "Crop and resize": "crop-and-resize",
    "Resize and fill": "resize-and-fill",
    "Just resize (latent upscale)": "latent-upscale",
}
_BOTH: Final[Mapping[str, _Control]] = {
    "Negative prompt": _Control("negative_prompt", ""),
    "Sampling method": _Control("sampler", "DPM++ 2M"),
    "Schedule type": _Control("scheduler", "Automatic"),
    "Sampling steps": _Control("steps", 20),
    "Width": _Control("width", 512),
    "Height": _Control("height", 512),
    "Batch count": _Control("batch_count", 1),
    "Batch size": _Control("batch_size", 1),
    "CFG Scale": _Control("cfg_scale", 7),
    "Seed": _Control("seed", -1, int),
    "Variation seed": _Control("variation_seed", -1, int),
    "Variation strength": _Control("variation_strength", 0),
}
_IMG2IMG: Final[Mapping[str, _Control]] = {
    "Denoising strength": _Control("strength", 0.75),
    "Image CFG Scale": _Control("image_cfg_scale", 1.5),
    "Resize mode": _Control("resize_mode", "Just resize", lambda value: _RESIZE.get(str(value), str(value))),
    "Mask blur": _Control("mask_blur", 4),
    "Mask transparency": _Control("mask_transparency", 0),
    "Mask mode": _Control("invert_mask", "Inpaint masked", _is("Inpaint not masked")),
    "Masked content": _Control("masked_content", "original", _hyphened),
    "Inpaint area": _Control("only_masked", "Whole picture", _is("Only masked")),
    "Only masked padding, pixels": _Control("padding", 32),
    "Soft inpainting": _Control("soft", False),
    "Schedule bias": _Control("soft_bias", 1),
    "Preservation strength": _Control("soft_preservation", 0.5),
    "Transition contrast boost": _Control("soft_contrast", 4),
    "Mask influence": _Control("soft_influence", 0),
    "Difference threshold": _Control("soft_threshold", 0.5),
    "Difference contrast": _Control("soft_difference_contrast", 2),
}
# A1111's settings that are settings here too, and not fields of a request.
_OURS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "sd_model_checkpoint": ("model", str),
    "samples_format": ("output_format", lambda value: "jpg" if value == "jpeg" else str(value)),
    "jpeg_quality": ("output_quality", int),
    "samples_filename_pattern": ("name_pattern", str),
    "outdir_img2img_samples": ("output_dir", str),
}
_BY_SAMPLER: Final = ("eta_ancestral", "eta_ddim")


def is_form(data: Mapping[str, Any]) -> bool:
    """Return whether this is a `ui-config.json`: its keys are paths to controls."""
    return any(key.startswith(("img2img/", "txt2img/", "customscript/")) for key in data)


def read_config(data: Mapping[str, Any]) -> Imported:
    """Return what a `config.json` says."""
    found = Imported()
    for key, value in data.items():
        if key in DEFAULTS and _same(value, DEFAULTS[key]):
            continue
        if key in _OURS:
            name, convert = _OURS[key]
            try:
                found.settings[name] = convert(value)
            except (TypeError, ValueError):
                found.left.append(f"{key} = {value!r}: it has another type in A1111")
            continue
        fields, said = _fields_of(key, value)
        if said or not fields:
            found.left.append(f"{key} = {value!r}")
            continue
        for name, ours in fields.items():
            found._put("img2img" if name in IMG2IMG_ONLY else SHARED, {name: ours}, key)
    return found


def read_form(data: Mapping[str, Any]) -> Imported:
    """Return what a `ui-config.json` says; ranges, visibility and other scripts' controls are not looked at."""
    found = Imported()
    for key, value in data.items():
        kind, label = _place(key)
        controls = {**_BOTH, **_IMG2IMG} if kind == "img2img" else _BOTH
        if label == "Prompt" and value:
            found.left.append(f"{key} = {value!r}: a command always says its prompt")
        control = controls.get(label)
        if control is None or _same(value, control.default):
            continue
        try:
            ours = control.convert(value)
        except (TypeError, ValueError):
            found.left.append(f"{key} = {value!r}: it has another type in A1111")
            continue
        found._put(kind, {control.name: ours}, key)
    return found


def _place(key: str) -> tuple[str, str]:
    """Return which tab and label a key of the form is about; no label where it is none of a control's value."""
    parts = key.split("/")
    if parts[0] == "customscript" and len(parts) > 1:
        parts = parts[2:] if parts[1] in _SCRIPTS else []
    if len(parts) < 3 or parts[0] not in _TABS or parts[-1] != "value":
        return "", ""
    return parts[0], "/".join(parts[1:-1])


def _fields_of(key: str, value: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the fields that one of A1111's settings sets, and what it says of settings that have no meaning here."""
    if key in _BY_SAMPLER:
        return {}, [key]
    fields: dict[str, Any] = {"sampler": "Euler"}
    said: list[str] = []
    try:
        apply_settings(fields, {key: value}, said)
    except RequestError as error:
        return {}, [str(error)]
    apply_noise_fields(fields, {}, {key: value})
    return {name: ours for name, ours in fields.items() if name not in ("sampler", "infotext_without")}, said


def _same(value: Any, default: Any) -> bool:
    return bool(value == default) and isinstance(value, bool) == isinstance(default, bool)


def _check(kind: str, name: str, value: Any) -> None:
    """Raise `RequestError` unless every request of that kind may have this value."""
    model = KINDS[kind or "txt2img"]
    if name not in {info.name for info in describe_fields(model)}:
        raise RequestError(name, value, "no request has such a field")
    if model is Img2Img:
        Img2Img(images=(PictureRef(name="picture"),), mask="alpha", **{name: value})
    else:
        model(**{name: value})
