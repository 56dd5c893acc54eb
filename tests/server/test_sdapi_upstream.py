"""A1111's own API tests, said again from their description (reference 7.5): 64x64, 3 steps, "Euler a", answer 200.

What needs a capability that is not built yet is a strict expected failure that names it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

HIRES = "hires fix"
FACES = "face restoration"
SD_UPSCALE = "the script SD upscale"


@pytest.fixture(scope="module")
def client(lively: Callable[..., Any]) -> Iterator[httpx.Client]:
    """A client of a live server with the fake engine."""
    with lively().client() as client:
        yield client


@pytest.fixture(scope="module")
def picture(make_png: Callable[..., bytes]) -> str:
    """A picture as a data URI."""
    return "data:image/png;base64," + base64.b64encode(make_png(64, 64)).decode()


SHARED: dict[str, Any] = {
    "prompt": "example prompt",
    "negative_prompt": "",
    "styles": [],
    "seed": -1,
    "subseed": -1,
    "subseed_strength": 0,
    "seed_resize_from_h": -1,
    "seed_resize_from_w": -1,
    "batch_size": 1,
    "n_iter": 1,
    "steps": 3,
    "cfg_scale": 7,
    "width": 64,
    "height": 64,
    "restore_faces": False,
    "tiling": False,
    "eta": 0,
    "s_churn": 0,
    "s_tmax": 0,
    "s_tmin": 0,
    "s_noise": 1,
    "override_settings": {},
    "sampler_index": "Euler a",
}
IMG2IMG: dict[str, Any] = {
    **SHARED,
    "denoising_strength": 0.75,
    "resize_mode": 0,
    "mask": None,
    "mask_blur": 4,
    "inpainting_fill": 0,
    "inpaint_full_res": False,
    "inpaint_full_res_padding": 0,
    "inpainting_mask_invert": False,
    "include_init_images": False,
}
TXT2IMG: dict[str, Any] = {
    **SHARED,
    "denoising_strength": 0,
    "enable_hr": False,
    "firstphase_width": 0,
    "firstphase_height": 0,
}


def later(capability: str, *values: Any) -> Any:
    """A row that fails until the capability is built."""
    return pytest.param(*values, marks=pytest.mark.xfail(reason=f"needs {capability}", strict=True))


@pytest.mark.parametrize(
    ("fields", "masked"),
    [
        ({}, False),
        ({}, True),
        ({"inpainting_mask_invert": True}, True),
        later(SD_UPSCALE, {"script_name": "sd upscale", "script_args": ["", 8, "Lanczos", 2.0]}, False),
    ],
)
def test_img2img(fields: dict[str, Any], masked: bool, client: httpx.Client, picture: str) -> None:
    body = {**IMG2IMG, "init_images": [picture], **fields, **({"mask": picture} if masked else {})}
    answer = client.post("/sdapi/v1/img2img", json=body)
    assert answer.status_code == 200
    assert len(answer.json()["images"]) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"negative_prompt": "example negative prompt"},
        {
            "prompt": "((emphasis)), (emphasis1:1.1), [to:1], [from::2], [from:to:0.3], [alt|alt1]",
            "negative_prompt": "((emphasis)), (emphasis1:1.1), [to:1], [from::2], [from:to:0.3], [alt|alt1]",
        },
        {"height": 128},
        later(HIRES, {"enable_hr": True}),
        {"tiling": True},
        later(FACES, {"restore_faces": True}),
        {"sampler_index": "PLMS"},
        {"sampler_index": "DDIM"},
        {"sampler_index": "UniPC"},
        {"n_iter": 2, "batch_size": 2},
    ],
)
def test_txt2img(fields: dict[str, Any], client: httpx.Client) -> None:
    answer = client.post("/sdapi/v1/txt2img", json={**TXT2IMG, **fields})
    assert answer.status_code == 200
    assert len(answer.json()["images"]) == fields.get("n_iter", 1) * fields.get("batch_size", 1)


@pytest.mark.parametrize(
    "fields",
    [
        {
            "resize_mode": 0,
            "show_extras_results": True,
            "gfpgan_visibility": 0,
            "codeformer_visibility": 0,
            "codeformer_weight": 0,
            "upscaling_resize": 2,
            "upscaling_resize_w": 128,
            "upscaling_resize_h": 128,
            "upscaling_crop": True,
            "upscaler_1": "Lanczos",
            "upscaler_2": "None",
            "extras_upscaler_2_visibility": 0,
        },
        {},
        {"model": "clip"},
    ],
)
def test_extras(fields: dict[str, Any], client: httpx.Client, picture: str) -> None:
    answer = client.post("/sdapi/v1/extra-single-image", json={"image": picture, **fields})
    assert answer.status_code == 200
    assert answer.json()["image"]


def test_options_are_written_and_read(client: httpx.Client) -> None:
    before = client.get("/sdapi/v1/options").json()
    wanted = not before["send_seed"]
    assert client.post("/sdapi/v1/options", json={"send_seed": wanted}).status_code == 200
    assert client.get("/sdapi/v1/options").json()["send_seed"] is wanted
    client.post("/sdapi/v1/options", json={"send_seed": before["send_seed"]}).raise_for_status()


@pytest.mark.parametrize(
    "path",
    [
        *("cmd-flags", "samplers", "upscalers", "sd-models", "hypernetworks", "face-restorers", "realesrgan-models"),
        *("prompt-styles", "embeddings"),
    ],
)
def test_listings(path: str, client: httpx.Client) -> None:
    assert client.get(f"/sdapi/v1/{path}").status_code == 200
