"""From a body of A1111's API to a job: infotext, styles, overrides, pictures, refusals."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from redraw.compat.bodies import Img2ImgBody, Txt2ImgBody
from redraw.compat.intake import Intake, Shelf, intake
from redraw.compat.refusals import Refusal
from redraw.compat.styles import Style
from redraw.errors import PictureError, RequestError
from redraw.image.picture import Limits
from redraw.request import Img2Img


def encoded(width: int = 16, height: int = 16, mode: str = "RGB") -> str:
    """A small picture in base64."""
    stream = io.BytesIO()
    Image.new(mode, (width, height), 128).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


PICTURE = encoded()
TEXT = (
    "a blue square\nNegative prompt: red\nSteps: 4, Sampler: Euler a, Schedule type: Karras, CFG scale: 5, Seed: 77, "
    "Size: 64x72, Variation seed: 5, Variation seed strength: 0.25, Seed resize from: 32x48, "
    "Denoising strength: 0.5, Clip skip: 2, Model hash: 0123456789, RNG: CPU"
)


def taken(options: dict[str, Any] | None = None, shelf: Shelf | None = None, **fields: Any) -> Intake:
    """An img2img body taken in."""
    return intake(Img2ImgBody(**{"init_images": [PICTURE], **fields}), options or {}, shelf=shelf)


def drawn(options: dict[str, Any] | None = None, **fields: Any) -> Intake:
    """A txt2img body taken in."""
    return intake(Txt2ImgBody(**fields), options or {})


def test_the_web_process_needs_no_torch() -> None:
    code = "import sys, redraw.compat.intake, redraw.compat.extras; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_infotext_fills_what_the_request_leaves_out() -> None:
    echo = taken(infotext=TEXT, steps=9).echo
    assert (echo["steps"], echo["sampler_name"], echo["scheduler"], echo["seed"]) == (9, "Euler a", "Karras", 77)
    assert (echo["subseed"], echo["subseed_strength"]) == (5, 0.25)
    assert echo["override_settings"] == {"CLIP_stop_at_last_layers": 2, "randn_source": "CPU"}


def test_in_img2img_an_infotext_says_nothing_of_prompt_size_scale_and_strength() -> None:
    echo = taken(infotext=TEXT).echo
    assert (echo["prompt"], echo["width"], echo["cfg_scale"], echo["denoising_strength"]) == ("", 512, 7.0, 0.75)
    echo = drawn(infotext=TEXT).echo
    assert (echo["prompt"], echo["negative_prompt"], echo["cfg_scale"]) == ("a blue square", "red", 5.0)
    assert (echo["width"], echo["height"]) == (64, 72)


def test_an_infotext_turns_width_and_height_of_the_seeds_size_around() -> None:
    made = taken(infotext=TEXT)
    assert (made.echo["seed_resize_from_w"], made.echo["seed_resize_from_h"]) == (48, 32)
    assert made.translation.request.seed_resize_from == (48, 32)


def test_settings_of_an_infotext_yield_to_the_requests_own_and_to_those_in_force() -> None:
    made = taken({"CLIP_stop_at_last_layers": 2}, infotext=TEXT, override_settings={"randn_source": "NV"})
    assert made.echo["override_settings"] == {"randn_source": "NV"}
    assert (made.translation.request.rng, made.translation.request.clip_skip) == ("nv", 2)


def test_an_unreadable_infotext_is_refused_by_name() -> None:
    with pytest.raises(RequestError, match="infotext"):
        taken(infotext="x\nSteps: many, Sampler: Euler, Seed: 1")


def test_styles_reach_the_picture_and_unknown_ones_are_listed() -> None:
    shelf = Shelf(styles=(Style("photo", "a photo of {prompt}", "blur"),))
    made = taken(shelf=shelf, prompt="a cat", styles=["photo", "nope"])
    assert (made.translation.request.prompt, made.translation.request.negative_prompt) == ("a photo of a cat", "blur")
    assert made.echo["prompt"] == "a cat"
    assert any("nope" in line for line in made.translation.not_honoured)


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({"init_images": None}, 404, "Init image not found"),
        ({"init_images": []}, 500, ""),
        ({"init_images": ["notbase64!!"]}, 500, "Invalid encoded image"),
        ({"init_images": [base64.b64encode(b"hello world, no picture").decode()]}, 500, "Invalid encoded image"),
        ({"init_images": [5]}, 500, "Invalid encoded image"),
        ({"init_images": ["http://127.0.0.1/x.png"]}, 500, "Requests not allowed"),
        ({"mask": "notbase64!!"}, 500, "Invalid encoded image"),
        ({"script_name": "nope"}, 422, "Script 'nope' not found"),
        ({"override_settings": {"bogus": 1}}, 500, ""),
        ({"restore_faces": True}, 501, "Face restoration"),
    ],
)
def test_a_wrong_request_is_answered_as_there(fields: dict[str, Any], status: int, text: str) -> None:
    with pytest.raises(Refusal) as caught:
        taken(**fields)
    assert caught.value.status == status
    assert caught.value.detail.startswith(text)


def test_hires_fix_is_not_built() -> None:
    with pytest.raises(Refusal, match="Hires fix") as caught:
        drawn(enable_hr=True)
    assert caught.value.status == 501


@pytest.mark.parametrize("limits", [Limits(max_pixels=255), Limits(max_bytes=20), Limits(max_side=15)])
def test_a_picture_beyond_the_limits_is_refused(limits: Limits) -> None:
    with pytest.raises(PictureError, match="limit"):
        intake(Img2ImgBody(init_images=[PICTURE]), {}, limits=limits)


def test_names_are_listed_names_and_never_paths() -> None:
    shelf = Shelf(model=lambda name: "sub/known" if name == "known" else None, vae=lambda name: None)
    made = taken(shelf=shelf, override_settings={"sd_model_checkpoint": "known", "sd_vae": "/etc/passwd"})
    assert (made.translation.request.model, made.translation.request.vae) == ("sub/known", None)
    assert any("/etc/passwd" in line for line in made.translation.not_honoured)
    made = taken({"sd_model_checkpoint": "gone"}, shelf)
    assert made.translation.request.model is None
    assert taken(shelf=shelf, override_settings={"sd_vae": "Automatic"}).translation.not_honoured == ()


def test_overrides_stay_only_where_the_request_says_so() -> None:
    overrides = {"CLIP_stop_at_last_layers": "2"}
    assert taken(override_settings=overrides).to_keep == {}
    kept = taken(override_settings=overrides, override_settings_restore_afterwards=False).to_keep
    assert kept == {"CLIP_stop_at_last_layers": 2}


def test_the_echo_hides_pictures_unless_asked() -> None:
    assert taken(mask=PICTURE).echo["init_images"] is None
    echo = taken(mask=PICTURE, include_init_images=True).echo
    assert (echo["init_images"], echo["mask"]) == ([PICTURE], PICTURE)


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"denoising_strength": 1.5}, "strength", 1.0),
        ({"denoising_strength": -1}, "strength", 0.0),
        ({"cfg_scale": 1000}, "cfg_scale", 100.0),
        ({"steps": 0}, "steps", 1),
        ({"subseed_strength": 2}, "variation_strength", 1.0),
        ({"eta": 5}, "eta", 1.0),
    ],
)
def test_numbers_out_of_range_are_pulled_in_and_listed(fields: dict[str, Any], name: str, value: float) -> None:
    made = taken(**fields)
    assert getattr(made.translation.request, name) == value
    assert any(line.startswith(f"{name} ") for line in made.translation.not_honoured)


@pytest.mark.parametrize("fields", [{"width": 100_000}, {"batch_size": 1000}, {"n_iter": 1_000_000}])
def test_sizes_and_counts_are_refused_instead(fields: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        taken(**fields)


@pytest.mark.parametrize(("given", "read"), [({"steps": "12"}, 12), ({"steps": 12.9}, 12), ({"steps": True}, 1)])
def test_whole_numbers_are_read_as_there(given: dict[str, Any], read: int) -> None:
    assert Img2ImgBody(**given).steps == read


@pytest.mark.parametrize(
    "given", [{"steps": "x"}, {"steps": float("nan")}, {"cfg_scale": float("inf")}, {"styles": "a"}, {"prompt": ["a"]}]
)
def test_a_wrong_type_is_a_schema_violation(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Img2ImgBody(**given)


def nested(depth: int) -> list[Any]:
    """A list in a list in a list."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "given",
    [
        {"override_settings": {"s_churn": float("nan")}},
        {"script_args": [float("inf")]},
        {"unknown": "\ud800"},
        {"\udfff": 1},
        {"script_args": nested(60)},
    ],
)
def test_what_cannot_be_echoed_as_json_is_a_schema_violation(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Img2ImgBody(**given)


def test_settings_of_the_server_count_below_the_requests_own() -> None:
    options = {"initial_noise_multiplier": 0.9, "eta_ancestral": 0.5, "upscaler_for_img2img": "R-ESRGAN 4x+"}
    made = taken(options, sampler_name="Euler a")
    request = made.translation.request
    assert isinstance(request, Img2Img)
    assert (request.noise_multiplier, request.eta, request.upscaler) == (0.9, 0.5, None)
    assert any("upscaler_for_img2img" in line for line in made.translation.not_honoured)
    request = taken(options, sampler_name="DDIM", initial_noise_multiplier=1.1).translation.request
    assert isinstance(request, Img2Img)
    assert (request.noise_multiplier, request.eta) == (1.1, None)


def test_settings_that_concern_no_picture_pass_in_silence() -> None:
    made = taken(
        {"live_previews_enable": False, "token_merging_ratio": 0.0}, override_settings={"samples_format": "jpg"}
    )
    assert made.translation.not_honoured == ()
    assert made.settings["samples_format"] == "jpg"
    assert taken({"token_merging_ratio": 0.5}).translation.not_honoured != ()
