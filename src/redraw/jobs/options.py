"""What a worker is told: as data, and as the command line that carries it from the supervisor to the worker."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

Memory = Literal["auto", "medvram", "lowvram"]
EngineName = Literal["real", "fake"]
LEASE: Final = 15.0


@dataclass(frozen=True)
class WorkerOptions:
    """How one worker is to run.

    Attributes:
        data_dir: where the job database and the pictures are.
        database: URL of a PostgreSQL database instead of the file in `data_dir`.
        models_dirs: folders with checkpoints; empty takes the settings'.
        model: the checkpoint of requests that name none; None takes the starter.
        device, dtype: as `redraw.studio.Studio` takes them.
        memory: auto heals where memory runs out; medvram keeps only the network at work on the device; lowvram makes
            pictures one at a time besides.
        engine: "fake" draws squares without torch, for tests.
        name: what the worker is called in the database; None takes the process's own name, which tells others on this
            machine when the process is gone.
        lease: seconds after which a job falls back to the queue when its worker is silent.
        deaths: so many workers may die over a job, one after another, before it fails; None takes the queue's.
        parent: process that must live for the worker to go on, or None.
    """

    data_dir: Path
    database: str | None = None
    models_dirs: tuple[Path, ...] = ()
    model: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    memory: Memory = "auto"
    engine: EngineName = "real"
    name: str | None = None
    lease: float = LEASE
    deaths: int | None = None
    parent: int | None = None

    def arguments(self) -> list[str]:
        """Return the command line that says all this but `database`: others can read it, and it holds a password."""
        said: list[tuple[str, object]] = [
            ("--data-dir", self.data_dir),
            *(("--models-dir", folder) for folder in self.models_dirs),
            ("--model", self.model),
            ("--device", self.device),
            ("--dtype", self.dtype),
            ("--memory", self.memory),
            ("--engine", self.engine),
            ("--id", self.name),
            ("--lease", self.lease),
            ("--deaths", self.deaths),
            ("--parent", self.parent),
        ]
        return [f"{flag}={value}" for flag, value in said if value is not None]


def parse_options(arguments: Sequence[str] | None = None) -> WorkerOptions:
    """Read a command line; what is wrong with it is said on stderr, and the process ends with 2."""
    parser = argparse.ArgumentParser(prog="python -m redraw.jobs.worker", description="Works through the job queue.")
    parser.add_argument("--data-dir", type=Path, required=True, help="where jobs and pictures are")
    parser.add_argument("--database", help="URL of a PostgreSQL database; better given as REDRAW_DATABASE_URL")
    parser.add_argument("--models-dir", type=Path, action="append", default=[], help="a folder with checkpoints")
    parser.add_argument("--model", help="the checkpoint of requests that name none")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--memory", choices=get_args(Memory), default="auto")
    parser.add_argument("--engine", choices=get_args(EngineName), default="real")
    parser.add_argument("--id", help="name of the worker; its process if not given")
    parser.add_argument("--lease", type=float, default=LEASE, help="seconds a job is held without a sign of life")
    parser.add_argument("--deaths", type=int, help="workers that may die over a job before it fails")
    parser.add_argument("--parent", type=int, help="end when this process is no longer the parent")
    given = parser.parse_args(arguments)
    if not 0.1 <= given.lease <= 3600:
        parser.error("--lease is between 0.1 and 3600 seconds")
    return WorkerOptions(
        data_dir=given.data_dir,
        database=given.database,
        models_dirs=tuple(given.models_dir),
        model=given.model,
        device=given.device,
        dtype=given.dtype,
        memory=given.memory,
        engine=given.engine,
        name=given.id,
        lease=given.lease,
        deaths=given.deaths,
        parent=given.parent,
    )
