"""A server that submits, workers that work, and somebody who kills them at random; then everything is counted.

Servers and workers are forked from a process that has imported everything, so that they start in a moment and a
thousand deaths fit into minutes; what they run is `Queue.submit` and the worker's `main`, as it is. With `supervised`
the server keeps its worker as the real one does: a process of its own under `redraw.jobs.supervisor`.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import random
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from redraw.jobs.engine import Engine, Made
from redraw.jobs.fake import squares
from redraw.jobs.options import WorkerOptions
from redraw.jobs.queue import Queue, QueueLimits
from redraw.jobs.record import JobRecord
from redraw.jobs.results import Packing, pack
from redraw.jobs.supervisor import Supervisor
from redraw.jobs.worker import build_engine
from redraw.jobs.worker import main as work
from redraw.request import Generation, Img2Img, PictureRef, Txt2Img

DEATHS = 1_000_000  # no job is given up: every worker's death here is chance
LIMITS = QueueLimits(deaths=DEATHS, waiting=10_000)
LEASE = 2.0
BACKLOG = 4  # jobs the server keeps waiting
KEY = "kill-{}"
SLOW = [  # what the real engine imports, most of it with the first model
    "redraw.jobs.real",
    "diffusers.models.unets.unet_2d_condition",
    "diffusers.models.autoencoders.autoencoder_kl",
    "transformers.models.clip.modeling_clip",
]
Victim = Literal["worker", "server"]
WAYS: list[tuple[Victim, ...]] = [("worker",), ("server",), ("server", "worker")]


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        folder: for everything.
        kills: how many.
        engine: of the workers.
        seed: of chance.
        models_dir: with tiny.safetensors, for the real engine; None takes the starter.
        supervised: the server keeps its worker.
        pause: seconds between two kills, on average: often less, now and then much more.
        freezes: how often a worker is stopped for longer than its lease, and then goes on.
    """

    folder: Path
    kills: int
    engine: Literal["fake", "real"] = "fake"
    seed: int = 0
    models_dir: Path | None = None
    supervised: bool = False
    pause: float = 0.2
    freezes: int = 0

    @property
    def data(self) -> Path:
        """The data folder of server and worker."""
        return self.folder / "data"

    @property
    def ledger(self) -> Path:
        """A line for every job that was accepted."""
        return self.folder / "accepted"

    @property
    def options(self) -> WorkerOptions:
        """What the worker is told."""
        return WorkerOptions(
            self.data,
            models_dirs=(self.models_dir,) if self.models_dir else (),
            model="tiny" if self.models_dir else None,
            device="cpu",
            dtype="fp32",
            engine=self.engine,
            lease=LEASE,
            deaths=DEATHS,
        )


@dataclass
class Tally:
    """What came of it; `problems` is empty if nothing is wrong."""

    kills: Counter[str] = field(default_factory=Counter)
    freezes: int = 0
    seconds: float = 0.0
    jobs: int = 0
    results: int = 0
    taken_over: int = 0
    unlogged: int = 0
    files: int = 0
    leftovers: int = 0
    looks: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kills = ", ".join(f"{count} of the {name}" for name, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({kills}) and {self.freezes} freezes in {self.seconds:.0f} s: "
            f"{self.jobs} jobs accepted and done ({self.unlogged} of them while their server died), "
            f"{self.results} results, {self.taken_over} take-overs, {self.files} files whole, "
            f"{self.leftovers} temporaries left, {self.looks} looks on the way; {len(self.problems)} problems"
        )


def request(number: int) -> Generation:
    """The request of a number: of one to three pictures, with and without a source and a mask."""
    chance = random.Random(number)
    said: dict[str, Any] = {
        "prompt": f"picture {number}",
        "seed": chance.randrange(2**32),
        "variation_seed": number,
        "steps": chance.randint(2, 6),
        "batch_count": chance.randint(1, 3),
        "width": 64,
        "height": 64,
        "sampler": "Euler",
    }
    if number % 3:
        return Txt2Img(**said)
    out = io.BytesIO()
    Image.fromarray(squares(number, 64, 64)).save(out, "PNG")
    mask = io.BytesIO()
    Image.fromarray((np.indices((64, 64))[1] > 20).astype(np.uint8) * 255).save(mask, "PNG")
    refs = [PictureRef.from_bytes(data.getvalue(), "picture.png") for data in (out, mask)]
    return Img2Img(images=(refs[0],), mask=refs[1] if number % 2 else None, strength=1, **said)


def serve(plan: Plan) -> None:
    """Submit job after job, each with an idempotency key, and write down what was accepted; go on where it ended."""
    keeper = Supervisor(plan.options) if plan.supervised else None
    if keeper is not None:
        keeper.start()
    with Queue.open(plan.data, limits=LIMITS) as queue, os.fdopen(_appending(plan.ledger), "wb", buffering=0) as ledger:
        number = len(accepted(plan))
        while True:
            if keeper is not None:
                (plan.folder / "worker.pid").write_text(str(keeper.pid or ""))
            if (plan.folder / "enough").exists() or queue.count("waiting") >= BACKLOG:
                time.sleep(0.005)
                continue
            job = queue.submit(request(number), key=KEY.format(number))
            ledger.write(f"{number} {job.id}\n".encode())
            number += 1


def _appending(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def accepted(plan: Plan) -> dict[int, str]:
    """The jobs somebody was told of, by number."""
    with suppress(FileNotFoundError):
        lines = plan.ledger.read_bytes().split(b"\n")[:-1]
        return {int(number): job.decode() for number, job in map(bytes.split, lines)}
    return {}


class Arena:
    """The processes; a context manager that ends with none of them alive."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.chance = plan, random.Random(plan.seed)
        self.context = multiprocessing.get_context("forkserver")
        modules = ["tests.kill.arena", "sqlalchemy.dialects.sqlite"]
        self.context.set_forkserver_preload([*modules, *(SLOW if plan.engine == "real" else [])])
        self.processes: dict[str, ForkServerProcess] = {}
        plan.folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Arena:
        self.start("server")
        if not self.plan.supervised:
            self.start("worker")
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self.processes.values():
            process.kill()
            process.join()

    def start(self, name: Victim) -> None:
        """Start the server or the worker."""
        if name == "server":
            process = self.context.Process(target=serve, args=(self.plan,))
        else:
            process = self.context.Process(target=work, args=(self.plan.options.arguments(),))
        process.start()
        self.processes[name] = process

    def kill(self, name: Victim) -> bool:
        """Kill one of them and start another; return whether there was one to kill."""
        if self.plan.supervised and name == "worker":
            with suppress(OSError, ValueError):
                os.kill(int((self.plan.folder / "worker.pid").read_text()), signal.SIGKILL)
                return True
            return False
        process = self.processes[name]
        lived = process.is_alive()
        process.kill()
        process.join()
        self.start(name)
        return lived

    def freeze(self) -> None:
        """Stop the worker until another has taken its job, and let it go on: what it makes must not count."""
        frozen = self.processes["worker"]
        if frozen.pid is None or not frozen.is_alive():
            return
        os.kill(frozen.pid, signal.SIGSTOP)
        self.start("worker")
        time.sleep(1.5 * LEASE)
        os.kill(frozen.pid, signal.SIGCONT)
        time.sleep(self.chance.uniform(0, 0.5))
        frozen.kill()
        frozen.join()

    def rage(self, tally: Tally) -> None:
        """Kill at random, and look now and then whether what can be seen is whole."""
        with Queue.open(self.plan.data, limits=LIMITS) as queue:
            while tally.kills.total() < self.plan.kills:
                time.sleep(min(self.chance.expovariate(1 / self.plan.pause), 10 * self.plan.pause))
                if tally.freezes < self.plan.freezes and self.chance.random() < 0.05:
                    self.freeze()
                    tally.freezes += 1
                victims: tuple[Victim, ...] = self.chance.choices(WAYS, [6, 3, 1])[0]
                for victim in victims:
                    if self.kill(victim):
                        tally.kills[victim] += 1
                    else:
                        tally.problems += [] if self.plan.supervised else [f"the {victim} had ended by itself"]
                for result in queue.all_results(limit=2):
                    tally.looks += 1
                    tally.problems += damage(queue, result.blob) + damage(queue, result.thumbnail)

    def calm(self, tally: Tally, seconds: float = 300.0) -> None:
        """Let everything that was accepted come to its end."""
        (self.plan.folder / "enough").touch()
        until = time.monotonic() + seconds
        with Queue.open(self.plan.data, limits=LIMITS) as queue:
            while queue.count(("waiting", "running", "paused")):
                if time.monotonic() > until:
                    tally.problems.append(f"not all jobs ended in {seconds:g} s")
                    return
                time.sleep(0.05)


def damage(queue: Queue, blob: str) -> list[str]:
    """What is wrong with a picture file."""
    data = queue.blobs.path(blob).read_bytes()
    if hashlib.sha256(data).hexdigest() != blob:
        return [f"{blob}: the content is another"]
    try:
        Image.open(io.BytesIO(data)).load()
    except (OSError, SyntaxError, ValueError) as error:
        return [f"{blob}: {error}"]
    return []


def count(plan: Plan, tally: Tally) -> None:
    """Count what there is: every job, picture, event and file."""
    engine = build_engine(plan.options)
    with Queue.open(plan.data, limits=LIMITS) as queue:
        told = accepted(plan)
        found = list(all_jobs(queue))
        tally.jobs, tally.unlogged = len(found), len(found) - len(told)
        here = {job.id for job in found}
        tally.problems += [f"job {number} was lost" for number, id in told.items() if id not in here]
        if tally.unlogged not in (0, 1):  # only the newest may be unknown: the server tries it again with its key
            tally.problems.append(f"{tally.unlogged} jobs that nobody submitted")
        for job in found:
            tally.problems += list(job_problems(queue, job, engine))
            tally.results += len(queue.results(job))
            tally.taken_over += job.attempts - 1
    tally.problems += list(file_problems(plan, tally))
    with closing(sqlite3.connect(plan.data / "redraw.sqlite")) as database:
        verdict = database.execute("PRAGMA integrity_check").fetchall()
        tally.problems += [] if verdict == [("ok",)] else [str(verdict)]


def all_jobs(queue: Queue) -> Iterator[JobRecord]:
    """Every job, oldest first."""
    page = queue.find(newest_first=False, limit=200)
    while page:
        yield from page
        page = queue.find(newest_first=False, limit=200, after=page[-1].id)


def job_problems(queue: Queue, job: JobRecord, engine: Engine) -> Iterator[str]:
    """What is wrong with a job: it must be done, with each picture once, of the right bytes, told of once."""
    number = int(str(job.request["prompt"]).split()[1])
    asked = request(number)
    if queue.submit(asked, key=KEY.format(number)).id != job.id:
        yield f"job {number} is there twice"
    if job.state != "done":
        yield f"job {number} is {job.state}: {job.error}"
    results = queue.results(job)
    if [one.index for one in results] != list(range(asked.image_count)):
        yield f"job {number} has the pictures {[one.index for one in results]} of {asked.image_count}"
    made = {one.index: one for one in engine.begin(asked, frozenset()) if isinstance(one, Made)}
    for one in results:
        yield from damage(queue, one.thumbnail)
        packed = pack(made[one.index], Packing())
        if queue.blobs.read(one.blob) != packed.file or queue.blobs.read(one.thumbnail) != packed.thumbnail:
            yield f"picture {one.index} of job {number} has other bytes than it should"
    events = queue.events(job=job.id, limit=100_000)
    told = Counter(event.data["index"] for event in events if event.kind == "result")
    if told != Counter(range(asked.image_count)):
        yield f"job {number} told of its pictures {dict(told)}"
    ends = [event.data["state"] for event in events if event.kind == "state"]
    if ends.count("done") != 1 or ends[-1] != "done":
        yield f"job {number} told of its states {ends}"


def file_problems(plan: Plan, tally: Tally) -> Iterator[str]:
    """What is wrong with the files: each must be what its name says; temporaries are counted."""
    for path in (plan.data / "blobs").rglob("*"):
        if path.is_dir():
            continue
        if not re.fullmatch("[0-9a-f]{64}", path.name):
            tally.leftovers += 1
        elif hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
            yield f"{path.name} is not whole"
        else:
            tally.files += 1


def fight(plan: Plan) -> Tally:
    """Kill as planned, let it calm down, count."""
    tally, begun = Tally(), time.monotonic()
    with Arena(plan) as arena:
        arena.rage(tally)
        tally.seconds = time.monotonic() - begun
        arena.calm(tally)
    count(plan, tally)
    return tally
