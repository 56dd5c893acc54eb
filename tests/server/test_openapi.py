"""The schema the page's client is generated from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "write_openapi.py"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the script writes, from an empty home."""
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"HOME": str(home)})
    assert list(home.rglob("*")) == []
    return done.stdout


def test_it_is_what_the_server_shows(server: Any, printed: str) -> None:
    assert json.loads(printed) == server.client.get("/api/v1/openapi.json").json()


def test_it_is_the_same_every_time(printed: str, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    subprocess.run([sys.executable, str(SCRIPT), "--out", str(file)], check=True)
    assert file.read_text("utf-8") == printed


def test_it_has_our_paths_only_and_every_schema_they_name(printed: str) -> None:
    schema = json.loads(printed)
    assert all(path.startswith("/api/v1/") for path in schema["paths"])
    named = {part.rpartition("/")[2] for part in printed.split('"') if part.startswith("#/components/schemas/")}
    assert named == set(schema["components"]["schemas"])
