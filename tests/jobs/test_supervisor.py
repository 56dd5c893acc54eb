"""The supervisor: one worker at a time, replaced when it dies, gone when its server is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from redraw.jobs import supervisor as module
from redraw.jobs.options import WorkerOptions
from redraw.jobs.queue import Queue
from redraw.jobs.supervisor import Supervisor
from redraw.request import Txt2Img

Started = list[Any]


class Stub:
    """A process that lives until it is told otherwise."""

    living = 0
    stubborn = False

    def __init__(self, command: list[str], **options: Any) -> None:
        self.command, self.options = command, options
        self.pid, self.returncode = 4711, None
        Stub.living += 1
        assert Stub.living == 1, "two workers at once"

    def end(self, status: int) -> None:
        """End with a status."""
        if self.returncode is None:
            self.returncode = status
            Stub.living -= 1

    def poll(self) -> int | None:
        """The status, None while it lives."""
        return self.returncode

    def terminate(self) -> None:
        """End, unless it is stubborn."""
        if not Stub.stubborn:
            self.end(-15)

    def kill(self) -> None:
        """End."""
        self.end(-9)

    def wait(self) -> int:
        """Wait for the end."""
        wait_for(lambda: self.returncode is not None)
        return self.returncode or 0


def wait_for(reached: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    """Stubs in place of worker processes, in the order in which they were started, with the time."""
    begun: Started = []

    def start(command: list[str], **options: Any) -> Stub:
        begun.append((Stub(command, **options), time.monotonic()))
        return begun[-1][0]

    monkeypatch.setattr(Stub, "living", 0)
    monkeypatch.setattr(Stub, "stubborn", False)
    monkeypatch.setattr(module.subprocess, "Popen", start)
    yield begun
    assert Stub.living == 0


def test_it_starts_one_worker_however_often_it_is_asked(started: Started, tmp_path: Path) -> None:
    keeper = Supervisor(WorkerOptions(tmp_path, database="postgresql://me:secret@host/name"))
    assert (keeper.alive, keeper.pid) == (False, None)
    keeper.start()
    keeper.start()
    wait_for(lambda: keeper.alive)
    assert (len(started), keeper.pid, keeper.restarts) == (1, 4711, 0)
    process = started[0][0]
    assert "secret" not in str(process.command)
    assert process.options["env"]["REDRAW_DATABASE_URL"].endswith("secret@host/name")
    assert f"--parent={os.getpid()}" in process.command
    assert keeper.stop()
    assert keeper.stop()
    assert (keeper.alive, keeper.pid, len(started)) == (False, None, 1)


def test_a_dead_worker_is_replaced_after_a_wait_that_grows(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.2)
    keeper = Supervisor(WorkerOptions(tmp_path))
    keeper.start()
    for number in range(1, 5):
        wait_for(lambda number=number: len(started) == number)  # type: ignore[misc]
        started[-1][0].end(-9)
    wait_for(lambda: keeper.alive and keeper.restarts == 4)
    waits = [b - a for (_, a), (_, b) in pairwise(started)]
    assert all(wait >= least for wait, least in zip(waits, (0.05, 0.1, 0.2, 0.2), strict=True))
    keeper.stop()


def test_it_can_be_started_again(started: Started, tmp_path: Path) -> None:
    keeper = Supervisor(WorkerOptions(tmp_path))
    for number in (1, 2):
        keeper.start()
        wait_for(lambda: keeper.alive)
        assert len(started) == number
        keeper.stop()


def test_a_worker_that_does_not_end_is_killed(started: Started, tmp_path: Path) -> None:
    keeper = Supervisor(WorkerOptions(tmp_path))
    keeper.start()
    wait_for(lambda: keeper.alive)
    Stub.stubborn = True
    assert not keeper.stop(0.1)
    assert started[0][0].returncode == -9


def test_a_killed_worker_is_replaced_and_the_job_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAW_FAKE_STEP", "0.02")
    with Queue.open(tmp_path) as queue:
        id = queue.submit(Txt2Img(seed=1, steps=10, batch_count=2)).id
        keeper = Supervisor(WorkerOptions(tmp_path, engine="fake"))
        keeper.start()
        wait_for(lambda: len(queue.results(id)) == 1)
        assert keeper.pid is not None
        os.kill(keeper.pid, signal.SIGKILL)
        wait_for(lambda: queue.get(id).state == "done")
        assert (keeper.restarts, queue.get(id).attempts) == (1, 2)
        assert keeper.stop()


SERVER = """
import sys, time
from itertools import pairwise
from pathlib import Path
from redraw.jobs.options import WorkerOptions
from redraw.jobs.supervisor import Supervisor
keeper = Supervisor(WorkerOptions(Path(sys.argv[1]), engine="fake"))
keeper.start()
while keeper.pid is None:
    time.sleep(0.01)
print(keeper.pid, flush=True)
time.sleep(60)
"""


def is_there(pid: int) -> bool:
    """Whether a process runs (one that is left to be collected does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("prompt", ["slow: 0.05", "stuck: 30"])
def test_the_worker_ends_when_its_server_is_killed(tmp_path: Path, prompt: str) -> None:
    with Queue.open(tmp_path) as queue:
        id = queue.submit(Txt2Img(prompt=prompt, seed=1, steps=1000)).id
        with subprocess.Popen(
            [sys.executable, "-c", SERVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            worker = int(server.stdout.readline())
            wait_for(lambda: bool(queue.get(id).progress))
            assert is_there(worker)
            server.kill()
            server.wait()
            begun = time.monotonic()
            wait_for(lambda: not is_there(worker))
        assert time.monotonic() - begun < 5.5
        assert (queue.get(id).state, queue.get(id).worker) == ("waiting", None)
