"""webuiapi (PyPI), an independent client of A1111, unmodified against a live server with the fake engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import webuiapi
from PIL import Image

SLOW = "slow: 0.1"


@pytest.fixture(scope="module")
def api(lively: Callable[..., Any]) -> Iterator[webuiapi.WebUIApi]:
    """The client, connected."""
    host, port = lively().address
    api = webuiapi.WebUIApi(host=host, port=port, sampler="Euler a", steps=3)
    yield api
    api.session.close()


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """A picture to redraw."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8))


@pytest.fixture
def background(api: webuiapi.WebUIApi, picture: Image.Image) -> Iterator[Callable[..., list[Any]]]:
    """Starts an img2img in the background and waits until a worker is at it; the list gets its result."""
    threads = []

    def begin(**fields: Any) -> list[Any]:
        found: list[Any] = []

        def run() -> None:
            found.append(api.img2img(images=[picture], width=48, height=40, prompt=SLOW, **fields))

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        until = time.monotonic() + 20
        while api.get_progress()["state"]["job_count"] == 0:
            assert time.monotonic() < until, "nothing began"
            time.sleep(0.02)
        return found

    yield begin
    for thread in threads:
        thread.join(30)


def test_img2img_gives_pictures_infos_and_the_request_again(api: webuiapi.WebUIApi, picture: Image.Image) -> None:
    result = api.img2img(images=[picture], prompt="a fox", seed=7, width=64, height=32, cfg_scale=5, n_iter=2)
    assert [image.size for image in result.images] == [(64, 32), (64, 32)]
    assert result.image.info["parameters"] == result.info["infotexts"][0]
    assert result.info["all_seeds"] == [7, 8]
    assert result.parameters["cfg_scale"] == 5
    assert result.parameters["init_images"] is None


def test_a_batch_of_several_pictures(api: webuiapi.WebUIApi, picture: Image.Image) -> None:
    result = api.img2img(images=[picture, picture.rotate(90)], batch_size=2, width=48, height=40, seed=1)
    assert len(result.images) == 2
    assert result.images[0].tobytes() != result.images[1].tobytes()


def test_a_mask_and_what_goes_with_it(api: webuiapi.WebUIApi, picture: Image.Image) -> None:
    mask = Image.new("L", picture.size)
    mask.paste(255, (8, 8, 24, 24))
    settings = {"return_mask": True, "return_mask_composite": True}
    result = api.img2img(
        images=[picture], mask_image=mask, width=48, height=40, inpaint_full_res=False, override_settings=settings
    )
    assert [image.mode for image in result.images] == ["RGB", "RGB", "RGBA"]
    assert len(result.info["infotexts"]) == 1


def test_txt2img(api: webuiapi.WebUIApi) -> None:
    result = api.txt2img(prompt="a fox", width=32, height=32, seed=3)
    assert result.image.size == (32, 32)
    assert result.info["seed"] == 3


def test_send_images_and_formats(api: webuiapi.WebUIApi, picture: Image.Image) -> None:
    assert api.img2img(images=[picture], width=48, height=40, send_images=False).images == []
    for name, format in (("jpg", "JPEG"), ("webp", "WEBP")):
        result = api.img2img(images=[picture], width=48, height=40, override_settings={"samples_format": name})
        assert result.image.format == format
        assert api.png_info(result.image).info == ""  # webuiapi sends pixels as a new PNG
    with pytest.raises(RuntimeError, match="Invalid image format"):
        api.img2img(images=[picture], width=48, height=40, override_settings={"samples_format": "bmp"})


def test_png_info_reads_what_img2img_wrote(api: webuiapi.WebUIApi, picture: Image.Image) -> None:
    result = api.img2img(images=[picture], prompt="a fox, red", width=48, height=40, seed=9)
    found = api.png_info(result.image)
    assert found.info == result.info["infotexts"][0]
    assert found.parameters["Prompt"] == "a fox, red"
    assert found.parameters["Seed"] == "9"


def test_progress_has_numbers_and_a_picture(api: webuiapi.WebUIApi, background: Callable[..., list[Any]]) -> None:
    begun = background(n_iter=2, steps=12)
    seen, previews, counts = [], [], set()
    while not begun:
        state = api.get_progress()
        if state["state"]["job_count"]:
            seen.append(state["progress"])
            counts.add((state["state"]["job_count"], state["state"]["sampling_steps"]))
            previews += [state["current_image"]] if state["current_image"] else []
        time.sleep(0.05)
    assert seen == sorted(seen)
    assert 0 < seen[0] < 0.5 < seen[-1] <= 1
    assert (2, 12) in counts
    assert previews
    assert api.get_progress()["progress"] == 0


def test_interrupt_gives_what_is_there(api: webuiapi.WebUIApi, background: Callable[..., list[Any]]) -> None:
    begun = background(n_iter=3, steps=40)
    time.sleep(0.3)
    before = time.monotonic()
    assert api.interrupt() == {}
    while not begun and time.monotonic() < before + 10:
        time.sleep(0.02)
    assert time.monotonic() - before < 5
    assert len(begun[0].images) == 1
    assert any("stopped" in note for note in begun[0].info["notes"])


def test_skip_goes_on_with_the_next(api: webuiapi.WebUIApi, background: Callable[..., list[Any]]) -> None:
    begun = background(n_iter=2, steps=15)
    time.sleep(0.3)
    assert api.skip() is None
    while not begun:
        time.sleep(0.02)
    assert len(begun[0].images) == 2


def test_options_are_kept(api: webuiapi.WebUIApi, picture: Image.Image) -> None:
    before = api.get_options()
    assert len(before) > 300
    api.set_options({"CLIP_stop_at_last_layers": 2, "samples_format": "webp"})
    try:
        after = api.get_options()
        assert (after["CLIP_stop_at_last_layers"], after["samples_format"]) == (2, "webp")
        assert {k: v for k, v in after.items() if before[k] != v} == {
            "CLIP_stop_at_last_layers": 2,
            "samples_format": "webp",
        }
        assert api.img2img(images=[picture], width=48, height=40).image.format == "WEBP"
        api.set_options(after)  # clients send back everything they got
        assert api.get_options() == after
    finally:
        api.set_options({"CLIP_stop_at_last_layers": 1, "samples_format": "png"})
    assert api.get_options() == before


def test_the_model_can_be_chosen(api: webuiapi.WebUIApi) -> None:
    title = api.get_sd_models()[0]["title"]
    assert title in api.util_get_model_names()
    api.util_set_model(title)
    assert api.util_get_current_model() == title
    api.util_wait_for_ready(check_interval=0.1)


def test_the_listings_can_be_read(api: webuiapi.WebUIApi) -> None:
    assert "DPM++ 2M" in api.util_get_sampler_names()
    assert "karras" in api.util_get_scheduler_names()
    assert "Lanczos" in [upscaler["name"] for upscaler in api.get_upscalers()]
    assert "soft inpainting" in api.get_scripts()["img2img"]
    assert set(api.get_memory()) == {"ram", "cuda"}
    for listing in (
        *(api.get_cmd_flags, api.get_sd_vae, api.get_latent_upscale_modes, api.get_loras, api.get_hypernetworks),
        *(api.get_face_restorers, api.get_realesrgan_models, api.get_prompt_styles, api.get_embeddings),
    ):
        assert isinstance(listing(), list | dict)
    assert api.refresh_checkpoints() is None
    assert api.controlnet_version() == 3
    assert api.controlnet_model_list() == []
    assert api.controlnet_module_list() == ["none"]


def test_extras_enlarge(api: webuiapi.WebUIApi, picture: Image.Image) -> None:
    result = api.extra_single_image(picture, upscaler_1="Lanczos", upscaling_resize=2)
    assert result.image.size == (96, 80)
    batch = api.extra_batch_images([picture, picture], upscaler_1="Nearest", upscaling_resize=2)
    assert [image.size for image in batch.images] == [(96, 80)] * 2


def test_what_is_not_built_says_so(api: webuiapi.WebUIApi, picture: Image.Image) -> None:
    for call in (
        lambda: api.interrogate(picture),
        lambda: api.img2img(images=[picture], restore_faces=True),
        lambda: api.img2img(images=[picture], script_name="SD upscale", script_args=["", 8, "Lanczos", 2.0]),
        lambda: api.txt2img(enable_hr=True),
    ):
        with pytest.raises(RuntimeError, match="not available in Redraw yet"):
            call()


def test_a_login_is_asked_for_and_given(lively: Callable[..., Any]) -> None:
    host, port = lively(auth=[["me", "secret words"]]).address
    stranger = webuiapi.WebUIApi(host=host, port=port, username="me", password="wrong")
    friend = webuiapi.WebUIApi(host=host, port=port, username="me", password="secret words")
    with pytest.raises(RuntimeError, match="401"):
        stranger.txt2img()
    assert "Euler" in friend.util_get_sampler_names()
    for api in (stranger, friend):
        api.session.close()
