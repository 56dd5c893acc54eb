"""The library's front: what stands for a picture and a mask, and runs from Python."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file

from redraw.errors import OutOfMemory, RequestError, UnknownName
from redraw.image.io import open_picture
from redraw.models.checkpoint import open_checkpoint
from redraw.request import Txt2Img
from redraw.settings import Settings
from redraw.studio import Studio, as_reference
from redraw.workflows.batch import Failed, Made, Skipped

Array = np.ndarray[Any, Any]
FAST: dict[str, Any] = {"model": "tiny", "steps": 2, "sampler": "Euler", "strength": 1, "seed": 3, "mask_blur": 0}
PART = (slice(4, 12), slice(6, 20))


@pytest.fixture(scope="module")
def studio(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """The tiny model on the CPU in fp32."""
    settings = Settings(models_dirs=(tiny_checkpoint.parent,), data_dir=tmp_path_factory.mktemp("data"))
    return Studio(settings=settings, device="cpu", dtype="fp32")


def colors(width: int = 41, height: int = 23) -> Array:
    """A picture without flat parts and without symmetry, [h, w, 3] uint8."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (3 * x + 5 * y) % 256], -1).astype(np.uint8)


def part(dtype: Any = np.uint8, white: float = 255) -> Array:
    """A mask of a part, [h, w]."""
    mask = np.zeros((23, 41), dtype)
    mask[PART] = white
    return mask


def outside(pixels: Array) -> Array:
    """The pixels outside of the part, the part zeroed."""
    kept = pixels.copy()
    kept[PART] = 0
    return kept


@pytest.mark.parametrize(
    ("mask", "white"),
    [
        (part(), 255),
        (part(bool, True), 255),
        (part(np.float64, 1.0), 255),
        (part(np.float32, 0.5), 128),
        (Image.fromarray(part()), 255),
    ],
    ids=["uint8", "bool", "float64", "half", "image"],
)
def test_masks_may_be_arrays_and_images(mask: Any, white: int) -> None:
    pixels = open_picture(as_reference(mask)).pixels
    assert np.array_equal(pixels[..., 0], part(np.uint8, white))


@pytest.mark.parametrize(
    "array",
    [
        np.full((2, 2), 1.5),
        np.full((2, 2), -0.1),
        np.full((2, 2), np.nan),
        np.zeros((2, 2), np.int64),
        np.zeros((2, 2, 3), np.float32),
        np.zeros((2, 2, 2), np.uint8),
        np.zeros((0, 2), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_other_arrays_are_refused(array: Array) -> None:
    with pytest.raises(RequestError, match=r"numbers in 0\.\.1"):
        as_reference(array)


@pytest.mark.parametrize("mask", [part(), part(bool, True), part(np.float32, 1), Image.fromarray(part())])
def test_inpaint_leaves_everything_else_as_it_is(studio: Studio, mask: Any) -> None:
    after = studio.inpaint(colors(), mask, "a fox", **FAST).result().picture.pixels
    assert np.array_equal(outside(after), outside(colors()))
    assert (after[PART] != colors()[PART]).mean() > 0.5


def test_alpha_may_be_the_mask(studio: Studio) -> None:
    hole = np.dstack([colors(), 255 - part()])
    after = studio.inpaint(hole, "alpha", "a fox", **FAST).result().picture.pixels
    assert np.array_equal(outside(after[..., :3]), outside(colors()))
    assert (after[..., :3][PART] != colors()[PART]).mean() > 0.5


def test_paint_may_be_an_array(studio: Studio) -> None:
    paint = np.dstack([np.full_like(colors(), 200), part()])
    result = studio.img2img(colors(), "a fox", paint=paint, paint_is_mask=True, **FAST).result()
    assert np.array_equal(outside(result.picture.pixels), outside(colors()))


STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("ending", ["png", "webp", "tiff", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_mask_lies_where_the_person_sees_it(studio: Studio, tmp_path: Path, ending: str, orientation: int) -> None:
    source = tmp_path / f"photo.{ending}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(colors())
    turned = image.transpose(STORED[orientation]) if orientation in STORED else image
    options = {"lossless": True} if ending == "webp" else {}
    turned.save(source, exif=exif if ending == "tiff" else exif.tobytes(), **options)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(source)))
    assert ending == "jpg" or np.array_equal(upright, colors())
    saved = studio.inpaint(source, part(), "a fox", **FAST).result().save(tmp_path / "out.png").path
    result = Image.open(saved)
    after = np.asarray(result)
    assert result.getexif().get(0x0112, 1) == 1
    assert np.array_equal(outside(upright), outside(after))
    assert (upright[PART] != after[PART]).mean() > 0.5


def test_a_batch_yields_what_comes_of_each_picture(studio: Studio, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        Image.fromarray(colors()).save(tmp_path / f"{name}.png")
    (tmp_path / "d.png").write_text("I am no picture")
    (tmp_path / "masks").mkdir()
    Image.fromarray(part()).save(tmp_path / "masks" / "a.png")
    (tmp_path / "masks" / "b.png").write_text("I am no picture")
    outcomes = list(studio.batch(tmp_path, "a fox", mask_folder=tmp_path / "masks", output=tmp_path / "out", **FAST))
    assert [type(one) for one in outcomes] == [Made, Failed, Skipped, Skipped]
    made = outcomes[0]
    assert isinstance(made, Made)
    assert (made.source, made.file) == (tmp_path / "a.png", tmp_path / "out" / "a.png")
    assert np.array_equal(outside(np.asarray(Image.open(tmp_path / "out" / "a.png"))), outside(colors()))


def test_a_batch_names_files_as_a1111_does_and_writes_none_without_a_folder(studio: Studio, tmp_path: Path) -> None:
    for name in ("a", "b"):
        Image.fromarray(colors()).save(tmp_path / f"{name}.png")
    options = {**FAST, "batch_count": 2, "width": 16, "height": 16}
    assert [one.file for one in studio.batch(tmp_path, **options) if isinstance(one, Made)] == [None] * 4
    made = studio.batch(tmp_path, output=tmp_path / "out", number=True, **options)
    assert [one.file.name for one in made if isinstance(one, Made) and one.file] == [
        *("00000-a-1.png", "00001-a-2.png", "00002-b-1.png", "00003-b-2.png"),
    ]


def test_what_is_wrong_with_a_batch_is_said_by_the_call(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no picture"):
        studio.batch(tmp_path)
    Image.fromarray(colors()).save(tmp_path / "a.png")
    with pytest.raises(RequestError, match="strenght"):
        studio.batch(tmp_path, strenght=0.5)


def folder_of_two(folder: Path, tiny_checkpoint: Path) -> Path:
    """A folder with two models and a VAE."""
    for name in ("one", "two"):
        shutil.copy(tiny_checkpoint, folder / f"{name}.safetensors")
    vae = {k: v for k, v in load_file(tiny_checkpoint).items() if k.startswith("first_stage_model.")}
    save_file(vae, folder / "color.safetensors")
    return folder


@pytest.mark.parametrize(("limit", "stays"), [(1, False), (2, True)])
def test_as_many_models_stay_loaded_as_the_settings_say(
    tiny_checkpoint: Path, tmp_path: Path, limit: int, stays: bool
) -> None:
    settings = Settings(models_dirs=(folder_of_two(tmp_path, tiny_checkpoint),), models_in_memory=limit)
    studio = Studio(settings=replace(settings, data_dir=tmp_path / "data"), device="cpu", dtype="fp32")
    one = studio.load(Txt2Img(model="one"))
    assert studio.load(Txt2Img(model="one")) is one
    two = studio.load(Txt2Img(model="two"))
    assert (studio.load(Txt2Img(model="one")) is one) == stays
    assert studio.load(Txt2Img(model="one", vae="color")) is not one, "another VAE makes another model"
    studio.unload()
    assert studio.load(Txt2Img(model="two")) is not two


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(models_dirs=(folder_of_two(tmp_path, tiny_checkpoint),), data_dir=tmp_path / "data")
    studio = Studio(settings=settings, device="cpu", dtype="fp32")
    studio.kept.free = lambda device: 1_000_000
    monkeypatch.setattr("redraw.studio.load_model", lambda *arguments, **options: pytest.fail("it was read"))
    with pytest.raises(OutOfMemory, match=r"one needs \d+ MB of memory and 1 MB are free; --dtype bf16 halves that"):
        studio.txt2img("a cat", model="one")


def test_a_vae_is_found_by_its_name_and_opened_once(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of_two(tmp_path, tiny_checkpoint)
    studio = Studio(settings=Settings(models_dirs=(folder,), data_dir=tmp_path / "data"), device="cpu", dtype="fp32")
    studio.load(Txt2Img(model="one"))
    opened: list[Path] = []

    def counted(path: Path) -> Any:
        opened.append(path)
        return open_checkpoint(path)

    for room in ("parts", "loader", "facts"):
        monkeypatch.setattr(f"redraw.models.{room}.open_checkpoint", counted)
    for name in ("color", "COLOR.safetensors", str(folder / "color.safetensors")):
        assert studio.load(Txt2Img(model="one", vae=name)).vae_name == "color.safetensors"
    assert opened.count(folder / "color.safetensors") == 1
    assert studio.load(Txt2Img(model="one", vae="two")).vae_name == "two.safetensors", "of a whole checkpoint"
    with pytest.raises(UnknownName, match="unknown vae 'colour': did you mean color"):
        studio.load(Txt2Img(model="one", vae="colour"))
