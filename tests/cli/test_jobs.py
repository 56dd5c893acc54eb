"""`redraw jobs`: every verb, on a live server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Cli = Callable[..., Any]


@pytest.fixture(autouse=True)
def _here(fake_server: str, monkeypatch: pytest.MonkeyPatch, cli: Cli, tmp_path: Path) -> None:
    """The server in the environment, a picture at hand."""
    monkeypatch.setenv("REDRAW_SERVER", fake_server)
    Image.new("RGB", (32, 24), "teal").save(tmp_path / "cat.png")


def submit(cli: Cli, prompt: str, *options: str) -> str:
    """Hand a job in and return its id."""
    done = cli("submit", "cat.png", prompt, "--steps", "2", *options)
    assert done.code == 0, done.err
    return str(done.out.strip())


@pytest.fixture
def busy(cli: Cli) -> Iterator[str]:
    """The id of a job that runs as long as the test does, so that others wait."""
    id = submit(cli, "slow: 0.1", "--steps", "900", "--priority", "900")
    until = time.monotonic() + 10
    while state(cli, id) != "running" and time.monotonic() < until:
        time.sleep(0.02)
    yield id
    cli("jobs", "cancel", id)
    cli("jobs", "wait", id)


def state(cli: Cli, id: str) -> str:
    """The state of a job."""
    return str(json.loads(cli("jobs", "show", id, "--json").out)["state"])


def test_waiting_jobs_are_paused_moved_cancelled_and_retried(cli: Cli, busy: str) -> None:
    first, second = submit(cli, "one"), submit(cli, "two")
    assert cli("jobs", "pause", first, second).out == f"{first}  paused\n{second}  paused\n"
    assert cli("jobs", "resume", first, second).out == f"{first}  waiting\n{second}  waiting\n"

    def places() -> list[str]:
        listed = json.loads(cli("jobs", "list", "--state", "waiting", "--json").out)
        return [job["id"] for job in sorted(listed, key=lambda job: job["position"]) if job["id"] in (first, second)]

    assert cli("jobs", "move", second, "--before", first).code == 0
    assert places() == [second, first]
    assert cli("jobs", "move", second, "--back").code == 0
    assert places() == [first, second]
    assert cli("jobs", "move", second, "--front").code == 0
    assert places() == [second, first]
    assert cli("jobs", "cancel", first, second).out == f"{first}  cancelled\n{second}  cancelled\n"
    retried = cli("jobs", "retry", first)
    assert retried.out.endswith("  waiting\n")
    assert cli("jobs", "cancel", retried.out.split()[0]).code == 0


def test_a_running_job_hears_what_is_asked(cli: Cli, busy: str) -> None:
    assert cli("jobs", "interrupt", busy).out == f"{busy}  running (interrupt asked for)\n"
    waited = cli("jobs", "wait", busy, "--timeout", "10", "-o", "kept")
    assert waited.code == 0, waited.err
    lines = waited.out.splitlines()
    assert lines[0] == f"{busy}  done"
    assert [Path(line).name for line in lines[1:]] == [f"{busy}-00000.png"]
    with Image.open(lines[1]) as image:
        assert image.size == (32, 24)


def test_waiting_has_an_end(cli: Cli, busy: str) -> None:
    waited = cli("jobs", "wait", busy, "--timeout", "0.2", "--json")
    assert waited.code == 2
    assert [(line["id"], line["state"]) for line in json.loads(waited.out)] == [(busy, "running")]


def test_deleted_jobs_come_back_when_they_are_restored(cli: Cli) -> None:
    id = submit(cli, "a fox", "--wait").split()[0]
    assert cli("jobs", "delete", id).out == f"{id}  deleted\n"
    gone = cli("jobs", "show", id)
    listed = {job["id"] for job in json.loads(cli("jobs", "list", "--json").out)}
    assert id not in listed or gone.code == 2
    assert cli("jobs", "restore", id).out == f"{id}  done\n"
    assert state(cli, id) == "done"


def test_a_list_shows_words_and_whole_ids(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    id = submit(cli, "a very particular walrus", "--wait").split()[0]
    shown = cli("jobs", "list", "--text", "walrus")
    assert id in shown.out
    assert "100%" in shown.out
    assert cli("jobs", "list", "--text", "walrus", "--state", "failed").out.strip().splitlines()[1:] == []


def test_show_tells_a_job_in_lines(cli: Cli) -> None:
    id = submit(cli, "a fox", "--seed", "11", "--wait").split()[0]
    shown = cli("jobs", "show", id).out
    assert f"id: {id}" in shown
    assert "state: done" in shown
    assert "seed 11" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "nobody"), "nobody"),
        (("cancel", "nobody"), "nobody"),
        (("move", "x"), "--front"),
        (("move", "x", "--front", "--back"), "--front"),
        (("list", "--server", "http://127.0.0.1:9"), "no server answers"),
        (("list", "--state", "sleeping"), "sleeping"),
    ],
)
def test_what_is_wrong_is_told(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    done = cli("jobs", *arguments)
    assert done.code == 2
    assert words in done.err
