"""The JSON bodies of A1111's API: its fields, types and defaults (reference 7.2 and 7.3).

Numbers are read as its server reads them: a whole number may be written as text or with a fraction, which is cut off.
Unknown keys are kept in `model_extra`, so that the answer can say they were not honoured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _cut(value: Any) -> Any:
    return int(value) if isinstance(value, float) and math.isfinite(value) else value


Whole: TypeAlias = Annotated[int, BeforeValidator(_cut)]
Real: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]


_DEEPEST: Final = 50


def check_plain(value: Any) -> Any:
    """Return JSON data as it is, or raise ValueError: what cannot be written as JSON again has no place in a request.

    Python reads NaN, infinity and halves of surrogate pairs; nothing deeper than 50 levels is taken.
    """
    left = [(value, 0)]
    while left:
        item, depth = left.pop()
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
        if isinstance(item, str):
            item.isascii() or item.encode("utf-8")
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError("a number is finite")
        elif isinstance(item, Mapping):
            left += [(part, depth + 1) for entry in item.items() for part in entry]
        elif isinstance(item, list | tuple):
            left += [(part, depth + 1) for part in item]
    return value


class Body(BaseModel):
    """A request body: unknown keys are tolerated, numbers may stand for texts."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _is_plain(cls, data: Any) -> Any:
        return check_plain(data)

    def echoed(self) -> dict[str, Any]:
        """Return A1111's own fields with their values, defaults filled in, in its order."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class _Shared(Body):
    prompt: str = ""
    negative_prompt: str = ""
    styles: list[str] | None = None
    seed: Whole = -1
    subseed: Whole = -1
    subseed_strength: Real = 0
    seed_resize_from_h: Whole = -1
    seed_resize_from_w: Whole = -1
    sampler_name: str | None = None
    scheduler: str | None = None
    batch_size: Whole = 1
    n_iter: Whole = 1
    steps: Whole = 50
    cfg_scale: Real = 7.0
    width: Whole = 512
    height: Whole = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    eta: Real | None = None


class _Sampling(_Shared):
    denoising_strength: Real | None = None
    s_min_uncond: Real | None = None
    s_churn: Real | None = None
    s_tmax: Real | None = None
    s_tmin: Real | None = None
    s_noise: Real | None = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: bool = True
    refiner_checkpoint: str | None = None
    refiner_switch_at: Real | None = None
    disable_extra_networks: bool = False
    firstpass_image: str | None = None
    comments: dict[str, Any] | None = None


class Txt2ImgBody(_Sampling):
    """`POST /sdapi/v1/txt2img`."""

    enable_hr: bool = False
    firstphase_width: Whole = 0
    firstphase_height: Whole = 0
    hr_scale: Real = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: Whole = 0
    hr_resize_x: Whole = 0
    hr_resize_y: Whole = 0
    hr_checkpoint_name: str | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: str = ""
    hr_negative_prompt: str = ""
    force_task_id: str | None = None
    sampler_index: str | None = "Euler"
    script_name: str | None = None
    script_args: list[Any] = []
    send_images: bool = True
    save_images: bool = False
    alwayson_scripts: dict[str, Any] = {}
    infotext: str | None = None


class Img2ImgBody(_Sampling):
    """`POST /sdapi/v1/img2img`; its inpainting defaults are not those of A1111's form."""

    denoising_strength: Real | None = 0.75
    init_images: list[Any] | None = None
    resize_mode: Whole = 0
    image_cfg_scale: Real | None = None
    mask: str | None = None
    mask_blur_x: Whole = 4
    mask_blur_y: Whole = 4
    mask_blur: Whole | None = None
    mask_round: bool = True
    inpainting_fill: Whole = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: Whole = 0
    inpainting_mask_invert: Whole = 0
    initial_noise_multiplier: Real | None = None
    latent_mask: str | None = None
    force_task_id: str | None = None
    sampler_index: str | None = "Euler"
    include_init_images: bool = False
    script_name: str | None = None
    script_args: list[Any] = []
    send_images: bool = True
    save_images: bool = False
    alwayson_scripts: dict[str, Any] = {}
    infotext: str | None = None


GenerationBody: TypeAlias = Txt2ImgBody | Img2ImgBody


class _Extras(Body):
    resize_mode: Literal[0, 1] = 0
    show_extras_results: bool = True
    gfpgan_visibility: Annotated[Real, Field(ge=0, le=1)] = 0
    codeformer_visibility: Annotated[Real, Field(ge=0, le=1)] = 0
    codeformer_weight: Annotated[Real, Field(ge=0, le=1)] = 0
    upscaling_resize: Annotated[Real, Field(gt=0)] = 2
    upscaling_resize_w: Annotated[Whole, Field(ge=1)] = 512
    upscaling_resize_h: Annotated[Whole, Field(ge=1)] = 512
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: Annotated[Real, Field(ge=0, le=1)] = 0
    upscale_first: bool = False


class ExtrasSingleBody(_Extras):
    """`POST /sdapi/v1/extra-single-image`."""

    image: str = ""


class FileData(Body):
    """One picture of a batch: base64 and a file name."""

    data: str
    name: str


class ExtrasBatchBody(_Extras):
    """`POST /sdapi/v1/extra-batch-images`."""

    imageList: list[FileData]  # noqa: N815 - A1111's spelling


ExtrasBody: TypeAlias = ExtrasSingleBody | ExtrasBatchBody


class PngInfoBody(Body):
    """`POST /sdapi/v1/png-info`."""

    image: str


class InterrogateBody(Body):
    """`POST /sdapi/v1/interrogate`."""

    image: str | None = ""
    model: str | None = "clip"


class ProgressBody(Body):
    """`POST /internal/progress`, which A1111's page polls."""

    id_task: str = ""
    id_live_preview: Whole = -1
    live_preview: bool = True


def merged(body: GenerationBody, changes: Mapping[str, Any]) -> GenerationBody:
    """Return the body with some fields replaced, checked again."""
    return type(body)(**{**body.echoed(), **(body.model_extra or {}), **changes})
