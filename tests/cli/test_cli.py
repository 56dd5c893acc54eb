"""The command line, called as a user calls it."""

from __future__ import annotations

import io
import json
import os
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

Cli = Callable[..., Any]
FAST = ("--model", "tiny", "--steps", "2", "--sampler", "Euler", "--device", "cpu", "--dtype", "fp32")


def draw(path: Path, width: int = 64, height: int = 48) -> Path:
    """Write a small colourful picture."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_a_picture_is_redrawn_with_its_recipe_inside_and_replays_identically(cli: Cli, tmp_path: Path) -> None:
    draw(tmp_path / "cat.png", 61, 47)
    done = cli("img2img", "cat.png", "a fox", *FAST, "--seed", "5", "-o", "fox.png")
    assert done.code == 0, done.err
    assert Image.open("fox.png").size == (61, 47)
    shown = cli("info", "fox.png")
    assert shown.out.startswith("a fox\nSteps: 2, Sampler: Euler, Schedule type: Automatic, CFG scale: 7, Seed: 5,")
    assert "Denoising strength: 0.75, RNG: NV, Version: redraw-" in shown.out
    again = cli("replay", "fox.png")
    assert (again.code, again.out.strip()) == (0, "identical: every pixel is the same")


def test_replay_looks_elsewhere_for_a_source_and_names_the_missing_hash(cli: Cli, tmp_path: Path) -> None:
    import hashlib

    draw(tmp_path / "cat.png")
    digest = hashlib.sha256((tmp_path / "cat.png").read_bytes()).hexdigest()
    cli("img2img", "cat.png", "a fox", *FAST, "-o", "results/fox.png")
    missing = cli("replay", "results/fox.png")
    assert missing.code == 2
    assert digest in missing.err
    (tmp_path / "kept").mkdir()
    (tmp_path / "cat.png").rename(tmp_path / "kept" / "renamed.png")
    assert cli("replay", "results/fox.png", "--input", "kept").code == 0
    assert cli("replay", "results/fox.png", "--input", "kept/renamed.png").code == 0


def test_replay_names_the_hash_of_a_model_that_is_not_at_hand(
    cli: Cli, tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    cli("txt2img", "a fox", *FAST, "--width", "32", "--height", "32", "-o", "fox.png")
    monkeypatch.setenv("REDRAW_MODELS_DIR", str(tmp_path / "empty"))
    done = cli("replay", "fox.png")
    assert done.code == 2
    assert hashlib.sha256(tiny_checkpoint.read_bytes()).hexdigest() in done.err


def test_replay_says_when_the_picture_was_changed(cli: Cli, tmp_path: Path) -> None:
    draw(tmp_path / "cat.png")
    cli("img2img", "cat.png", "a fox", *FAST, "-o", "fox.png", "--seed", "3")
    from redraw.image.io import open_picture
    from redraw.image.save import Extras, save_picture

    picture = open_picture("fox.png")
    recipe = {**(picture.recipe or {}), "pixels": "0" * 64}
    changed = picture.pixels.copy()
    changed[0, 0, 0] ^= 4
    save_picture(changed, "fox.png", extras=Extras(recipe=recipe), overwrite=True)
    outcome = cli("replay", "fox.png", "--json")
    assert outcome.code == 1
    assert json.loads(outcome.out)["worst"] == 4


def test_nothing_is_overwritten_unless_asked(cli: Cli, tmp_path: Path) -> None:
    draw(tmp_path / "cat.png")
    for _ in range(2):
        cli("img2img", "cat.png", "a fox", *FAST, "-o", "fox.png", "--seed", "1")
    assert sorted(p.name for p in tmp_path.glob("fox*")) == ["fox-1.png", "fox.png"]
    before = (tmp_path / "fox.png").stat().st_mtime_ns
    cli("img2img", "cat.png", "a fox", *FAST, "-o", "fox.png", "--seed", "1", "--overwrite")
    assert len(list(tmp_path.glob("fox*"))) == 2
    assert (tmp_path / "fox.png").stat().st_mtime_ns > before


def test_several_inputs_globs_batches_names_and_a_grid(cli: Cli, tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw(tmp_path / f"{name}.png")
    done = cli(
        *("img2img", "*.png", "a fox", *FAST, "-o", "out", "--batch-count", "2", "--seed", "7"),
        *("--grid", "--name-pattern", "[basename]_[seed]_[generation_number]", "--json"),
    )
    assert done.code == 0, done.err
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["a_7_1.png", "a_8_2.png", "b_7_1.png", "b_8_2.png", "grid-0000.png", "grid-0001.png"]
    report = json.loads(done.out)
    assert [entry.get("seed") for entry in report] == [7, 8, None, 7, 8, None]
    assert Image.open(tmp_path / "out" / "grid-0000.png").size == (128, 48)


def test_stdin_to_stdout(tmp_path: Path, tiny_checkpoint: Path) -> None:
    source = draw(tmp_path / "cat.png").read_bytes()
    command = [sys.executable, "-m", "redraw", "img2img", "-", "a fox", *FAST, "-o", "-"]
    environment = {**os.environ, "REDRAW_MODELS_DIR": str(tiny_checkpoint.parent), "REDRAW_DATA_DIR": str(tmp_path)}
    done = subprocess.run(command, input=source, capture_output=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert Image.open(io.BytesIO(done.stdout)).size == (64, 48)
    assert [p.name for p in tmp_path.glob("*.png")] == ["cat.png"]


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "avif"])
def test_every_format_carries_the_recipe(cli: Cli, tmp_path: Path, ending: str) -> None:
    draw(tmp_path / "cat.png")
    assert cli("img2img", "cat.png", "ein Füchslein, 狐 🦊", *FAST, "-o", f"fox.{ending}").code == 0
    shown = cli("info", f"fox.{ending}", "--json")
    found = json.loads(shown.out)
    assert found["parameters"]["Prompt"] == "ein Füchslein, 狐 🦊"
    assert found["recipe"]["kind"] == "img2img"
    assert "cat.png" in [given["name"] for given in found["recipe"]["inputs"]]
    assert str(tmp_path) not in shown.out


def test_text_alone_and_sizes_that_are_no_multiple_of_8(cli: Cli, tmp_path: Path) -> None:
    assert cli("txt2img", "a fox", *FAST, "--width", "53", "--height", "37", "-o", "fox.png").code == 0
    assert Image.open(tmp_path / "fox.png").size == (53, 37)
    assert cli("replay", "fox.png").code == 0


BAD = [
    (("--sampler", "eulr a"), "did you mean Euler a"),
    (("--scheduler", "karas"), "did you mean Karras"),
    (("--model", "tinyy"), "tiny"),
    (("--strength", "2"), "between 0 and 1"),
    (("--strength", "-0.1"), "between 0 and 1"),
    (("--width", "0"), "between 1 and 16384"),
    (("--width", "100000"), "between 1 and 16384"),
    (("--steps", "0"), "between 1 and 1000"),
    (("--seed-resize-from", "big"), "512x768"),
    (("--model", "broken.safetensors"), "broken.safetensors"),
    (("--vae", "nowhere.pt"), "nowhere.pt"),
    (("-o", "cat.png/out"), "cat.png"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=[" ".join(b[0]) for b in BAD])
def test_a_wrong_option_is_one_line_exit_2_and_nothing_written(
    cli: Cli, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    draw(tmp_path / "cat.png")
    (tmp_path / "broken.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{nothing")
    before = sorted(tmp_path.iterdir())
    out = () if options[0] == "-o" else ("-o", "fox.png")
    done = cli("img2img", "cat.png", "a fox", *FAST, *out, *options)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err
    assert len([line for line in done.err.splitlines() if "rror" in line]) == 1
    left = [p for p in tmp_path.iterdir() if p not in before and p.name != "data"]
    assert not left


def test_bad_inputs_are_one_line_and_exit_2(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("I am no picture")
    good = draw(tmp_path / "good.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(good[: len(good) // 2])
    (tmp_path / "empty.png").touch()
    for name, words in (
        ("none.png", "no such file"),
        ("text.png", "text.png"),
        ("cut.png", "cut.png"),
        ("empty.png", "empty.png"),
        (".", "folder"),
        ("nothing-*.png", "no file matches"),
    ):
        done = cli("img2img", name, "a fox", *FAST, "-o", "fox.png")
        assert done.code == 2, name
        assert words in done.err, done.err
        assert len(done.err.strip().splitlines()) == 1, done.err
    assert not (tmp_path / "fox.png").exists()


def test_a_pattern_may_name_folders_and_a_failed_command_leaves_none(cli: Cli, tmp_path: Path) -> None:
    draw(tmp_path / "cat.png")
    done = cli("img2img", "cat.png", "a fox", *FAST, "-o", "out", "--name-pattern", "[sampler]/[seed]", "--seed", "3")
    assert done.code == 0, done.err
    assert (tmp_path / "out" / "Euler" / "3.png").is_file()
    assert cli("img2img", "cat.png", "a fox", *FAST, "-o", "other", "--model", "nothing like it").code == 2
    assert not (tmp_path / "other").exists()


def test_one_word_is_not_enough(cli: Cli) -> None:
    done = cli("img2img", "a fox")
    assert done.code == 2
    assert "prompt" in done.err


def test_ctrl_c_keeps_finished_pictures_and_exits_130(tmp_path: Path, tiny_checkpoint: Path) -> None:
    draw(tmp_path / "cat.png")
    command = [
        *(sys.executable, "-m", "redraw", "img2img", "cat.png", "a fox", *FAST),
        *("--steps", "50", "--batch-count", "500", "-o", "out"),
    ]
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
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.strip().endswith("redraw: stopped")
    kept = list((tmp_path / "out").iterdir())
    assert 0 < len(kept) < 500
    for path in kept:
        with Image.open(path) as image:
            image.load()


def test_a_read_only_folder_is_one_line_and_exit_2(tmp_path: Path, tiny_checkpoint: Path) -> None:
    draw(tmp_path / "cat.png")
    (tmp_path / "out").mkdir()
    redraw = " ".join([sys.executable, "-m", "redraw", "img2img", "cat.png", "fox", *FAST, "-o", "out"])
    script = f"mount --bind out out && mount -o remount,ro,bind out && exec {redraw}"
    environment = {**os.environ, "REDRAW_MODELS_DIR": str(tiny_checkpoint.parent), "REDRAW_DATA_DIR": str(tmp_path)}
    try:
        probe = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("unshare is not installed, so no read-only folder can be made")
    if probe.returncode != 0:
        pytest.skip("this user may not make a mount namespace, and root ignores mode bits")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot write to out" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out").iterdir())


def test_lists_name_every_sampler_and_scheduler(cli: Cli) -> None:
    samplers, schedulers = cli("samplers", "--json"), cli("schedulers", "--json")
    assert len(json.loads(samplers.out)) == 20
    assert len(json.loads(schedulers.out)) == 12
    assert "DPM++ 2M SDE Heun" in cli("samplers").out


def test_models_are_listed_and_described(cli: Cli, tiny_checkpoint: Path) -> None:
    listed = json.loads(cli("models", "list", "--json").out)
    assert "tiny" in " ".join(entry["name"] for entry in listed)
    described = cli("models", "info", str(tiny_checkpoint))
    assert described.code == 0
    assert "SD" in described.out or "Stable Diffusion" in described.out


@pytest.mark.parametrize(
    "command",
    [
        *("img2img", "inpaint", "sketch", "inpaint-sketch", "batch", "txt2img"),
        *("info", "replay", "models", "samplers", "schedulers", "demo"),
    ],
)
def test_every_command_has_help(cli: Cli, command: str) -> None:
    done = cli(command, "--help")
    assert done.code == 0
    assert "Usage: redraw " + command in done.out


def graph_of_comfyui() -> dict[str, Any]:
    """The smallest graph that makes a picture."""
    inputs = {"seed": 42, "steps": 20, "cfg": 8.0, "sampler_name": "dpmpp_2m", "scheduler": "karras", "denoise": 1.0,
              "positive": ["6", 0], "latent_image": ["5", 0]}  # fmt: skip
    return {
        "3": {"class_type": "KSampler", "inputs": inputs},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 32}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox"}},
        "7": {"class_type": "FaceDetailer", "inputs": {"image": ["3", 0], "guide_size": 512}},
    }


@pytest.mark.parametrize("as_picture", [True, False])
def test_info_shows_what_comfyui_wrote_and_what_was_not_understood(cli: Cli, as_picture: bool) -> None:
    graph, file = json.dumps(graph_of_comfyui()), "fox.png" if as_picture else "fox.json"
    if as_picture:
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        entries = PngInfo()
        entries.add_text("prompt", graph)
        Image.new("RGB", (8, 8)).save(file, pnginfo=entries)
    else:
        Path(file).write_text(graph)
    shown = cli("info", file)
    assert shown.code == 0
    assert "From ComfyUI, read as txt2img:" in shown.out
    assert "prompt: a fox" in shown.out
    assert 'Not understood: FaceDetailer 7: {"guide_size": 512}' in shown.out
    read = json.loads(cli("info", file, "--json").out)["read"]
    assert (read["program"], read["request"]["sampler"], read["request"]["seed"]) == ("ComfyUI", "DPM++ 2M", 42)
    assert "KSampler 3: seed" in read["understood"]
    assert list(read["unknown"]) == ["FaceDetailer 7"]


def test_info_reads_an_infotext_in_a_file(cli: Cli) -> None:
    Path("fox.txt").write_text("a fox\nSteps: 5, Sampler: Euler a, Seed: 3, Distilled CFG Scale: 3.5, Version: f2.0.1")
    shown = cli("info", "fox.txt")
    assert "From Forge, read as txt2img:" in shown.out
    assert "Not understood: Distilled CFG Scale: 3.5" in shown.out


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", None])
def test_info_refuses_a_text_that_is_none(cli: Cli, data: bytes | None) -> None:
    if data is not None:
        Path("fox.txt").write_bytes(data)
    done = cli("info", "fox.txt")
    assert (done.code, "text in UTF-8" in done.err) == (2, True)
