"""Whole runs on a tiny random model: sizes, seeds, batches, what survives, previews, cancelling."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from redraw.errors import NonFinite, PictureError, RequestError
from redraw.image.io import open_picture
from redraw.image.save import Extras, save_picture
from redraw.models.model import Model
from redraw.pipeline import Progress, Result
from redraw.registry import SAMPLERS, SCHEDULERS
from redraw.settings import Settings
from redraw.studio import Studio

FAST: dict[str, Any] = {"steps": 3, "sampler": "Euler a", "seed": 11}


@pytest.fixture(scope="module")
def studio(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """The tiny model on the CPU in fp32."""
    settings = Settings(models_dirs=(tiny_checkpoint.parent,), data_dir=tmp_path_factory.mktemp("data"))
    return Studio(settings=settings, device="cpu", dtype="fp32")


def gradient(width: int = 32, height: int = 24, channels: int = 3, depth: int = 8) -> np.ndarray[Any, Any]:
    """A colourful picture without flat parts."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x / width, y / height, (x + y) / (width + height), 0.25 + 0.5 * (x > width // 2)][:channels]
    scaled = np.stack(planes, -1) * (2**depth - 1)
    return scaled.astype(np.uint16 if depth == 16 else np.uint8)


def tiny(**fields: Any) -> dict[str, Any]:
    """Options of a fast run on the tiny model."""
    return {**FAST, "model": "tiny", **fields}


@pytest.mark.parametrize("size", [(8, 8), (61, 47), (97, 31), (64, 64), (5, 3)])
@pytest.mark.parametrize("mode", ["just-resize", "crop-and-resize", "resize-and-fill", "latent-upscale"])
def test_the_result_has_the_size_asked_for(studio: Studio, size: tuple[int, int], mode: str) -> None:
    fields = tiny(width=size[0], height=size[1], resize_mode=mode, steps=1)
    result = studio.img2img(gradient(50, 70), "x", **fields).result()
    assert result.picture.size == size
    assert f"Size: {size[0]}x{size[1]}" in result.infotext


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M SDE", "DDIM"])
def test_batch_size_and_position_do_not_change_a_bit(studio: Studio, dtype: str, sampler: str) -> None:
    fields = tiny(dtype=dtype, sampler=sampler, eta=0.5 if sampler == "DDIM" else None)
    alone = [studio.img2img(gradient(), "x", **{**fields, "seed": 11 + i}).result().picture.pixels for i in range(4)]
    for size, count in ((4, 1), (2, 2), (1, 4)):
        batch = studio.img2img(gradient(), "x", **fields, batch_size=size, batch_count=count).results()
        for one, result in zip(alone, batch, strict=True):
            np.testing.assert_array_equal(one, result.picture.pixels)


def test_prompts_of_different_lengths_share_a_run(studio: Studio) -> None:
    long = ", ".join(["a very long prompt"] * 40)
    both = studio.txt2img(["short", long], **tiny(width=32, height=32)).results()
    alone = studio.txt2img(long, **tiny(width=32, height=32, seed=12)).result()
    np.testing.assert_array_equal(both[1].picture.pixels, alone.picture.pixels)


def test_strength_zero_gives_nearly_the_source_and_more_strength_differs_more(studio: Studio) -> None:
    source = gradient()
    through_the_vae = studio.img2img(source, "x", **tiny(sampler="DDIM", strength=0)).result().picture.pixels
    assert through_the_vae.shape == source.shape
    away = []
    for strength in (0.1, 0.5, 1.0):
        run = studio.img2img(source, "x", **tiny(sampler="DDIM", steps=20, strength=strength))
        away.append(np.abs(run.result().picture.pixels.astype(int) - through_the_vae.astype(int)).mean())
    assert away[0] < away[1] < away[2]


@pytest.mark.parametrize(("channels", "depth"), [(3, 8), (4, 8), (3, 16), (4, 16)])
def test_depth_transparency_profile_dpi_and_text_survive(
    studio: Studio, tmp_path: Path, adobe_rgb: bytes, channels: int, depth: int
) -> None:
    source = gradient(channels=channels, depth=depth)
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    extras = Extras(icc=adobe_rgb, exif=exif.tobytes()[6:], dpi=(300, 300), text={"Title": "Füchse"})
    path = save_picture(source, tmp_path / "source.png", extras=extras).path
    result = studio.img2img(path, "x", **tiny()).result()
    again = open_picture(result.save(tmp_path / "result.png").path)
    assert (again.pixels.shape, again.pixels.dtype) == (source.shape, source.dtype)
    assert again.icc == extras.icc
    assert again.dpi == pytest.approx((300, 300), abs=0.1)
    assert again.text["Title"] == "Füchse"
    assert b"A camera" in (again.exif or b"")
    assert again.infotext == result.infotext
    assert again.recipe == result.recipe
    if channels == 4:
        np.testing.assert_array_equal(again.pixels[..., 3], source[..., 3])
    if depth == 16:
        assert len(np.unique(again.pixels & 255)) > 64, "a 16-bit result has 16-bit levels"


def test_transparency_follows_the_resize_and_can_be_left_out(studio: Studio) -> None:
    source = Image.fromarray(gradient(64, 64, channels=4))
    turned = studio.img2img(source, "x", **tiny(width=32, height=40, resize_mode="crop-and-resize")).result()
    assert turned.picture.pixels.shape == (40, 32, 4)
    assert studio.img2img(source, "x", **tiny(keep_alpha=False)).result().picture.pixels.shape == (64, 64, 3)


def test_a_picture_is_upright_and_stays_so(studio: Studio, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(gradient(64, 32)).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    result = studio.img2img(tmp_path / "turned.jpg", "x", **tiny()).result()
    assert result.picture.size == (32, 64)
    with Image.open(result.save(tmp_path / "result.jpg").path) as saved:
        assert saved.size == (32, 64)
        assert saved.getexif().get(0x0112, 1) == 1


def test_progress_rises_to_one_and_shows_a_preview(studio: Studio) -> None:
    events = list(studio.img2img(gradient(64, 48), "x", **tiny(batch_count=2, strength=1)))
    steps = [event for event in events if isinstance(event, Progress) and event.stage == "sample"]
    fractions = [event.fraction for event in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert [event.step for event in steps] == [1, 2, 3, 4, 5, 6]
    assert all(event.steps == 6 and event.remaining is not None for event in steps)
    preview = steps[0].preview
    assert preview is not None
    assert (preview().shape, preview().dtype) == ((6, 8, 3), np.uint8)
    assert [event.index for event in events if isinstance(event, Result)] == [0, 1]


def test_a_run_that_is_left_computes_nothing_more(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    plain = Model.predict

    def counted(self: Model, *arguments: Any, **options: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return plain(self, *arguments, **options)

    monkeypatch.setattr(Model, "predict", counted)
    run = studio.img2img(gradient(), "x", **tiny(steps=50, strength=1))
    for event in run:
        if isinstance(event, Progress) and event.step == 2:
            break
    run.cancel()
    assert list(run) == []
    assert calls == 2  # two steps, prompt and negative prompt together


def test_tiling_is_off_again_after_a_run_that_was_left(studio: Studio) -> None:
    plain = studio.img2img(gradient(), "x", **tiny()).result().picture.pixels
    run = studio.img2img(gradient(), "x", **tiny(tiling=True))
    next(iter(run))
    run.cancel()
    np.testing.assert_array_equal(studio.img2img(gradient(), "x", **tiny()).result().picture.pixels, plain)
    tiled = studio.img2img(gradient(), "x", **tiny(tiling=True)).result()
    assert not np.array_equal(tiled.picture.pixels, plain)
    assert "Tiling: True" in tiled.infotext


def test_a_network_that_gives_nan_is_a_clear_error(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Model, "predict", lambda self, x, *_, **__: torch.full_like(x, torch.nan))
    with pytest.raises(NonFinite, match="NaN"):
        studio.img2img(gradient(), "x", **tiny()).results()


def test_the_recipe_holds_hashes_and_no_paths(studio: Studio, tmp_path: Path) -> None:
    import json

    path = save_picture(gradient(), tmp_path / "cat.png").path
    result = studio.img2img(path, "x", **tiny(batch_count=2, variation_strength=0.2, variation_seed=5)).results()[1]
    text = json.dumps(result.recipe)
    assert str(tmp_path) not in text
    assert "/" not in text.replace("image/", "")
    assert result.recipe["request"]["variation_seed"] == 6
    assert result.recipe["run"] == {"index": 1, "images": 2}
    single = studio.img2img(path, **{"prompt": "x", "model": "tiny", **_of(result)}).result()
    np.testing.assert_array_equal(single.picture.pixels, result.picture.pixels)


def _of(result: Result) -> dict[str, Any]:
    fields = dict(result.recipe["request"])
    return {k: v for k, v in fields.items() if k not in ("images", "prompt", "model")}


@pytest.mark.parametrize("scheduler", [entry.label for entry in SCHEDULERS])
@pytest.mark.parametrize("sampler", [entry.label for entry in SAMPLERS])
@pytest.mark.parametrize("steps", [1, 2])
def test_every_sampler_runs_with_every_scheduler_in_one_and_two_steps(
    studio: Studio, sampler: str, scheduler: str, steps: int
) -> None:
    if sampler == "DPM adaptive":
        pytest.skip("it takes thousands of steps on random weights; tests/sampling and the goldens run it")
    fields = tiny(sampler=sampler, scheduler=scheduler, steps=steps, strength=1, width=16, height=16)
    result = studio.img2img(gradient(16, 16), "x", **fields).result()
    assert result.picture.size == (16, 16)
    assert f"Sampler: {sampler}," in result.infotext


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: b"no picture", PictureError),
        (lambda: b"", PictureError),
        (lambda: Path("/nowhere/cat.png"), PictureError),
    ],
)
def test_a_bad_source_is_a_picture_error(studio: Studio, make: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        studio.img2img(make(), "x", **tiny()).results()


def test_two_sources_make_one_batch(studio: Studio) -> None:
    first, second = gradient(), gradient()[::-1].copy()
    both = studio.img2img([first, second], "x", **tiny()).results()
    alone = studio.img2img(second, "x", **tiny(seed=12)).result()
    np.testing.assert_array_equal(both[1].picture.pixels, alone.picture.pixels)
    with pytest.raises(RequestError, match="at least one"):
        studio.img2img([], "x", **tiny())


def test_a_pillow_image_and_its_bytes_give_the_same(studio: Studio) -> None:
    image = Image.fromarray(gradient())
    stream = io.BytesIO()
    image.save(stream, "PNG")
    one = studio.img2img(image, "x", **tiny()).result()
    two = studio.img2img(stream.getvalue(), "x", **tiny()).result()
    np.testing.assert_array_equal(one.picture.pixels, two.picture.pixels)


def test_a_vae_that_gives_nan_goes_on_in_fp32_and_this_is_said(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Model._decode_one

    def breaks_in_bf16(self: Model, latent: torch.Tensor) -> torch.Tensor:
        picture = plain(self, latent)
        return torch.full_like(picture, torch.nan) if latent.dtype is torch.bfloat16 else picture

    monkeypatch.setattr(Model, "_decode_one", breaks_in_bf16)
    result = Studio(settings=studio.settings, device="cpu", dtype="bf16").img2img(gradient(), "x", **tiny()).result()
    assert any("fp32" in note or "float32" in note for note in result.notes)
    assert result.recipe["environment"]["vae_dtype"] == "fp32"
    assert result.picture.pixels.std() > 0


def test_running_out_of_memory_is_a_clear_error(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    from redraw.errors import OutOfMemory

    def starved(self: Model, *arguments: Any, **options: Any) -> torch.Tensor:
        return torch.empty(2**60)

    for method, words in (("predict", "sampling"), ("_decode_one", "decoding"), ("_encode_one", "encoding")):
        with monkeypatch.context() as patch:
            patch.setattr(Model, method, starved)
            with pytest.raises(OutOfMemory, match=words):
                studio.img2img(gradient(), "x", **tiny()).results()
