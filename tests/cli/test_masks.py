"""The commands that redraw a part: `inpaint`, `sketch`, `inpaint-sketch`, and `batch` with masks."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

Cli = Callable[..., Any]
Array = np.ndarray[Any, Any]
FAST = (*("--model", "tiny", "--steps", "2", "--sampler", "Euler", "--strength", "1", "--seed", "3"),
        *("--device", "cpu", "--dtype", "fp32"))  # fmt: skip
HARD = (*FAST, "--mask-blur", "0")
PART = (slice(4, 12), slice(6, 20))  # rows, columns


def colors(width: int = 41, height: int = 23) -> Array:
    """A picture without flat parts and without symmetry, [h, w, 3] uint8."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (3 * x + 5 * y) % 256], -1).astype(np.uint8)


def write(path: Path, pixels: Array) -> Path:
    """Write pixels to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def read(path: str | Path) -> Array:
    """Read a file's pixels."""
    return np.asarray(Image.open(path))


def outside(pixels: Array) -> Array:
    """The pixels outside of the part, the part zeroed."""
    kept = pixels.copy()
    kept[PART] = 0
    return kept


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a picture, and a mask, a paint layer and an alpha that mark the same part of it."""
    pixels = colors()
    part = np.zeros(pixels.shape[:2], np.uint8)
    part[PART] = 255
    write(tmp_path / "cat.png", pixels)
    write(tmp_path / "mask.png", part)
    write(tmp_path / "hole.png", np.dstack([pixels, 255 - part]))
    paint = np.zeros((*part.shape, 4), np.uint8)
    paint[PART] = (255, 0, 0, 255)
    write(tmp_path / "paint.png", paint)
    return tmp_path


def test_inpaint_redraws_what_the_mask_marks_and_nothing_else(cli: Cli, here: Path) -> None:
    done = cli("inpaint", "cat.png", "a fox", "--mask", "mask.png", *HARD, "-o", "out.png")
    assert done.code == 0, done.err
    before, after = read("cat.png"), read("out.png")
    assert np.array_equal(outside(before), outside(after))
    assert (before[PART] != after[PART]).mean() > 0.5
    assert "edge: seam " in done.err
    assert " dE (source " in done.err


def test_the_prompt_may_be_left_out(cli: Cli, here: Path) -> None:
    assert cli("inpaint", "cat.png", "--mask", "mask.png", *HARD, "-o", "out.png").code == 0
    assert np.array_equal(outside(read("cat.png")), outside(read("out.png")))


def test_invert_redraws_the_rest(cli: Cli, here: Path) -> None:
    cli("inpaint", "cat.png", "a fox", "--mask", "mask.png", "--invert-mask", *HARD, "-o", "out.png")
    before, after = read("cat.png"), read("out.png")
    assert np.array_equal(before[PART], after[PART])
    assert (outside(before) != outside(after)).mean() > 0.4


def test_the_transparent_part_is_the_mask(cli: Cli, here: Path) -> None:
    done = cli("inpaint", "hole.png", "a fox", "--mask", "alpha", *HARD, "-o", "out.png")
    assert done.code == 0, done.err
    assert np.array_equal(outside(read("hole.png")[..., :3]), outside(read("out.png")[..., :3]))
    assert (read("hole.png")[PART][..., :3] != read("out.png")[PART][..., :3]).mean() > 0.5


def test_one_mask_serves_several_inputs_of_any_size_by_the_same_way_as_img2img(cli: Cli, here: Path) -> None:
    write(here / "in" / "a.png", colors())
    write(here / "in" / "b.png", colors()[::-1])
    pattern = ("--name-pattern", "[basename]_[generation_number]", "--grid", "--batch-count", "2")
    done = cli("inpaint", "in/*.png", "a fox", "--mask", "mask.png", *HARD, "-o", "out", *pattern)
    assert done.code == 0, done.err
    assert sorted(path.name for path in (here / "out").iterdir()) == [
        *("a_1.png", "a_2.png", "b_1.png", "b_2.png", "grid-0000.png", "grid-0001.png"),
    ]
    for name in ("a", "b"):
        source = read(f"in/{name}.png")
        assert all(np.array_equal(outside(source), outside(read(f"out/{name}_{i}.png"))) for i in (1, 2))


def test_mask_and_cutout_are_written_beside_the_result(cli: Cli, here: Path) -> None:
    saving = ("--save-mask", "--save-cutout", "--json", "-o", "out/fox.jpg")
    done = cli("inpaint", "cat.png", "a fox", "--mask", "mask.png", *HARD, *saving)
    assert done.code == 0, done.err
    assert sorted(path.name for path in (here / "out").iterdir()) == [
        *("fox-mask-composite.png", "fox-mask.png", "fox.jpg"),
    ]
    mask = np.asarray(Image.open("out/fox-mask.png").convert("L"))
    assert np.array_equal(mask, read("mask.png"))
    cutout = read("out/fox-mask-composite.png")
    assert cutout.shape == (23, 41, 4)
    assert np.array_equal(cutout[..., 3], read("mask.png"))
    (line,) = json.loads(done.out)
    assert Path(line["mask"]).name == "fox-mask.png"
    assert Path(line["cutout"]).name == "fox-mask-composite.png"
    assert set(line["edge"]) == {"seam", "seam_before", "ring"}
    assert line["edge"]["seam"] > 0


def test_img2img_reports_no_edge(cli: Cli, here: Path) -> None:
    done = cli("img2img", "cat.png", "a fox", *FAST, "-o", "out.png", "--json")
    assert "edge" not in json.loads(done.out)[0]
    assert "edge" not in done.err


@pytest.mark.parametrize("piped", ["input", "mask"])
def test_either_of_input_and_mask_may_come_from_stdin(
    cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch, piped: str
) -> None:
    data = (here / ("cat.png" if piped == "input" else "mask.png")).read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    names = ("-", "mask.png") if piped == "input" else ("cat.png", "-")
    done = cli("inpaint", names[0], "a fox", "--mask", names[1], *HARD, "-o", "out.png")
    assert done.code == 0, done.err
    assert np.array_equal(outside(read("cat.png")), outside(read("out.png")))


def test_sketch_lays_paint_over_the_picture_and_redraws_all_of_it(cli: Cli, here: Path) -> None:
    done = cli("sketch", "cat.png", "a fox", "--paint", "paint.png", *FAST, "--strength", "0.3", "-o", "out.png")
    assert done.code == 0, done.err
    assert (outside(read("cat.png")) != outside(read("out.png"))).mean() > 0.4
    cli("img2img", "cat.png", "a fox", *FAST, "--strength", "0.3", "-o", "plain.png")
    assert (read("plain.png") != read("out.png")).mean() > 0.1


def test_inpaint_sketch_redraws_only_what_was_painted(cli: Cli, here: Path) -> None:
    done = cli("inpaint-sketch", "cat.png", "a fox", "--paint", "paint.png", *HARD, "-o", "out.png")
    assert done.code == 0, done.err
    assert np.array_equal(outside(read("cat.png")), outside(read("out.png")))
    assert (read("cat.png")[PART] != read("out.png")[PART]).mean() > 0.5
    clear = cli("inpaint-sketch", "cat.png", "x", "--paint", "paint.png", "--mask-transparency", "50", *HARD)
    assert clear.code == 0, clear.err


WRONG = [
    (("inpaint", "cat.png", "x"), "--mask FILE"),
    (("inpaint", "cat.png", "x", "--mask", "none.png"), "none.png: no such file"),
    (("inpaint", "cat.png", "x", "--mask", "text.png"), "text.png"),
    (("inpaint", "cat.png", "x", "--mask", "."), "folder"),
    (("inpaint", "cat.png", "x", "--mask", "alpha"), "cat.png"),
    (("inpaint", "-", "x", "--mask", "-"), "taken already"),
    (("inpaint", "cat.png", "x", "--mask", "mask.png", "--mask-blur", "-1"), "between 0 and"),
    (("inpaint", "cat.png", "x", "--mask", "mask.png", "-o", "-", "--save-mask"), "beside a file"),
    (("inpaint", "cat.png", "x", "--mask", "mask.png", "--masked-content", "black"), "black"),
    (("sketch", "cat.png", "x"), "--paint FILE"),
    (("sketch", "cat.png", "x", "--paint", "text.png"), "text.png"),
    (("sketch", "cat.png", "--paint", "paint.png"), "give an input and a prompt"),
    (("inpaint-sketch", "cat.png", "x"), "--paint FILE"),
    (("inpaint-sketch", "-", "x", "--paint", "-"), "taken already"),
    (("inpaint-sketch", "cat.png", "x", "--paint", "paint.png", "--mask", "mask.png"), "--mask"),
    (("inpaint-sketch", "cat.png", "x", "--paint", "paint.png", "--mask-transparency", "101"), "between 0 and 100"),
    (("img2img", "cat.png", "x", "--mask", "mask.png"), "--mask"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(a) for a, _ in WRONG])
def test_a_wrong_command_is_one_line_exit_2_and_nothing_written(
    cli: Cli, here: Path, arguments: tuple[str, ...], words: str
) -> None:
    (here / "text.png").write_text("I am no picture")
    before = sorted(here.iterdir())
    out = () if "-o" in arguments else ("-o", "fox.png")
    done = cli(*arguments, "--model", "tiny", "--steps", "1", *out)
    assert done.code == 2
    assert words in done.err, done.err
    assert "Traceback" not in done.err
    assert len([line for line in done.err.splitlines() if "rror" in line]) == 1
    assert [path for path in sorted(here.iterdir()) if path.name != "data"] == before


def photos(here: Path) -> None:
    """Three pictures with masks for two of them."""
    for name in ("a", "b", "sub/c"):
        write(here / "photos" / f"{name}.png", colors())
    mask = read("mask.png")
    write(here / "masks" / "a.png", mask)
    write(here / "masks" / "c.png", mask)


def test_a_batch_takes_the_mask_of_each_picture(cli: Cli, here: Path) -> None:
    photos(here)
    done = cli("batch", "photos", "a fox", "--mask-folder", "masks", *HARD, "-o", "out", "--save-mask")
    assert done.code == 0, done.err
    made = sorted(path.relative_to(here / "out").as_posix() for path in (here / "out").rglob("*.png"))
    assert made == ["a-mask.png", "a.png", "sub/c-mask.png", "sub/c.png"]
    for name in ("a", "sub/c"):
        assert np.array_equal(outside(colors()), outside(read(f"out/{name}.png")))
    assert "skipped: photos/b.png: it has no mask" in done.err
    assert done.err.strip().endswith("2 made, 1 skipped, 0 failed")


def test_a_bad_mask_fails_its_picture_and_the_batch_goes_on(cli: Cli, here: Path) -> None:
    photos(here)
    (here / "masks" / "b.png").write_text("I am no picture")
    done = cli("batch", "photos", "a fox", "--mask-folder", "masks", *HARD, "-o", "out")
    assert done.code == 2
    assert "failed: photos/b.png: b.png: is text" in done.err
    assert done.err.strip().endswith("2 made, 0 skipped, 1 failed")


def test_prime_sizes_and_one_mask_for_all(cli: Cli, here: Path) -> None:
    mask = read("mask.png")
    for width, height in ((41, 23), (17, 31), (13, 7)):
        write(here / "photos" / f"{width}x{height}.png", colors(width, height))
        write(here / "masks" / f"{width}x{height}.png", np.asarray(Image.fromarray(mask).resize((width, height), 0)))
    done = cli("batch", "photos", "a fox", "--mask-folder", "masks", *HARD, "-o", "out")
    assert done.code == 0, done.err
    for width, height in ((41, 23), (17, 31), (13, 7)):
        before, after = colors(width, height), read(f"out/{width}x{height}.png")
        kept = read(f"masks/{width}x{height}.png") == 0
        assert np.array_equal(before[kept], after[kept])
        assert (before[~kept] != after[~kept]).any()


STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def store(path: Path, orientation: int) -> Path:
    """Write the picture as a camera held that way does: turned, with a note how to turn it back."""
    image = Image.fromarray(colors())
    turned = image.transpose(STORED[orientation]) if orientation in STORED else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if path.suffix == ".webp" else {}
    turned.save(path, exif=exif.tobytes() if path.suffix != ".tiff" else exif, **options)
    return path


@pytest.mark.parametrize("ending", ["png", "webp", "tiff", "jpg"])
def test_the_mask_lies_where_the_person_sees_it(cli: Cli, here: Path, ending: str) -> None:
    (here / "in").mkdir()
    for orientation in range(1, 9):
        store(here / "in" / f"{orientation}.{ending}", orientation)
    done = cli(
        "inpaint",
        "in/*",
        "a fox",
        "--mask",
        "mask.png",
        *HARD,
        "-o",
        "out",
        "--steps",
        "1",
        "--name-pattern",
        "[basename]",
    )
    assert done.code == 0, done.err
    for orientation in range(1, 9):
        result = Image.open(here / "out" / f"{orientation}.png")
        assert result.getexif().get(0x0112, 1) == 1
        after = np.asarray(result)
        upright = np.asarray(ImageOps.exif_transpose(Image.open(here / "in" / f"{orientation}.{ending}")))
        if ending != "jpg":
            assert np.array_equal(upright, colors()), "the test's own file is wrong"
        assert np.array_equal(outside(upright), outside(after)), f"orientation {orientation}"
        assert (upright[PART] != after[PART]).mean() > 0.5, f"orientation {orientation}"
