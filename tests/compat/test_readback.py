"""Parameters read back from recipes and infotexts, whoever wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraw.compat.intake import Shelf
from redraw.compat.readback import read_infotext, read_recipe
from redraw.image.infotext import build
from redraw.request import FieldInfo, Img2Img, PictureRef, describe_fields

SOURCE = PictureRef(name="x")
SHELF = Shelf(
    model={"photo-v2": "sd/photo-v2", "starter": "starter"}.get,
    vae={"fine": "fine.safetensors"}.get,
    hashes=lambda: {"sd/photo-v2": "abcdef0123" + "0" * 54, "starter": "1" * 64},
)
THEIRS = """a cat, [dog]
Negative prompt: bad
Steps: 28, Sampler: DPM++ 2M SDE Karras, CFG scale: 7.5, Seed: 1234, Size: 512x768, Model hash: abcdef0123, \
Model: photo-v2, Denoising strength: 0.6, Clip skip: 2, ENSD: 31337, Mask blur: 8, Inpaint area: Only masked, \
Masked area padding: 64, Masked content: latent noise, Mask mode: Inpaint not masked, Version: v1.6.0"""


def test_a_picture_of_a1111_is_read_into_our_fields() -> None:
    back = read_infotext(THEIRS, SHELF)
    assert (back.kind, back.exact, back.program, back.unknown) == ("img2img", False, "A1111", {})
    assert len(back.notes) == 1
    assert "before 1.7" in back.notes[0]
    said = {
        "prompt": "a cat, [dog]",
        "negative_prompt": "bad",
        "steps": 28,
        "sampler": "DPM++ 2M SDE",
        "scheduler": "Karras",
        "cfg_scale": 7.5,
        "seed": 1234,
        "width": 512,
        "height": 768,
        "model": "sd/photo-v2",
        "strength": 0.6,
        "clip_skip": 2,
        "ensd": 31337,
        "mask_blur": 8,
        "only_masked": True,
        "padding": 64,
        "masked_content": "latent-noise",
        "invert_mask": True,
        "rng": "nv",
    }
    assert back.request.items() >= said.items()
    left = set(back.request) - set(said)
    unsaid = {"emphasis", "sigma_min", "sigma_max", "rho", "fp8", "vae_encoder", "vae_decoder"}
    assert left == unsaid  # said by being left out


def test_what_is_left_out_is_said_too_but_of_masks_only_where_there_is_one() -> None:
    plain = read_infotext("x\nSteps: 20, Sampler: Euler, Denoising strength: 0.5", SHELF).request
    assert (plain["clip_skip"], plain["scheduler"]) == (1, "Automatic")
    assert "padding" not in plain
    masked = read_infotext("x\nSteps: 20, Denoising strength: 0.5, Mask blur: 4", SHELF).request
    assert (masked["padding"], masked["only_masked"], masked["invert_mask"]) == (32, False, False)
    assert masked["masked_content"] == "original"


@pytest.mark.parametrize(
    ("pairs", "kind", "unknown"),
    [
        ("Steps: 5, Seed: 1, Size: 64x64", "txt2img", {}),
        ("Steps: 5, Seed: 1, Denoising strength: 0.5", "img2img", {}),
        ("Steps: 5, Denoising strength: 0.5, Hires upscale: 2", "txt2img",
         {"Denoising strength": "0.5", "Hires upscale": "2"}),
        ("Steps: 5, Hires resize: 512x768, Seed: 1", "txt2img", {"Hires resize": "512x768"}),
        ('Steps: 5, Seed: 1, Lora hashes: "a: b"', "txt2img", {"Lora hashes": "a: b"}),
        ("Steps: 99999, Seed: x, CFG scale: nan", "txt2img", {"Steps": "99999", "Seed": "x", "CFG scale": "nan"}),
        ("Steps: 5, Seed: 1, Mask mode: sideways", "img2img", {"Mask mode": "sideways"}),
        ("Steps: 5, Seed: 1, RNG: dice", "txt2img", {"RNG": "dice"}),
    ],
)  # fmt: skip
def test_what_has_no_field_here_is_kept_aside(pairs: str, kind: str, unknown: dict[str, str]) -> None:
    back = read_infotext(f"x\n{pairs}", SHELF)
    assert (back.kind, back.unknown) == (kind, unknown)


@pytest.mark.parametrize(
    ("pairs", "field", "value"),
    [
        ("Sampler: k_euler_a", "sampler", "Euler a"),
        ("Sampler: DPM++ 2M Karras", "scheduler", "Automatic"),
        ("Sampler: Euler, Schedule type: Karras", "scheduler", "Karras"),
        ("Seed resize from: 512x768", "seed_resize_from", (512, 768)),
        ("Variation seed: 7", "variation_seed", 7),
        ("Variation seed strength: 0.3", "variation_strength", 0.3),
        ("Eta DDIM: 0.5", "eta", 0.5),
        ("Sigma churn: 4", "s_churn", 4),
        ("Noise Schedule: Zero Terminal SNR", "zero_terminal_snr", True),
        ("Tiling: True", "tiling", True),
        ("UniPC variant: bh2", "unipc_variant", "bh2"),
        ("Beta schedule alpha: 0.4", "beta_alpha", 0.4),
        ("RNG: CPU", "rng", "cpu"),
        ("Version: redraw-0.1.0", "rng", "gpu"),
        ("CFG scale: 7.0", "cfg_scale", 7.0),
        ("VAE: fine", "vae", "fine.safetensors"),
    ],
)
def test_a_key_becomes_a_field(pairs: str, field: str, value: Any) -> None:
    found = read_infotext(f"x\n{pairs}, Steps: 5, Seed: 1, Size: 8x8", SHELF).request[field]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("pairs", "model", "note"),
    [
        ("Model: starter", "starter", None),
        ("Model: other, Model hash: 1111111111", "starter", "called 'starter' here"),
        ("Model: starter, Model hash: 2222222222", "starter", "another file"),
        ("Model: nowhere, Model hash: 2222222222", None, "'nowhere' (2222222222) is not here"),
        ("VAE: nowhere", None, "the VAE 'nowhere' is not here"),
        ("Sampler: Dreamy", None, "no sampler 'Dreamy'"),
        ("Sampler: Euler, Schedule type: Dreamy", None, "no schedule 'Dreamy'"),
        ("Sampler: k_lms", None, "is called 'LMS' here"),
    ],
)
def test_what_is_not_here_or_named_otherwise_is_noted(pairs: str, model: str | None, note: str | None) -> None:
    back = read_infotext(f"x\n{pairs}, Steps: 5, Seed: 1, CFG scale: 2", SHELF)
    assert back.request.get("model") == model
    assert (note in " ".join(back.notes)) if note else back.notes == []


@pytest.mark.parametrize(
    ("text", "request_"), [("", {}), ("a cat", {"prompt": "a cat"}), ("Negative prompt: x", {"negative_prompt": "x"})]
)
def test_a_text_without_parameters_is_a_prompt(text: str, request_: dict[str, Any]) -> None:
    assert read_infotext(text).request == request_


@settings(max_examples=200, deadline=None)
@given(st.text(), st.dictionaries(st.sampled_from([f.infotext or "x" for f in describe_fields(Img2Img)]), st.text()))
def test_no_text_is_an_error(prompt: str, pairs: Mapping[str, str]) -> None:
    back = read_infotext(build(prompt, "", {"Steps": 20, "Denoising strength": "0.5", **pairs}), SHELF)
    Img2Img(images=(SOURCE,), mask="alpha", **back.request)


def test_a_recipe_names_every_field_but_those_of_its_machine() -> None:
    request = Img2Img(images=(SOURCE,), prompt="a fox", strength=0.3, steps=7, seed=5, device="cpu", dtype="fp32")
    said = request.model_dump(mode="json", exclude_defaults=True)
    said["images"] = [{"name": "cat.png", "sha256": "a" * 64}]
    recipe = {"format": 1, "kind": "img2img", "request": said, "model": {"name": "photo-v2", "sha256": "f" * 64}}
    back = read_recipe(recipe, SHELF, {"a" * 64}.__contains__)
    assert back is not None
    assert (back.kind, back.exact) == ("img2img", True)
    assert back.request.items() >= {"prompt": "a fox", "strength": 0.3, "steps": 7, "seed": 5, "cfg_scale": 7}.items()
    assert back.request["images"] == [{"sha256": "a" * 64, "name": "cat.png"}]
    assert back.request["model"] == "sd/photo-v2"
    assert back.notes == ["the model 'sd/photo-v2' here is another file than 'photo-v2' (ffffffffff)"]
    assert not back.request.keys() & {"device", "dtype", "vae_tile", "mask", "paint"}
    left = {"device", "dtype", "vae_tile", "mask", "paint", "vae", "region_masks"}
    described = {f.name for f in describe_fields(Img2Img)} - left
    assert set(back.request) == described | {"images"}


def test_a_picture_of_a_recipe_that_is_gone_is_noted() -> None:
    recipe = {"kind": "img2img", "request": {"images": [{"name": "cat.png", "sha256": "a" * 64}], "mask": "alpha"}}
    back = read_recipe(recipe, SHELF, lambda sha256: False)
    assert back is not None
    assert "images" not in back.request
    assert back.request["mask"] == "alpha"
    assert back.notes == ["the picture 'cat.png' is not here any more; put it in again"]


@pytest.mark.parametrize(
    "recipe",
    [{}, {"kind": "img2img"}, {"kind": 5, "request": {}}, {"kind": "video", "request": {}},
     {"kind": "img2img", "request": []}],
)  # fmt: skip
def test_what_is_no_recipe_of_ours_is_left_to_the_infotext(recipe: dict[str, Any]) -> None:
    assert read_recipe(recipe) is None


def test_wrong_values_in_a_recipe_are_left_out() -> None:
    said = {"steps": "many", "strength": {"x": 1}, "images": 5, "mask": [1], "sampler": "Dreamy", "seed": 3}
    back = read_recipe({"kind": "img2img", "request": said, "model": "x", "vae": {"name": 5}}, SHELF)
    assert back is not None
    assert back.request["seed"] == 3
    assert not back.request.keys() & {"steps", "strength", "images", "mask", "sampler"}


def other_than_default(info: FieldInfo) -> Any:
    """A right value of a field that is not its default."""
    if info.choices:
        return next(word for word in info.choices if word != info.default)
    if info.kind is bool:
        return not info.default
    if info.kind is tuple:
        return 64, 128
    return info.slider[0] + info.slider[2] * 3 if info.slider else 12345


@pytest.mark.parametrize(
    "info",
    [f for f in describe_fields(Img2Img) if f.infotext and (f.kind is not str or f.choices)],
    ids=lambda info: str(info.infotext),
)
def test_every_key_a_field_declares_is_read_into_it(info: FieldInfo) -> None:
    value = other_than_default(info)
    written = str(value).replace("-", " ") if info.choices else value
    if info.kind is bool and info.labels:
        written = info.labels[value]
    text = build("x", "", {"Steps": 20, "Denoising strength": 0.5, "Size": "8x8"} | {
        str(info.infotext): "x".join(map(str, value)) if info.kind is tuple else written
    })  # fmt: skip
    back = read_infotext(text, SHELF)
    assert (back.request[info.name], back.unknown) == (value, {})
