"""`redraw doctor`: everything that was looked at, and what is missing."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from redraw.client import Client
from redraw.jobs.queue import Queue

Cli = Callable[..., Any]


@pytest.fixture(autouse=True)
def _free_port(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    """A port nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("REDRAW_PORT", str(probe.getsockname()[1]))


def findings(outcome: Any) -> dict[str, dict[str, Any]]:
    """What a call with --json has found, by name."""
    return {found["name"]: found for found in json.loads(outcome.out)}


def test_where_all_is_well_it_says_why_it_would_compute_so(cli: Cli, tmp_path: Path) -> None:
    done = cli("doctor", "--json")
    assert done.code == 0, done.out
    found = findings(done)
    assert {one["mark"] for one in found.values()} <= {"ok", "note"}
    assert {one["topic"] for one in found.values()} == {"environment", "settings", "models", "data", "server"}
    assert found["torch"]["facts"]["version"] == torch.__version__
    assert found["device"]["facts"]["device"] in ("cpu", "cuda", "mps")
    assert found["dtype"]["facts"]["dtype"] in ("fp32", "bf16", "fp16")
    assert "(" in found["dtype"]["text"]
    assert found["memory"]["facts"]["free"] > 0
    assert found["port"]["facts"]["free"] is True
    assert not (tmp_path / "data").exists(), "looking changes nothing"
    shown = cli("doctor")
    assert (shown.code, shown.out.splitlines()[0]) == (0, "environment")


def test_every_file_of_a_models_folder_is_told(cli: Cli, tmp_path: Path, tiny_checkpoint: Path) -> None:
    folder = tmp_path / "flat"
    folder.mkdir()
    shutil.copy(tiny_checkpoint, folder / "dream.safetensors")
    save_file({"x.lora_down.weight": torch.zeros(2, 2)}, folder / "style.safetensors")
    save_file({"who.knows": torch.zeros(1)}, folder / "odd.safetensors")
    (folder / "broken.ckpt").write_text("nothing")
    done = cli("doctor", "--models-dir", str(folder), "--json")
    found = findings(done)
    assert done.code == 0, "files that are no models are no fault"
    assert (found["dream"]["mark"], found["dream"]["facts"]["offered"]) == ("ok", True)
    assert (found["style.safetensors"]["mark"], found["style.safetensors"]["facts"]["kind"]) == ("ok", "lora")
    assert found["style.safetensors"]["text"] == "a LoRA, not offered as a model"
    for name in ("odd.safetensors", "broken.ckpt"):
        assert (found[name]["mark"], found[name]["facts"]["kind"]) == ("note", "unknown")
        assert found[name]["facts"]["offered"] is False
        assert found[name]["text"].startswith("not offered: ")


@pytest.mark.parametrize(
    ("variable", "value", "name", "words"),
    [
        ("REDRAW_MODELS_DIR", "nowhere", "nowhere", "no such folder"),
        ("REDRAW_MODEL", "no such model", "default model", "no such model"),
        ("REDRAW_DEVICE", "toaster", "device", "toaster"),
        ("REDRAW_DTYPE", "fp7", "dtype", "fp7"),
        ("REDRAW_MEMORY", "none", "configuration", "medvram"),
        ("REDRAW_CONFIG", "none.toml", "configuration", "must exist"),
        ("REDRAW_DATA_DIR", "file/data", "data folder", "cannot be written"),
    ],
)
def test_what_is_missing_is_told_and_ends_with_1(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str, words: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv(variable, value)
    done = cli("doctor", "--json")
    found = findings(done)
    assert done.code == 1
    assert found[name]["mark"] == "missing"
    assert words in found[name]["text"]


def test_the_job_database_is_read_and_left_as_it_is(cli: Cli, tmp_path: Path) -> None:
    Queue.open(tmp_path / "data").close()
    file = tmp_path / "data" / "redraw.sqlite"
    found = findings(cli("doctor", "--json"))["database"]
    assert (found["mark"], found["facts"]["version"], found["facts"]["jobs"]) == ("ok", 1, 0)
    connection = sqlite3.connect(file)
    connection.execute("DROP TABLE jobs")
    connection.commit()
    connection.close()
    done = cli("doctor", "--json")
    assert (done.code, findings(done)["database"]["mark"]) == (1, "missing")
    file.write_bytes(b"no database at all" * 100)
    done = cli("doctor", "--json")
    assert (done.code, findings(done)["database"]["mark"]) == (1, "missing")


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A port that something else has, which never answers."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("REDRAW_PORT", str(other.getsockname()[1]))
        yield


def test_a_taken_port_is_no_fault_but_told(cli: Cli, taken: None) -> None:
    done = cli("doctor", "--json")
    port = findings(done)["port"]
    assert (done.code, port["mark"]) == (0, "note")
    assert "--port" in port["text"]


def test_a_server_that_runs_is_recognized(cli: Cli, fake_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(fake_server) as client:
        client.alive()  # its port is open before it answers
    monkeypatch.setenv("REDRAW_PORT", fake_server.rpartition(":")[2])
    port = findings(cli("doctor", "--json"))["port"]
    assert port["text"] == f"a server of Redraw's answers at {fake_server}"
