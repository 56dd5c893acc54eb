"""`redraw batch`, called as a user calls it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from redraw.image.metadata import read_metadata
from redraw.image.save import Extras, save_picture

Cli = Callable[..., Any]
FAST = ("--model", "tiny", "--steps", "1", "--sampler", "Euler", "--device", "cpu", "--dtype", "fp32")


def draw(path: Path, width: int = 16, height: int = 16, infotext: str | None = None) -> Path:
    """Write a small picture without flat parts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1).astype(np.uint8)
    return save_picture(pixels, path, extras=Extras(infotext=infotext), overwrite=True).path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures, one in a sub-folder, one of prime size."""
    draw(tmp_path / "photos" / "a.png")
    draw(tmp_path / "photos" / "b c.jpg", 17, 31)
    draw(tmp_path / "photos" / "sub" / "d.webp")
    return tmp_path / "photos"


def names(folder: Path) -> list[str]:
    """The files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_results_have_their_sources_names_folders_and_sizes(cli: Cli, photos: Path, tmp_path: Path) -> None:
    done = cli("batch", "photos", "a fox", *FAST, "-o", "out", "--seed", "7", "--json")
    assert done.code == 0, done.err
    assert names(tmp_path / "out") == ["a.png", "b c.png", "sub/d.png"]
    assert Image.open(tmp_path / "out" / "b c.png").size == (17, 31)
    report = json.loads(done.out)
    assert [entry["seed"] for entry in report] == [7, 7, 7]
    assert [Path(entry["source"]).name for entry in report] == ["a.png", "b c.jpg", "d.webp"]
    assert done.err.strip().endswith("3 made, 0 skipped, 0 failed")
    assert cli("replay", "out/sub/d.png", "--input", "photos/sub").code == 0


def test_each_picture_is_the_one_img2img_makes(cli: Cli, photos: Path) -> None:
    cli("batch", "photos", "a fox", *FAST, "-o", "out", "--seed", "7")
    cli("img2img", "photos/b c.jpg", "a fox", *FAST, "-o", "alone.png", "--seed", "7")
    batch, alone = (np.asarray(Image.open(name)) for name in ("out/b c.png", "alone.png"))
    assert np.array_equal(batch, alone)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--number",), ["00000-a.png", "00001-b c.png", "sub/00000-d.png"]),
        (("--batch-count", "2"), ["a-1.png", "a-2.png", "b c-1.png", "b c-2.png", "sub/d-1.png", "sub/d-2.png"]),
        (("--no-recursive", "--number", "--batch-size", "2"), [f"0000{i}-{n}" for i, n in enumerate(
            ("a-1.png", "a-2.png", "b c-1.png", "b c-2.png"))]),
        (("--name-pattern", "[seed]_[basename]", "--format", "jpg"), ["7_a.jpg", "7_b c.jpg", "sub/7_d.jpg"]),
    ],
)  # fmt: skip
def test_names(cli: Cli, photos: Path, tmp_path: Path, options: tuple[str, ...], expected: list[str]) -> None:
    done = cli("batch", "photos", "a fox", *FAST, "-o", "out", "--seed", "7", *options)
    assert done.code == 0, done.err
    assert names(tmp_path / "out") == expected


def test_numbers_go_on_after_the_last_one(cli: Cli, photos: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert cli("batch", "photos/a.png", "a fox", *FAST, "-o", "out", "--number").code == 0
    assert names(tmp_path / "out") == ["00000-a.png", "00001-a.png"]


def test_a_second_run_skips_finished_pictures_only_with_resume(cli: Cli, photos: Path, tmp_path: Path) -> None:
    run = ("batch", "photos", "a fox", *FAST, "-o", "out")
    cli(*run)
    (tmp_path / "out" / "b c.png").unlink()
    resumed = cli(*run, "--resume")
    assert resumed.code == 0
    assert resumed.err.strip().endswith("1 made, 0 skipped, 0 failed, 2 made before")
    assert names(tmp_path / "out") == ["a.png", "b c.png", "sub/d.png"]
    assert cli(*run, "--resume").code == 0
    assert cli(*run).code == 0
    assert names(tmp_path / "out") == ["a-1.png", "a.png", "b c-1.png", "b c.png", "sub/d-1.png", "sub/d.png"]


def test_resume_finishes_a_picture_that_was_half_made(cli: Cli, photos: Path, tmp_path: Path) -> None:
    run = ("batch", "photos/a.png", "a fox", *FAST, "-o", "out", "--batch-count", "2", "--seed", "3")
    cli(*run)
    second = tmp_path / "out" / "a-2.png"
    before = np.asarray(Image.open(second))
    second.unlink()
    assert cli(*run, "--resume").code == 0
    assert names(tmp_path / "out") == ["a-1.png", "a-2.png"]
    assert np.array_equal(np.asarray(Image.open(second)), before)


def test_unreadable_pictures_are_skipped_and_said(cli: Cli, photos: Path, tmp_path: Path) -> None:
    (photos / "text.png").write_text("I am no picture")
    whole = (photos / "a.png").read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    done = cli("batch", "photos", "a fox", *FAST, "-o", "out", "--json")
    assert done.code == 0, done.err
    assert names(tmp_path / "out") == ["a.png", "b c.png", "sub/d.png"]
    assert done.err.strip().endswith("3 made, 2 skipped, 0 failed")
    skipped = {Path(entry["source"]).name: entry["skipped"] for entry in json.loads(done.out) if "skipped" in entry}
    assert sorted(skipped) == ["cut.png", "text.png"]
    assert "is text" in skipped["text.png"]


def test_a_picture_that_fails_is_said_and_the_batch_goes_on(cli: Cli, photos: Path, tmp_path: Path) -> None:
    info = "x\nSteps: 1, Sampler: Euler, Model hash: 0123456789, Seed: 5"
    draw(photos / "a1.png", infotext=info)
    done = cli("batch", "photos", "a fox", *FAST, "-o", "out", "--png-info-props", "Model hash", "--json")
    assert done.code == 2
    assert names(tmp_path / "out") == ["a.png", "b c.png", "sub/d.png"]
    assert done.err.strip().endswith("3 made, 0 skipped, 1 failed")
    (failed,) = [entry for entry in json.loads(done.out) if "failed" in entry]
    assert "0123456789" in failed["failed"]


def test_nothing_made_is_exit_2(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "text.png").write_text("I am no picture")
    done = cli("batch", "photos", "a fox", *FAST, "-o", "out")
    assert done.code == 2
    assert done.err.strip().endswith("0 made, 1 skipped, 0 failed")
    assert not (tmp_path / "out").exists()


def test_png_info_goes_into_each_picture(cli: Cli, photos: Path, tmp_path: Path) -> None:
    info = "a blue square\nNegative prompt: red\nSteps: 2, Sampler: Euler a, CFG scale: 4, Seed: 4321"
    draw(tmp_path / "info" / "a.png", infotext=info)
    done = cli("batch", "photos", "a fox", "-n", "green", *FAST, "-o", "out", "--png-info-folder", "info")
    assert done.code == 0, done.err
    text = read_metadata(tmp_path / "out" / "a.png").infotext
    assert text is not None
    assert text.startswith("a fox a blue square\nNegative prompt: green red\nSteps: 2, Sampler: Euler a,")
    assert "CFG scale: 4.0, Seed: 4321," in text
    assert "no PNG info was found" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("photos", "x", "-o", "-"), "written to a folder"),
        (("photos", "x", "-o", "out.png"), "written to a folder"),
        (("nowhere", "x", "-o", "out"), "no such file or folder"),
        (("empty", "x", "-o", "out"), "no picture"),
        (("photos", "x", "-o", "photos"), "outside the output folder"),
        (("photos", "x", "-o", "out", "--mask-folder", "empty"), "no picture"),
        (("photos", "x", "-o", "out", "--mask", "nowhere.png"), "no such file"),
        (("photos", "x", "-o", "out", "--png-info-props", "Size"), "Model hash"),
        (("photos", "x", "-o", "out", "--strength", "2"), "between 0 and 1"),
        (("photos", "x", "-o", "out", "--model", "nothing like it"), "nothing like it"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_2(
    cli: Cli, photos: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    model = () if "--model" in arguments else ("--model", "tiny")
    done = cli("batch", *arguments, *model)
    assert done.code == 2
    assert words in done.err, done.err
    assert len([line for line in done.err.splitlines() if "rror" in line]) == 1
    assert not (tmp_path / "out").exists()
    assert names(photos) == ["a.png", "b c.jpg", "sub/d.webp"]


def test_one_folder_is_enough(cli: Cli, photos: Path, tmp_path: Path) -> None:
    assert cli("batch", "photos/sub", *FAST, "-o", "out").code == 0
    assert names(tmp_path / "out") == ["d.png"]


def test_ctrl_c_keeps_what_is_finished_and_resume_goes_on(tmp_path: Path, tiny_checkpoint: Path) -> None:
    for i in range(40):
        draw(tmp_path / "photos" / f"{i}.png")
    command = [sys.executable, "-m", "redraw", "batch", "photos", "a fox", *FAST, "--steps", "30", "-o", "out"]
    environment = {**os.environ, "REDRAW_MODELS_DIR": str(tiny_checkpoint.parent), "REDRAW_DATA_DIR": str(tmp_path)}
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # tests that run in the background inherit an ignored SIGINT; a terminal's commands do not
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").glob("*.png")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    kept = names(tmp_path / "out")
    assert 0 < len(kept) < 40
    summary = re.search(r"(\d+) made, 0 skipped, 0 failed, (\d+) left", err)
    assert summary is not None
    assert int(summary[1]) + int(summary[2]) == 40
    assert int(summary[1]) in (len(kept), len(kept) - 1)  # a file may be there a moment before it is counted
    assert err.strip().endswith("redraw: stopped")
    for name in kept:
        Image.open(tmp_path / "out" / name).load()
