"""The worker: from a claimed job to its end, whatever is asked or goes wrong on the way."""

from __future__ import annotations

import hashlib
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from redraw.image.metadata import read_metadata
from redraw.jobs import hold as hold_module
from redraw.jobs.engine import Made, Step
from redraw.jobs.errors import LeaseLost, StoreBusy, StoreError
from redraw.jobs.fake import FakeEngine, FakeWork
from redraw.jobs.hold import Hold
from redraw.jobs.options import WorkerOptions, parse_options
from redraw.jobs.queue import Queue
from redraw.jobs.record import JobRecord
from redraw.jobs.results import Packing, pack
from redraw.jobs.stop import Stop
from redraw.jobs.store import QueueLimits
from redraw.jobs.worker import WISH, Worker
from redraw.request import Generation, Img2Img, Txt2Img

TXT = Txt2Img(prompt="a fox", seed=5, variation_seed=9, steps=3, batch_count=3)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    """An empty queue."""
    with Queue.open(tmp_path / "data") as opened:
        yield opened


class Remembers(FakeEngine):
    """The fake engine, which remembers what was asked about its models."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def unload(self) -> None:
        """Remember."""
        self.asked.append("unload")

    def warm_up(self) -> None:
        """Remember."""
        self.asked.append("load")


def test_an_idle_worker_lets_go_of_its_models_when_asked(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redraw.jobs.worker._WISHES_EVERY", 0.0)
    queue.set_setting(WISH, ["unload", 1.0])
    engine = Remembers()
    worker = Worker(queue, engine, "w")
    thread = threading.Thread(target=worker.run)
    thread.start()

    def asked_until(count: int) -> list[str]:
        until = time.monotonic() + 20
        while len(engine.asked) < count and time.monotonic() < until:
            time.sleep(0.01)
        return engine.asked

    time.sleep(0.3)
    assert engine.asked == [], "that was asked before this worker came"
    for number, what in enumerate(("unload", "load", "unload", "nonsense", "load"), 2):
        queue.set_setting(WISH, [what, float(number)])
        if what != "nonsense":
            asked_until(len(engine.asked) + 1)
    worker.stop.asked.set()
    thread.join(20)
    assert engine.asked[:3] == ["unload", "load", "unload"]


class Probe(FakeEngine):
    """The fake engine, which also calls `each` with every event before it is given out, and remembers what it made."""

    def __init__(self, each: Callable[[Step | Made], None] = lambda event: None) -> None:
        self.each = each
        self.made: list[int] = []

    def begin(self, request: Generation, done: frozenset[int]) -> FakeWork:
        """Return work that tells of itself."""
        outer = self

        class Told(FakeWork):
            def __iter__(self) -> Iterator[Step | Made]:
                for event in super().__iter__():
                    if isinstance(event, Made):
                        outer.made.append(event.index)
                    outer.each(event)
                    yield event

        return Told(request, done)


def work(queue: Queue, engine: FakeEngine | None = None, **options: Any) -> JobRecord:
    """Let a worker do the next job and return what became of it."""
    worker = Worker(queue, engine or FakeEngine(), "w", **options)
    job = queue.claim("w", worker.lease)
    assert job is not None
    worker.work(job)
    return queue.get(job.id)


def contents(queue: Queue, job: JobRecord | str) -> dict[int, bytes]:
    """The files of a job by index."""
    return {one.index: queue.blobs.read(one.blob) for one in queue.results(job)}


def files_of(request: Generation) -> dict[int, bytes]:
    """What the files must be."""
    pictures = [event for event in FakeEngine().begin(request, frozenset()) if isinstance(event, Made)]
    return {one.index: pack(one, Packing()).file for one in pictures}


def at_step(number: int, action: Callable[[], object]) -> Callable[[Step | Made], None]:
    """Do something at a step of the whole job, counted from 1."""

    def each(event: Step | Made) -> None:
        if isinstance(event, Step) and event.progress["step"] == number:
            action()

    return each


def test_a_job_becomes_pictures_with_recipe_and_thumbnail(queue: Queue) -> None:
    id = queue.submit(TXT).id
    job = work(queue)
    results = queue.results(id)
    assert (job.state, job.error, [one.index for one in results]) == ("done", None, [0, 1, 2])
    assert [one.seed for one in results] == [5, 6, 7]
    assert contents(queue, id) == files_of(TXT)
    for one in results:
        found = read_metadata(queue.blobs.read(one.blob))
        assert found.infotext == one.infotext
        assert found.recipe == one.recipe
        assert one.recipe["run"] == {"index": one.index, "images": 3}
        assert Image.open(io.BytesIO(queue.blobs.read(one.thumbnail))).size == (64, 64)


def test_the_options_of_a_job_choose_format_and_extras(queue: Queue) -> None:
    square = io.BytesIO()
    Image.new("RGB", (16, 16)).save(square, "PNG")
    request = Img2Img(images=(square.getvalue(),), mask=square.getvalue(), seed=1, steps=1)
    id = queue.submit(request, options={"format": "webp", "quality": 50, "outputs": ["mask", "cutout"]}).id
    assert work(queue).state == "done"
    result = queue.results(id)[0]
    assert (result.format, set(result.extras)) == ("webp", {"mask", "cutout"})
    assert result.edge == {"seam": 1.0, "seam_before": 1.0, "ring": 8.0}
    for digest in result.extras.values():
        assert Image.open(io.BytesIO(queue.blobs.read(digest))).format == "PNG"


@pytest.mark.parametrize(
    ("prompt", "options", "kind"),
    [
        ("fail: no weights in /srv/models/x.ckpt", {}, "ModelError"),
        ("crash", {}, "InternalError"),
        ("a fox", {"quality": 900}, "RequestError"),
        ("a fox", {"format": "bmp"}, "OutputError"),
    ],
)
def test_what_goes_wrong_is_told_without_paths(queue: Queue, prompt: str, options: dict[str, Any], kind: str) -> None:
    queue.submit(Txt2Img(prompt=prompt, seed=1), options=options)
    job = work(queue)
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["type"] == kind
    assert set(job.error) >= {"type", "title", "detail"}
    assert "/" not in str(job.error)


def test_a_failed_job_does_not_hold_up_the_next(queue: Queue) -> None:
    queue.submit(Txt2Img(prompt="crash", seed=1))
    second = queue.submit(TXT).id
    worker = Worker(queue, FakeEngine(), "w")
    run_until(worker, lambda: queue.get(second).state == "done")


def test_under_a_supervisor_the_worker_ends_after_an_unexpected_error(queue: Queue) -> None:
    queue.submit(Txt2Img(prompt="crash", seed=1))
    second = queue.submit(TXT).id
    assert Worker(queue, FakeEngine(), "w", ends_at_error=True).run() == 1
    assert queue.get(second).state == "waiting"


def run_until(worker: Worker, reached: Callable[[], bool]) -> int:
    """Run a worker in a thread until something is so; return its status."""
    status: list[int] = []
    thread = threading.Thread(target=lambda: status.append(worker.run()))
    thread.start()
    try:
        wait_for(reached)
    finally:
        worker.stop.ask()
        thread.join()
    return status[0]


@pytest.mark.parametrize("at", [1, 2, 5])
def test_cancel_acts_within_one_step(queue: Queue, at: int) -> None:
    id = queue.submit(TXT).id
    seen: list[int] = []

    def each(event: Step | Made) -> None:
        if isinstance(event, Step):
            seen.append(event.progress["step"])
            if event.progress["step"] == at:
                queue.cancel(id)

    assert work(queue, Probe(each)).state == "cancelled"
    assert seen[-1] == at
    assert len(queue.results(id)) == (at - 1) // 3


def test_interrupt_keeps_the_picture_at_work_and_ends(queue: Queue) -> None:
    id = queue.submit(TXT).id
    job = work(queue, Probe(at_step(5, lambda: queue.ask(id, "interrupt"))))
    assert job.state == "done"
    assert "2 of 3" in job.notes[-1]
    assert [(one.index, bool(one.notes)) for one in queue.results(id)] == [(0, False), (1, True)]


@pytest.mark.parametrize(("at", "made"), [(1, 1), (3, 1), (4, 1), (5, 2), (9, 3)])
def test_to_finish_is_to_end_when_the_picture_at_work_is_wholly_done(queue: Queue, at: int, made: int) -> None:
    id = queue.submit(TXT).id
    job = work(queue, Probe(at_step(at, lambda: queue.ask(id, "finish"))))
    assert job.state == "done"
    assert [bool(one.notes) for one in queue.results(id)] == [False] * made
    assert (f"{made} of 3" in job.notes[-1]) if made < 3 else job.notes == ()


def test_skip_keeps_the_picture_at_work_and_goes_on(queue: Queue) -> None:
    id = queue.submit(TXT.changed(steps=9)).id
    job = work(queue, Probe(at_step(12, lambda: queue.ask(id, "skip"))))
    assert (job.state, job.notes) == ("done", ())
    assert [(one.index, bool(one.notes)) for one in queue.results(id)] == [(0, False), (1, True), (2, False)]


def test_a_skip_heard_by_the_heartbeat_is_not_lost(queue: Queue) -> None:
    id = queue.submit(TXT).id
    job = queue.claim("w")
    assert job is not None
    with Hold(queue, job, "w", 0.2) as hold:
        hold.step(Step({"fraction": 0.1}))
        queue.ask(id, "skip")
        wait_for(lambda: queue.get(id).wish == "")
        assert [hold.step(Step({"fraction": 0.1})) for _ in range(3)] == ["skip", "", ""]


def wait_for(reached: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_pictures_already_made_are_not_made_again(queue: Queue) -> None:
    id = queue.submit(TXT).id

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(queue, Probe(at_step(7, die)))
    before = contents(queue, id)
    assert set(before) == {0, 1}
    assert queue.bury("w") == 1
    probe = Probe()
    assert work(queue, probe).state == "done"
    assert probe.made == [2]
    assert contents(queue, id) == files_of(TXT)
    assert [event.data["index"] for event in queue.events(job=id) if event.kind == "result"] == [0, 1, 2]


def test_a_job_whose_pictures_are_all_made_is_done_at_once(queue: Queue) -> None:
    id = queue.submit(TXT).id
    job = queue.claim("dead")
    assert job is not None
    for index, data in files_of(TXT).items():
        queue.add_result(
            id,
            "dead",
            index,
            file=data,
            thumbnail=data,
            format="png",
            width=1,
            height=1,
            seed=1,
            infotext="",
            recipe={},
        )
    queue.bury("dead")
    probe = Probe()
    assert work(queue, probe).state == "done"
    assert probe.made == []


def test_the_work_of_a_lost_job_is_thrown_away(queue: Queue) -> None:
    id = queue.submit(TXT).id

    def lose() -> None:
        queue.bury("w")
        assert queue.claim("other") is not None

    probe = Probe(at_step(2, lose))
    job = work(queue, probe)
    assert (job.state, job.worker, queue.results(id)) == ("running", "other", [])
    assert len(probe.made) <= 1


def test_a_long_step_does_not_lose_the_job(queue: Queue) -> None:
    id = queue.submit(Txt2Img(prompt="stuck: 2.5", seed=1, steps=2)).id
    thread = threading.Thread(target=lambda: work(queue, lease=1))
    thread.start()
    wait_for(lambda: queue.get(id).state == "running")
    with Queue.open(queue.blobs.root.parent) as other:
        while thread.is_alive():
            assert other.claim("other") is None
            time.sleep(0.02)
    assert (queue.get(id).state, queue.get(id).attempts) == ("done", 1)


def test_progress_is_told_in_moderation_and_previews_more_rarely(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold_module, "PREVIEW_EVERY", 0.5)
    id = queue.submit(Txt2Img(prompt="slow: 0.02", seed=1, steps=50)).id
    told: list[tuple[Any, ...]] = []
    beat = queue.beat

    def counted(job: str, worker: str, **news: Any) -> str:
        told.append((time.monotonic(), news.get("progress"), news.get("preview")))
        return beat(job, worker, **news)

    monkeypatch.setattr(queue, "beat", counted)
    assert work(queue).state == "done"
    times = [at for at, progress, _ in told if progress]
    previews = [at for at, _, preview in told if preview]
    assert 4 <= len(times) <= (times[-1] - times[0]) / 0.2 + 3.5
    assert 2 <= len(previews) <= (previews[-1] - previews[0]) / 0.5 + 1.5
    assert Image.open(io.BytesIO(next(preview for _, _, preview in told if preview))).format == "JPEG"
    assert [told[i][1]["stage"] for i in range(2)] == ["load", "prepare"]
    assert told[1][1]["memory"] == "fits"
    assert queue.get(id).progress["steps"] == 50


def test_a_busy_database_costs_no_picture(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    id = queue.submit(TXT).id
    failures = dict.fromkeys(("add_result", "beat", "finish"), 2)

    def sometimes(name: str) -> Callable[..., Any]:
        really = getattr(queue, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if failures[name]:
                failures[name] -= 1
                raise StoreBusy("held by another process")
            return really(*args, **kwargs)

        return call

    for name in failures:
        monkeypatch.setattr(queue, name, sometimes(name))
    assert work(queue).state == "done"
    assert failures == {"add_result": 0, "beat": 0, "finish": 0}
    assert contents(queue, id) == files_of(TXT)


def test_a_picture_is_held_ready_until_the_disk_has_room_again(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    id = queue.submit(TXT).id
    job = queue.claim("w", 0.2)
    assert job is not None
    full = time.monotonic() + 0.6  # longer than the lease
    really = queue.beat

    def beat(*args: Any, **kwargs: Any) -> Any:
        if time.monotonic() < full:
            raise StoreError("the disk is full")
        return really(*args, **kwargs)

    monkeypatch.setattr(queue, "beat", beat)
    with Hold(queue, job, "w", 0.2) as hold:
        assert hold.insist(lambda: queue.beat(id, "w")) == ""
    assert time.monotonic() >= full


def test_a_job_that_was_lost_meanwhile_is_not_insisted_on(queue: Queue) -> None:
    queue.submit(TXT)
    job = queue.claim("w", 0.2)
    assert job is not None
    queue.bury("w")

    def full() -> None:
        raise StoreError("the disk is full")

    with Hold(queue, job, "w", 0.2) as hold, pytest.raises(LeaseLost):
        hold.insist(full)


def test_a_worker_that_is_to_end_hands_its_job_back(queue: Queue) -> None:
    id = queue.submit(Txt2Img(prompt="slow: 0.05", seed=1, steps=1000)).id
    assert run_until(Worker(queue, FakeEngine(), "w"), lambda: queue.get(id).state == "running") == 0
    wait_for(lambda: queue.get(id).state == "waiting")
    assert queue.get(id).worker is None


def test_a_picture_that_is_nearly_done_is_finished_first(queue: Queue) -> None:
    id = queue.submit(Txt2Img(prompt="slow: 0.01", seed=1, steps=10, batch_count=2)).id
    worker = Worker(queue, Probe(), "w")
    assert isinstance(worker.engine, Probe)
    worker.engine.each = at_step(8, worker.stop.ask)
    assert worker.run() == 0
    assert queue.get(id).state == "waiting"
    assert [one.index for one in queue.results(id)] == [0]


@pytest.mark.parametrize(
    ("stage", "fraction", "nearly"),
    [
        ("decode", 0.5, True),
        ("encode", 0.0, False),
        ("sample", 0.5, True),
        ("sample", 0.26, False),
        ("sample", 0.76, False),
        ("sample", 0.99, True),
        ("sample", 1.0, True),
    ],
)
def test_nearly_done_is_told_from_the_picture_at_work(queue: Queue, stage: str, fraction: float, nearly: bool) -> None:
    worker = Worker(queue, FakeEngine(), "w")
    worker._began = time.monotonic() - 30
    step = Step({"stage": stage, "fraction": fraction, "images": 2})
    assert worker._nearly_done(step) is nearly


def environment() -> dict[str, str]:
    """The environment of a worker."""
    return {**os.environ, "REDRAW_FAKE_STEP": "0.002"}


def start(data: Path, *more: str) -> subprocess.Popen[str]:
    """Start a worker process with the fake engine."""
    command = [sys.executable, "-m", "redraw.jobs.worker", f"--data-dir={data}", "--engine=fake", *more]
    return subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("prompt", ["slow: 0.05", "stuck: 60"])
def test_sigterm_ends_the_process_within_five_seconds(tmp_path: Path, prompt: str) -> None:
    with Queue.open(tmp_path) as queue:
        id = queue.submit(Txt2Img(prompt=prompt, seed=1, steps=1000)).id
        process = start(tmp_path)
        wait_for(lambda: queue.get(id).state == "running", 60)
        wait_for(lambda: bool(queue.get(id).progress), 60)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=30)[1]
        assert time.monotonic() - begun < 5.5
        assert process.returncode == 0, log
        assert (queue.get(id).state, queue.get(id).worker) == ("waiting", None)


def test_a_job_that_kills_its_workers_fails_in_the_end(tmp_path: Path) -> None:
    with Queue.open(tmp_path) as queue:
        id = queue.submit(Txt2Img(prompt="die", seed=1)).id
        first = start(tmp_path)
        first.communicate(timeout=60)
        assert first.returncode == -signal.SIGKILL
        second = queue.submit(TXT).id
        queue.limits = QueueLimits(deaths=1)
        assert work(queue).id == second
        error = queue.get(id).error
        assert error is not None
        assert error["type"] == "WorkerDied"


def test_a_worker_that_cannot_begin_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    process = start(tmp_path / "file")
    log = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert re.search(r"ERROR .*cannot", log)
    assert "Traceback" not in log


def test_options_survive_the_command_line() -> None:
    options = WorkerOptions(
        Path("data dir"), None, (Path("a"), Path("-b")), "m", "cpu", "fp32", "lowvram", "fake", "n", 3.0, 7, 42
    )
    assert parse_options(options.arguments()) == options
    plain = WorkerOptions(Path("x"))
    assert parse_options(plain.arguments()) == plain


def test_a_password_is_not_on_the_command_line() -> None:
    assert "secret" not in str(WorkerOptions(Path("x"), database="postgresql://me:secret@host/name").arguments())


@pytest.mark.parametrize("lease", ["0", "-1", "nan", "1e9"])
def test_a_senseless_lease_is_refused(lease: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options(["--data-dir=x", f"--lease={lease}"])
    assert "between" in capsys.readouterr().err


def test_asking_twice_does_not_give_more_time() -> None:
    stop = Stop(5)
    stop.ask()
    until = stop.until
    stop.ask()
    assert stop.until == until


def test_blobs_of_results_are_named_by_their_content(queue: Queue) -> None:
    id = queue.submit(TXT).id
    work(queue)
    for one in queue.results(id):
        assert hashlib.sha256(queue.blobs.read(one.blob)).hexdigest() == one.blob
