"""Queues to test with: on SQLite, and on a PostgreSQL server of the tests' own where one can be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from redraw.jobs.queue import Clocks, Queue, QueueLimits
from redraw.jobs.record import JobRecord, ResultRecord, State


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in reversed(places) if (place / "initdb").exists()), None)


def _as_postgres() -> list[str] | None:
    """The command before a command that runs it as user postgres; None where that cannot be done."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        return None
    prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return prefix if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0 else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of an empty database on a PostgreSQL server that runs for these tests only."""
    binaries, prefix = _binaries(), _as_postgres()
    if binaries is None:
        pytest.skip("there is no postgres server on this machine (Debian's package postgresql)")
    if prefix is None:
        pytest.skip("postgres does not run as root, and there is no user postgres to run it as")
    folder = Path(tempfile.mkdtemp(prefix="redraw-pg-"))
    if prefix:
        shutil.chown(folder, "postgres")
    data, log = folder / "data", (folder / "log").open("wb")

    def run(name: str, *arguments: str) -> list[str]:
        return [*prefix, str(binaries / name), *arguments]

    made = run("initdb", "-D", str(data), "-U", "redraw", "-A", "trust", "-E", "UTF8", "--no-sync")
    subprocess.run(made, check=True, stdout=log, stderr=log, cwd="/")
    options = ["-c", "listen_addresses=", "-c", "fsync=off", "-k", str(folder)]
    server = subprocess.Popen(run("postgres", "-D", str(data), *options), stdout=log, stderr=log, cwd="/")
    try:
        while not (folder / ".s.PGSQL.5432").exists():
            assert server.poll() is None, (folder / "log").read_text()
            time.sleep(0.02)
        ready = run("pg_isready", "-h", str(folder), "-q")
        while subprocess.run(ready, cwd="/").returncode:
            time.sleep(0.02)
        yield f"postgresql://redraw@/postgres?unix_sock={folder}/.s.PGSQL.5432"
    finally:
        server.terminate()
        server.wait(30)
        log.close()
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str | None:
    """None for the SQLite file, or the address of an empty PostgreSQL database: a test runs on both."""
    if request.param == "sqlite":
        return None
    address: str = request.getfixturevalue("postgres")
    engine = create_engine(address.replace("postgresql:", "postgresql+pg8000:", 1))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return address


class Hands:
    """A clock's hands, turned by the test."""

    def __init__(self) -> None:
        self.wall, self.true = 1_700_000_000.0, 0.0

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.true += seconds

    @property
    def clocks(self) -> Clocks:
        """These hands as clocks."""
        return Clocks(now=lambda: self.wall, steady=lambda: self.true)


@pytest.fixture
def hands() -> Hands:
    """The clock of `queue`."""
    return Hands()


@pytest.fixture
def limits() -> QueueLimits:
    """The limits of `queue`; a test module may say others."""
    return QueueLimits()


@pytest.fixture
def ram(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the system has such a place: nothing is as slow in a test as a disk that is flushed."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="redraw-", dir=shared) as folder:
        yield Path(folder)


@pytest.fixture
def queue(ram: Path, database: str | None, hands: Hands, limits: QueueLimits) -> Iterator[Queue]:
    """An empty queue, on SQLite and on PostgreSQL."""
    with Queue.open(ram, database, limits=limits, clocks=hands.clocks) as queue:
        yield queue


def _hand_in(
    queue: Queue, job: JobRecord, worker: str, index: int = 0, file: bytes = b"", **other: Any
) -> ResultRecord:
    """Hand in a made-up picture."""
    facts: dict[str, Any] = {"format": "png", "width": 8, "height": 8, "seed": 1, "infotext": "a fox", "recipe": {}}
    data = file or f"{job.id} {index}".encode()
    return queue.add_result(job.id, worker, index, file=data, thumbnail=b"small " + data, **{**facts, **other})


def _bring_to(queue: Queue, state: State, job: JobRecord) -> JobRecord:
    """Bring a waiting job, the only one, to a state; worker w holds it if it runs."""
    if state == "paused":
        return queue.pause(job.id)
    if state == "cancelled":
        return queue.cancel(job.id)
    if state != "waiting":
        claimed = queue.claim("w")
        assert claimed is not None
        assert claimed.id == job.id
        if state != "running":
            queue.finish(job.id, "w", state)
    return queue.get(job.id)


@pytest.fixture
def hand_in() -> Callable[..., ResultRecord]:
    """`hand_in(queue, job, worker, index=0, file=b"")` hands in a made-up picture."""
    return _hand_in


@pytest.fixture
def bring_to() -> Callable[[Queue, State, JobRecord], JobRecord]:
    """`bring_to(queue, state, job)` brings the only waiting job to a state."""
    return _bring_to
