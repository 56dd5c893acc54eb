"""What a form is made of: A1111's labels, ranges, steps and defaults, and words for every choice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from redraw.request import FieldInfo, Img2Img, Txt2Img, describe_fields

FIELDS = {field.name: field for field in describe_fields(Img2Img)}
_SOFT = "customscript/soft_inpainting.py/img2img/"
_SAMPLER = "customscript/sampler.py/img2img/"
_SEED = "customscript/seed.py/img2img/"
# Our field: where A1111's ui-config has its control; the last part is the label.
CONTROLS = {
    "prompt": "img2img/Prompt",
    "negative_prompt": "img2img/Negative prompt",
    "resize_mode": "img2img/Resize mode",
    "mask_blur": "img2img/Mask blur",
    "mask_transparency": "img2img/Mask transparency",
    "invert_mask": "img2img/Mask mode",
    "masked_content": "img2img/Masked content",
    "only_masked": "img2img/Inpaint area",
    "padding": "img2img/Only masked padding, pixels",
    "width": "img2img/Width",
    "height": "img2img/Height",
    "scale": "img2img/Scale",
    "batch_count": "img2img/Batch count",
    "batch_size": "img2img/Batch size",
    "cfg_scale": "img2img/CFG Scale",
    "image_cfg_scale": "img2img/Image CFG Scale",
    "strength": "img2img/Denoising strength",
    "sampler": f"{_SAMPLER}Sampling method",
    "scheduler": f"{_SAMPLER}Schedule type",
    "steps": f"{_SAMPLER}Sampling steps",
    "seed": f"{_SEED}Seed",
    "variation_seed": f"{_SEED}Variation seed",
    "variation_strength": f"{_SEED}Variation strength",
    "soft": f"{_SOFT}Soft inpainting",
    "soft_bias": f"{_SOFT}Schedule bias",
    "soft_preservation": f"{_SOFT}Preservation strength",
    "soft_contrast": f"{_SOFT}Transition contrast boost",
    "soft_influence": f"{_SOFT}Mask influence",
    "soft_threshold": f"{_SOFT}Difference threshold",
    "soft_difference_contrast": f"{_SOFT}Difference contrast",
}
# Where our default is another one, and why.
OTHER_DEFAULTS = {
    "width": "None: the result has the source's size, where A1111 distorts every source to 512x512",
    "height": "as width",
    "scale": "None: no scale was chosen; A1111 knows by the tab that is open",
}
# Where A1111 has more than one control for a field.
SEED_SIZE = ("Resize seed from width", "Resize seed from height")
# Numbers that no slider can set.
FREE = {"seed", "variation_seed", "ensd", "content_seed"}
# What img2img's tab shows in A1111; a form must not hide it.
SHOWN = {*CONTROLS, "images", "mask", "paint", "paint_is_mask", "model", "seed_resize_from"}


@pytest.fixture(scope="module")
def theirs(goldens: Path) -> dict[str, Any]:
    """A1111's ui-config of a fresh installation."""
    found: dict[str, Any] = json.loads((goldens / "api" / "ui-config.json").read_text())
    return found


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_has_a1111s_label_range_step_and_default(name: str, theirs: dict[str, Any]) -> None:
    place, field = CONTROLS[name], FIELDS[name]
    assert f"{place}/value" in theirs
    assert field.title == place.rpartition("/")[2]
    slider = tuple(theirs.get(f"{place}/{part}") for part in ("minimum", "maximum", "step"))
    assert (field.slider or (None, None, None)) == slider
    if name in OTHER_DEFAULTS:
        assert spoken(field) != theirs[f"{place}/value"], f"{name} needs no reason any more"
    else:
        assert spoken(field) == theirs[f"{place}/value"]


def test_the_seeds_size_has_the_range_of_both_of_a1111s_sliders(theirs: dict[str, Any]) -> None:
    for label in SEED_SIZE:
        slider = tuple(theirs[f"{_SEED}{label}/{part}"] for part in ("minimum", "maximum", "step"))
        assert FIELDS["seed_resize_from"].slider == slider


def test_the_labels_of_choices_are_a1111s() -> None:
    assert FIELDS["resize_mode"].labels[3] == "Just resize (latent upscale)"
    assert FIELDS["masked_content"].labels == ("fill", "original", "latent noise", "latent nothing")
    assert FIELDS["invert_mask"].labels == ("Inpaint masked", "Inpaint not masked")
    assert FIELDS["only_masked"].labels == ("Whole picture", "Only masked")


@pytest.mark.parametrize("model", [Img2Img, Txt2Img])
def test_every_number_has_a_slider_that_stays_within_what_is_allowed(model: type[Txt2Img]) -> None:
    for field in describe_fields(model):
        if field.kind not in (int, float) or field.name in FREE:
            continue
        assert field.slider is not None, field.name
        low, high, step = field.slider
        assert 0 < step <= high - low, field.name
        assert field.minimum is None or low >= field.minimum, field.name
        assert field.maximum is None or high <= field.maximum, field.name
        assert field.default is None or low <= field.default <= high, field.name


def test_labels_are_as_many_as_there_are_choices() -> None:
    for field in FIELDS.values():
        count = 2 if field.kind is bool else len(field.choices)
        assert len(field.labels) in (0, count), field.name
        assert len(set(field.labels)) == len(field.labels), field.name


def test_what_a1111s_tab_shows_is_not_hidden_and_the_rest_is() -> None:
    shown = {field.name for field in FIELDS.values() if not field.advanced}
    assert shown - SHOWN == set()
    assert {name for name in SHOWN if name in FIELDS} - shown == set()


def spoken(field: FieldInfo) -> Any:
    """A default as A1111's form says it."""
    if field.kind is bool and field.labels:
        return field.labels[bool(field.default)]
    if field.choices and field.labels:
        return field.labels[field.choices.index(field.default)]
    return field.default
