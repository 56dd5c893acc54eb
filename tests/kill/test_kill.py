"""The quick form of the kill test: whatever is killed when, nothing is lost, doubled or damaged.

It runs as a command, because servers and workers are forked from a process without threads.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")


def fight(*options: str) -> str:
    """Run the kill test by its command and return what it prints."""
    command = [sys.executable, "-m", "tests.kill.long", *options]
    environment = {**os.environ, "REDRAW_FAKE_STEP": "0.005", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    return done.stdout


def test_nothing_is_lost_when_server_and_worker_are_killed_at_random() -> None:
    said = fight("--kills", "15", "--pause", "0.2")
    assert said.endswith("0 problems\n")
    assert int(said.split()[0]) >= 15


def test_nothing_is_lost_when_a_server_dies_with_the_worker_it_keeps() -> None:
    assert fight("--kills", "2", "--pause", "1", "--supervised").endswith("0 problems\n")
