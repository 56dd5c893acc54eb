"""Calling the command line as a user calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from redraw.cli import main


@dataclass
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]


@pytest.fixture
def cli(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    """Call the command line in an empty folder, with the tiny checkpoint at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDRAW_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("REDRAW_MODELS_DIR", str(tiny_checkpoint.parent))
    monkeypatch.setenv("COLUMNS", "400")

    def call(*arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        captured = capsys.readouterr()
        code = stopped.value.code
        return Outcome(code if isinstance(code, int) else 0, captured.out, captured.err)

    return call
