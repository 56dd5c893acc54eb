"""`redraw serve`, started as a user starts it, and `--server` on the commands that make pictures."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from redraw.cli.serve import serve, serve_config
from redraw.errors import RequestError
from redraw.image.metadata import read_metadata
from redraw.settings import Settings

Cli = Callable[..., Any]


def draw(path: Path, width: int = 32, height: int = 24) -> Path:
    """Write a small picture."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def options(*arguments: str) -> dict[str, Any]:
    """The values click gives for a command line."""
    return {"models_dirs": (), **serve.make_context("serve", list(arguments)).params}


def start(tmp_path: Path, *arguments: str, port: str = "0", **environment: str) -> subprocess.Popen[str]:
    """Start a server with the fake engine."""
    env = {**os.environ, "REDRAW_DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path), **environment}
    command = [sys.executable, "-m", "redraw", "serve", "--engine", "fake", "--port", port, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def stop(process: subprocess.Popen[str], with_signal: int = signal.SIGINT) -> tuple[int, str, str]:
    """End a server as Ctrl-C does; exit code and what it has written."""
    process.send_signal(with_signal)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def test_it_says_where_it_is_in_one_line_within_two_seconds_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    began = time.monotonic()
    process = start(tmp_path)
    assert process.stdout is not None
    line = process.stdout.readline()
    took = time.monotonic() - began
    url = line.rpartition(" ")[2].strip()
    with urllib.request.urlopen(f"{url}/health", timeout=20) as answer:
        assert json.load(answer) == {"status": "ok"}
    code, out, err = stop(process)
    assert (code, out) == (0, "")
    assert line.startswith("Redraw is at http://127.0.0.1:")
    assert "Traceback" not in err
    assert took < 4, f"the port was open after {took:.1f} s"  # 2 s on a machine that does nothing else
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{url}/health", timeout=2)


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(tmp_path, port=str(taken.getsockname()[1]))
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("redraw: error: --port")
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--listen",), ("--host", "0.0.0.0"), ("--host", "192.168.1.2", "--listen")])
def test_other_machines_are_kept_out_unless_there_is_a_password(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr("redraw.server.run.serve", lambda config, opened: None)
    done = cli("serve", *arguments)
    assert done.code == 2
    assert "--api-auth" in done.err or "--listen" in done.err
    listening = (*arguments, "--listen")
    assert cli("serve", *listening, "--insecure").code == 0
    assert cli("serve", *listening, "--api-auth", "ann:secret").code == 0


def test_a_login_is_asked_for_and_its_password_appears_nowhere(tmp_path: Path) -> None:
    process = start(tmp_path, REDRAW_API_AUTH="ann:hush-hush")
    assert process.stdout is not None
    url = process.stdout.readline().rpartition(" ")[2].strip()

    def ask(auth: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "REDRAW_SERVER_AUTH": auth, "HOME": str(tmp_path)}
        command = [sys.executable, "-m", "redraw", "jobs", "list", "--json", "--server", url]
        return subprocess.run(command, capture_output=True, text=True, env=env, check=False)

    right, wrong = ask("ann:hush-hush"), ask("ann:other")
    _, out, err = stop(process)
    assert (right.returncode, right.stdout.strip()) == (0, "[]")
    assert wrong.returncode == 2
    assert "401" in wrong.stderr
    assert "hush-hush" not in out + err + wrong.stderr


def test_what_the_settings_say_is_what_the_server_gets(tmp_path: Path) -> None:
    file = tmp_path / "redraw.toml"
    file.write_text(
        'port = 8000\nmemory = "medvram"\nmax_upload_megabytes = 2\nquota_gigabytes = 1\nretention_days = 3\n'
        'hosts = ["studio.example"]\nqueue_limit = 9\nmodel = "dream"\nwebhook_secret = "0123456789abcdef"\n'
        "[defaults]\nsteps = 30\n[defaults.img2img]\nstrength = 0.4\n"
    )
    settings = Settings.load({"HOME": str(tmp_path), "REDRAW_CONFIG": str(file), "REDRAW_API_AUTH": "ann:p:w"})
    config = serve_config(settings, options("--engine", "fake", "--dtype", "fp32"))
    assert (config.port, config.memory, config.dtype, config.model) == (8000, "medvram", "fp32", "dream")
    assert (config.max_upload, config.quota, config.retention_days) == (2 * 2**20, 10**9, 3)
    assert (config.hosts, config.queue_limit, config.auth) == (("studio.example",), 9, (("ann", "p:w"),))
    assert (config.webhooks, config.engine, config.database_url) == (True, "fake", None)
    assert config.defaults == {"img2img": {"steps": 30, "strength": 0.4}, "txt2img": {"steps": 30}}
    over = options("--port", "0", "--lowvram", "--api-auth", "bob:x", "--data-dir", str(tmp_path), "--models-dir", "m")
    config = serve_config(settings, over)
    assert (config.port, config.memory, config.auth, config.data_dir) == (0, "lowvram", (("bob", "x"),), tmp_path)
    assert config.models_dirs == (Path("m"),)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--medvram", "--lowvram"), "medvram"),
        (("--api-auth", "nobody"), "user:password"),
    ],
)
def test_what_contradicts_itself_is_refused(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        serve_config(Settings(data_dir=Path("data")), options(*arguments))


def test_the_browser_is_opened_only_when_asked(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("redraw.server.run.serve", lambda config, opened: opened("http://127.0.0.1:1"))
    assert cli("serve").out == "Redraw is at http://127.0.0.1:1\n"
    assert not opened
    cli("serve", "--open-browser")
    until = time.monotonic() + 5
    while not opened and time.monotonic() < until:
        time.sleep(0.01)
    assert opened == ["http://127.0.0.1:1"]


def test_commands_run_on_a_server_and_write_the_same_files(cli: Cli, tmp_path: Path, fake_server: str) -> None:
    draw(tmp_path / "cat.png")
    draw(tmp_path / "mask.png")
    there = ("--server", fake_server, "--steps", "2", "--seed", "7")
    done = cli("img2img", "cat.png", "a fox", *there, "-o", "out", "--batch-count", "2", "--grid", "--json")
    assert done.code == 0, done.err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["cat-7.png", "cat-8.png", "grid-0000.png"]
    report = json.loads(done.out)
    assert [line.get("seed") for line in report] == [7, 8, None]
    assert read_metadata(tmp_path / "out" / "cat-8.png").infotext == report[1]["infotext"]
    assert cli("txt2img", "a fox", *there, "-o", "fox.webp").code == 0
    with Image.open(tmp_path / "fox.webp") as image:
        assert image.format == "WEBP"
    masked = cli("inpaint", "cat.png", "a hat", "--mask", "mask.png", *there, "-o", "hat.png")
    assert (masked.code, (tmp_path / "hat.png").is_file()) == (0, True), masked.err
    assert cli("sketch", "cat.png", "a hat", "--paint", "mask.png", *there, "-o", "sketch.png").code == 0
    (tmp_path / "photos").mkdir()
    for name in ("a", "b"):
        draw(tmp_path / "photos" / f"{name}.png")
    assert cli("batch", "photos", "a fox", *there, "-o", "many").code == 0
    assert sorted(p.name for p in (tmp_path / "many").iterdir()) == ["a.png", "b.png"]


def test_masks_and_cutouts_come_from_the_server_too(cli: Cli, tmp_path: Path, fake_server: str) -> None:
    draw(tmp_path / "cat.png")
    draw(tmp_path / "mask.png")
    arguments = ("--mask", "mask.png", "--save-mask", "--save-cutout", "--steps", "1", "-o", "hat.png")
    done = cli("inpaint", "cat.png", "a hat", "--server", fake_server, *arguments)
    assert done.code == 0, done.err
    assert {p.name for p in tmp_path.glob("hat*")} == {"hat.png", "hat-mask.png", "hat-mask-composite.png"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--server", "http://127.0.0.1:9"), "no server answers"),
        (("--server", "nonsense://x"), "http://127.0.0.1:7860"),
        (("--server", "http://127.0.0.1:9", "--models-dir", "m"), "--models-dir"),
    ],
)
def test_a_wrong_server_is_told_in_one_line(cli: Cli, tmp_path: Path, arguments: Any, words: str) -> None:
    draw(tmp_path / "cat.png")
    done = cli("img2img", "cat.png", "a fox", *arguments)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert words in done.err
    assert not (tmp_path / "redraw-output").exists()


def test_what_fails_on_the_server_is_the_same_error_here(cli: Cli, tmp_path: Path, fake_server: str) -> None:
    draw(tmp_path / "cat.png")
    failed = cli("img2img", "cat.png", "fail: sour weights", "--server", fake_server)
    assert (failed.code, failed.err) == (2, "redraw: error: sour weights\n")
    unknown = cli("img2img", "cat.png", "a fox", "--server", fake_server, "--model", "redraw-startre")
    assert unknown.code == 2
    assert "did you mean redraw-starter" in unknown.err


def test_ctrl_c_cancels_the_job_on_the_server(cli: Cli, tmp_path: Path, fake_server: str) -> None:
    draw(tmp_path / "cat.png")
    words = "slow: 0.2 stop me"
    command = [sys.executable, "-m", "redraw", "img2img", "cat.png", words, "--steps", "60", "--server", fake_server]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)

    def states() -> list[str]:
        listed = cli("jobs", "list", "--server", fake_server, "--text", "stop me", "--json")
        return [job["state"] for job in json.loads(listed.out)]

    until = time.monotonic() + 20
    while states() != ["running"] and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err.strip()) == (130, "redraw: stopped")
    while states() == ["running"] and time.monotonic() < until:
        time.sleep(0.05)
    assert states() == ["cancelled"]


def test_defaults_of_the_configuration_reach_requests(
    cli: Cli, tmp_path: Path, fake_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "cat.png")
    file = tmp_path / "redraw.toml"
    monkeypatch.setenv("REDRAW_CONFIG", str(file))
    file.write_text(
        'output_format = "webp"\n[defaults]\nsteps = 3\nwidth = 40\n'
        "[defaults.img2img]\nstrength = 0.5\nonly_masked = true\n"
    )
    done = cli("img2img", "cat.png", "a fox", "--server", fake_server, "--seed", "1", "--json")
    assert done.code == 0, done.err
    (line,) = json.loads(done.out)
    request = line["recipe"]["request"]
    assert (request["steps"], request["strength"], request["width"]) == (3, 0.5, 40)
    assert "only_masked" not in request
    assert line["file"].endswith("cat-1.webp")
    scaled = cli("img2img", "cat.png", "a fox", "--server", fake_server, "--scale", "2", "--steps", "1", "--json")
    assert scaled.code == 0, scaled.err
    file.write_text("[defaults]\nstepz = 3\n")
    wrong = cli("img2img", "cat.png", "a fox", "--server", fake_server)
    assert wrong.code == 2
    assert "stepz" in wrong.err
