"""The queue keeps its promises, on both databases: order, states, leases, results, events."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from redraw.errors import PictureError, RequestError
from redraw.jobs.holder import own_name
from redraw.jobs.queue import (
    Clocks,
    LeaseLost,
    Queue,
    QueueFull,
    QueueLimits,
    UnknownJob,
    UnknownResult,
    WrongState,
)
from redraw.request import Img2Img, PictureRef, Txt2Img

RAM = Path("/dev/shm")
CAT, FOX = (PictureRef.from_bytes(name.encode() * 9, f"{name}.png") for name in ("cat", "fox"))
STATES = ("waiting", "paused", "running", "done", "failed", "cancelled")

# What an action makes of a job in each of STATES, in this order; "!" refuses and changes nothing.
TRANSITIONS: dict[str, tuple[Callable[[Queue, str], Any], tuple[str, ...]]] = {
    "cancel": (lambda q, i: q.cancel(i), ("cancelled", "cancelled", "running", "done", "failed", "cancelled")),
    "interrupt": (lambda q, i: q.ask(i, "interrupt"), ("cancelled",) * 2 + ("running", "done", "failed", "cancelled")),
    "finish after this": (
        lambda q, i: q.ask(i, "finish"),
        ("cancelled",) * 2 + ("running", "done", "failed", "cancelled"),
    ),
    "skip": (lambda q, i: q.ask(i, "skip"), STATES),
    "prioritize": (lambda q, i: q.prioritize(i, 5), ("waiting", "paused", "!", "!", "!", "!")),
    "retry": (lambda q, i: q.retry(i), ("!", "!", "!", "!", "waiting", "waiting")),
    "pause": (lambda q, i: q.pause(i), ("paused", "paused", "!", "!", "!", "!")),
    "resume": (lambda q, i: q.resume(i), ("waiting", "waiting", "!", "!", "!", "!")),
    "move": (lambda q, i: q.move(i, to="front"), ("waiting", "paused", "!", "!", "!", "!")),
    "edit": (lambda q, i: q.edit(i, {"steps": 3}), ("waiting", "paused", "!", "!", "!", "!")),
    "delete": (lambda q, i: q.delete(i), ("cancelled", "cancelled", "!", "done", "failed", "cancelled")),
    "claim": (lambda q, i: q.claim("v"), ("running", "paused", "running", "done", "failed", "cancelled")),
    "beat": (lambda q, i: q.beat(i, "w"), ("lost", "lost", "running", "lost", "lost", "lost")),
    "finish": (lambda q, i: q.finish(i, "w", "done"), ("lost", "lost", "done", "lost", "lost", "lost")),
    "release": (lambda q, i: q.release(i, "w"), ("lost", "lost", "waiting", "lost", "lost", "lost")),
    "stranger": (lambda q, i: q.finish(i, "v", "done"), ("lost",) * 6),
}


@pytest.mark.parametrize("name", TRANSITIONS)
def test_every_transition(queue: Queue, bring_to: Any, name: str) -> None:
    act, outcomes = TRANSITIONS[name]
    for state, end in zip(STATES, outcomes, strict=True):
        job = bring_to(queue, state, queue.submit(Txt2Img()))
        if end in ("!", "lost"):
            with pytest.raises(WrongState if end == "!" else LeaseLost):
                act(queue, job.id)
            assert queue.get(job.id) == job, state
        else:
            act(queue, job.id)
            assert queue.get(job.id).state == end, state
        queue.cancel(job.id)


def test_a_request_comes_back_as_it_was(queue: Queue) -> None:
    request = Img2Img(images=(CAT, FOX), mask=FOX, prompt=("a \ud800 fox", "b\0"), cfg_scale=7.0, seed=2**64 - 1)
    back = queue.request_of(queue.get(queue.submit(request).id))
    assert isinstance(back, Img2Img)
    assert [ref.open_bytes() for ref in back.images] == [CAT.open_bytes(), FOX.open_bytes()]
    assert [ref.name for ref in back.images] == ["cat.png", "fox.png"]
    assert isinstance(back.mask, PictureRef)
    assert back.mask.open_bytes() == FOX.open_bytes()
    assert (back.prompt, back.seed, repr(back.cfg_scale)) == (request.prompt, 2**64 - 1, "7.0")
    assert back.model_fields_set - request.model_fields_set == {"variation_seed"}


def test_seeds_are_drawn_once(queue: Queue) -> None:
    job = queue.submit(Txt2Img(seed=(-1, 5)))
    first, second = job.request["seed"]
    assert (first >= 0, second, job.request["variation_seed"] >= 0) == (True, 5, True)
    assert queue.request_of(job).seed == queue.request_of(queue.get(job.id)).seed == (first, 5)


def test_a_picture_that_is_only_named_must_be_kept(queue: Queue) -> None:
    digest = queue.blobs.put(CAT.open_bytes())
    job = queue.submit(Img2Img(images=({"name": "cat.png", "sha256": digest},)))
    assert queue.request_of(job).images[0].open_bytes() == CAT.open_bytes()  # type: ignore[attr-defined]
    with pytest.raises(PictureError, match="upload it first"):
        queue.submit(Img2Img(images=({"name": "fox.png", "sha256": "f" * 64},)))
    with pytest.raises(PictureError, match="upload it first"):
        queue.submit(Img2Img(images=({"name": "fox.png", "sha256": "../../etc/passwd"},)))
    assert queue.count() == 1


def test_a_damaged_picture_is_named(queue: Queue) -> None:
    job = queue.submit(Img2Img(images=(CAT,)))
    queue.blobs.path(str(CAT.sha256)).write_bytes(b"worm")
    with pytest.raises(PictureError, match=r"cat\.png: the file is damaged"):
        queue.request_of(job)


def test_the_same_key_is_the_same_job(queue: Queue) -> None:
    first = queue.submit(Txt2Img(prompt="one"), key="k")
    assert queue.submit(Txt2Img(prompt="two"), key="k") == first
    assert queue.submit(Txt2Img(prompt="two"), key="l") != first
    for key in ("", "x" * 256, "a\nb"):
        with pytest.raises(RequestError, match="idempotency"):
            queue.submit(Txt2Img(), key=key)


@pytest.mark.parametrize("limits", [QueueLimits(waiting=2)])
def test_a_full_queue_refuses(queue: Queue) -> None:
    first = queue.submit(Txt2Img(), key="k")
    queue.pause(queue.submit(Txt2Img()).id)
    with pytest.raises(QueueFull, match="at most 2"):
        queue.submit(Img2Img(images=(CAT,)))
    assert queue.blobs.size() == 0
    assert queue.submit(Txt2Img(), key="k") == first
    queue.claim("w")
    queue.submit(Txt2Img())


def test_ids_sort_by_arrival_even_when_the_clock_jumps_back(queue: Queue, hands: Any) -> None:
    ids = []
    for jump in (0, 0, -1e6, 0.001, 5, -3600):
        hands.wall += jump
        ids.append(queue.submit(Txt2Img()).id)
    assert ids == sorted(set(ids))
    assert all(len(id) == 26 and id.isalnum() and id == id.lower() for id in ids)
    assert [job.id for job in queue.find()] == ids[::-1]


def test_higher_priority_first_then_arrival(queue: Queue) -> None:
    ids = {name: queue.submit(Txt2Img(prompt=name), priority=p).id for name, p in (("a", 0), ("b", 5), ("c", 0))}
    queue.submit(Txt2Img(prompt="d"))
    assert [job.request["prompt"] for job in queue.line()] == ["b", "a", "c", "d"]
    claimed = [queue.claim("w") for _ in range(2)]
    assert [job.id for job in claimed if job] == [ids["b"], ids["a"]]


@pytest.mark.parametrize(
    ("what", "how", "order"),
    [
        ("d", {"to": "front"}, "dbace"),
        ("b", {"to": "back"}, "acedb"),
        ("e", {"before": "a"}, "beacd"),
        ("b", {"before": "c"}, "abced"),
        ("a", {"before": "d"}, "bcead"),
        ("e", {"to": "back"}, "bacde"),
    ],
)
def test_jobs_change_places(queue: Queue, what: str, how: dict[str, str], order: str) -> None:
    ids = {name: queue.submit(Txt2Img(prompt=name), priority=5 if name == "b" else 0).id for name in "abc"}
    ids |= {name: queue.submit(Txt2Img(prompt=name), priority=-1 if name == "d" else 0).id for name in "ed"}
    if "before" in how:
        how = {"before": ids[how["before"]]}
    queue.move(ids[what], **how)  # type: ignore[arg-type]
    assert "".join(job.request["prompt"] for job in queue.line()) == order


def test_many_moves_between_the_same_two_never_run_out_of_room(queue: Queue) -> None:
    ids = [queue.submit(Txt2Img()).id for _ in range(3)]
    for i in range(130):
        queue.move(ids[2 - i % 2], before=ids[1 + i % 2])
        first, *rest = [job.id for job in queue.line()]
        assert (first, rest) == (ids[0], [ids[2 - i % 2], ids[1 + i % 2]])


def test_a_move_says_where(queue: Queue) -> None:
    id = queue.submit(Txt2Img()).id
    for how in ({}, {"before": id}, {"to": "middle"}, {"before": "x", "to": "front"}):
        with pytest.raises(RequestError, match="before"):
            queue.move(id, **how)  # type: ignore[arg-type]
    with pytest.raises(UnknownJob):
        queue.move(id, before="x")
    assert queue.move(id, to="back").id == id


def test_a_held_queue_begins_nothing(queue: Queue) -> None:
    queue.submit(Txt2Img())
    queue.hold(True)
    assert (queue.held, queue.claim("w")) == (True, None)
    queue.hold(False)
    assert queue.held is False
    assert queue.claim("w") is not None
    assert queue.settings() == {}


def test_wishes_reach_the_worker(queue: Queue) -> None:
    job = queue.submit(Txt2Img())
    queue.claim("w")
    assert queue.beat(job.id, "w") == ""
    queue.ask(job.id, "skip")
    assert [queue.beat(job.id, "w") for _ in range(2)] == ["skip", ""]
    queue.ask(job.id, "finish")
    queue.ask(job.id, "skip")
    assert [queue.beat(job.id, "w") for _ in range(2)] == ["finish", "finish"]
    queue.ask(job.id, "interrupt")
    queue.ask(job.id, "finish")
    assert [queue.beat(job.id, "w") for _ in range(2)] == ["interrupt", "interrupt"]
    queue.cancel(job.id)
    assert queue.beat(job.id, "w") == "cancel"
    assert queue.release(job.id, "w").state == "cancelled"
    with pytest.raises(RequestError, match="cancel, interrupt, finish or skip"):
        queue.ask(job.id, "explode")  # type: ignore[arg-type]


def test_edits_are_checked_and_their_pictures_kept(queue: Queue) -> None:
    job = queue.submit(Img2Img(images=(CAT,), prompt="a cat", seed=7))
    edited = queue.edit(job.id, {"prompt": "a FOX", "mask": FOX})
    assert (edited.request["prompt"], edited.request["seed"], edited.position) == ("a FOX", 7, job.position)
    assert queue.request_of(edited).mask.open_bytes() == FOX.open_bytes()  # type: ignore[attr-defined]
    assert [found.id for found in queue.find(text="fox")] == [job.id]
    with pytest.raises(RequestError, match="strength"):
        queue.edit(job.id, {"strength": 2})
    assert queue.get(job.id) == edited


def test_a_silent_worker_loses_its_job_and_a_speaking_one_does_not(queue: Queue, hands: Any, hand_in: Any) -> None:
    job = queue.submit(Txt2Img())
    queue.claim("w", lease=15)
    assert queue.claim("v") is None
    for _ in range(5):
        hands.wait(14)
        queue.beat(job.id, "w")
        assert queue.claim("v") is None
    hands.wait(15.5)
    again = queue.claim("v")
    assert again is not None
    assert (again.id, again.worker, again.attempts) == (job.id, "v", 2)
    for late in (
        lambda: queue.beat(job.id, "w"),
        lambda: queue.finish(job.id, "w", "done"),
        lambda: hand_in(queue, job, "w"),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert queue.results(job) == []


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 1e9, -1e9])
def test_a_jump_of_the_clock_takes_no_job_away_and_holds_none_up(queue: Queue, hands: Any, jump: float) -> None:
    job = queue.submit(Txt2Img())
    queue.claim("w", lease=15)
    assert queue.claim("v") is None
    hands.wall += jump
    hands.wait(5)
    assert queue.claim("v") is None
    queue.beat(job.id, "w")
    hands.wait(1)
    assert queue.claim("v") is None
    hands.wall -= 2 * jump
    hands.wait(16)
    again = queue.claim("v")
    assert again is not None
    assert again.id == job.id


def test_a_worker_whose_process_is_gone_loses_its_job_at_once(queue: Queue) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "from redraw.jobs.holder import own_name; print(own_name())"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    job = queue.submit(Txt2Img())
    queue.claim(own_name(), lease=1e6)
    assert queue.claim("v") is None
    queue.release(job.id, own_name())
    queue.claim(dead, lease=1e6)
    again = queue.claim("v")
    assert (again and again.id) == (job.id if sys.platform == "linux" else None)


def test_a_buried_worker_loses_all_its_jobs(queue: Queue) -> None:
    ids = [queue.submit(Txt2Img()).id for _ in range(3)]
    for worker in ("w", "w", "v"):
        queue.claim(worker)
    queue.cancel(ids[1])
    assert (queue.bury("w"), queue.bury("w")) == (2, 0)
    assert [queue.get(id).state for id in ids] == ["waiting", "cancelled", "running"]


def test_a_job_that_kills_its_workers_fails_instead_of_looping(queue: Queue, hand_in: Any) -> None:
    job = queue.submit(Txt2Img(batch_count=9))
    for state in ("waiting", "waiting"):
        queue.claim("w")
        queue.bury("w")
        assert queue.get(job.id).state == state
    queue.claim("w")
    hand_in(queue, job, "w")  # it got further: the count begins anew
    for state in ("waiting", "waiting", "failed"):
        queue.bury("w")
        assert queue.get(job.id).state == state
        queue.claim("w")
    failed = queue.get(job.id)
    assert failed.error is not None
    assert (failed.error["type"], failed.attempts) == ("WorkerDied", 5)
    assert "3 workers died" in failed.error["detail"]
    retried = queue.retry(job.id)
    assert (retried.id, retried.state, retried.error, retried.attempts) == (job.id, "waiting", None, 5)
    assert queue.done_indexes(job.id) == {0}


def test_handing_back_is_no_death_and_keeps_the_place(queue: Queue) -> None:
    job = queue.submit(Txt2Img())
    queue.submit(Txt2Img())
    for i in range(5):
        claimed = queue.claim("w")
        assert claimed is not None
        assert (claimed.id, claimed.attempts) == (job.id, i + 1)
        assert queue.finish(job.id, "w", "waiting").state == "waiting"


def test_there_is_one_result_for_each_place(queue: Queue, hand_in: Any) -> None:
    job = queue.submit(Txt2Img(batch_count=2))
    queue.claim("w")
    first = hand_in(queue, job, "w", 0, extras={"mask": b"mask"}, edge={"step": 0.5}, notes=("so",), seed=2**64 - 1)
    assert hand_in(queue, job, "w", 0, file=b"another") == first
    second = hand_in(queue, job, "w", 1)
    assert queue.results(job) == queue.results(job.id) == [first, second]
    assert queue.result(first.id) == first
    assert queue.blobs.read(first.blob) == f"{job.id} 0".encode()
    assert queue.blobs.read(first.extras["mask"]) == b"mask"
    assert (first.seed, first.notes, first.edge) == (2**64 - 1, ("so",), {"step": 0.5})
    assert queue.done_indexes(job.id) == {0, 1}
    with pytest.raises(UnknownResult):
        queue.result("x")
    with pytest.raises(UnknownJob):
        queue.results("x")


def test_events_tell_everything_and_forget_what_passed(queue: Queue, hand_in: Any) -> None:
    job = queue.submit(Txt2Img())
    start = queue.last_event()
    queue.claim("w")
    for step in range(3):
        queue.beat(job.id, "w", progress={"step": step}, preview=b"jpeg%d" % step)
    kinds = [event.kind for event in queue.events(start, job.id)]
    assert kinds == ["state", "progress", "progress", "progress", "preview"]
    assert queue.get(job.id).progress == {"step": 2}
    result = hand_in(queue, job, "w")
    queue.finish(job.id, "w", "done", notes=("well",))
    seen = [(event.kind, event.data) for event in queue.events(0)]
    assert seen == [
        ("state", {"state": "waiting"}),
        ("state", {"state": "running"}),
        ("result", {"id": result.id, "index": 0}),
        ("note", {"text": "well"}),
        ("state", {"state": "done"}),
    ]
    assert queue.last_event() > start + 6
    assert queue.events(queue.last_event()) == queue.events(0, "x") == []
    assert len(queue.events(0, limit=2)) == 2


def test_jobs_are_found(queue: Queue, bring_to: Any) -> None:
    fox = bring_to(queue, "done", queue.submit(Txt2Img(prompt="Ein FUCHS, 100%"), source="cli"))
    owl = queue.submit(Txt2Img(prompt="eule_", negative_prompt="nacht"))
    queue.mark(owl.id, favorite=True)
    table: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [owl.id, fox.id]),
        ({"newest_first": False}, [fox.id, owl.id]),
        ({"states": {"done", "failed"}}, [fox.id]),
        ({"states": "waiting"}, [owl.id]),
        ({"source": "cli"}, [fox.id]),
        ({"text": "fuchs"}, [fox.id]),
        ({"text": "0%"}, [fox.id]),
        ({"text": "%"}, [fox.id]),
        ({"text": "_"}, [owl.id]),
        ({"text": "NACHT"}, [owl.id]),
        ({"favorite": True}, [owl.id]),
        ({"favorite": False}, [fox.id]),
        ({"limit": 1}, [owl.id]),
        ({"after": owl.id}, [fox.id]),
        ({"after": fox.id, "newest_first": False}, [owl.id]),
    ]
    for conditions, ids in table:
        assert [job.id for job in queue.find(**conditions)] == ids, conditions
    assert (queue.count(), queue.count("done"), queue.count(["done", "waiting"])) == (2, 1, 2)
    with pytest.raises(UnknownJob, match="'x'"):
        queue.get("x")


def test_settings_are_kept(queue: Queue, ram: Path, database: str | None) -> None:
    queue.set_setting("a1111", {"clip": [1, 2.0]})
    queue.set_setting("a1111", {"clip": [1, 3.0]})
    queue.set_setting("b", 1)
    queue.set_setting("b", None)
    with Queue.open(ram, database) as other:
        assert other.get_setting("a1111") == {"clip": [1, 3.0]}
        assert other.get_setting("b") is None
        assert other.settings() == {"a1111": {"clip": [1, 3.0]}}


GREEDY = """
import os, sys
from pathlib import Path
from redraw.jobs.holder import own_name
from redraw.jobs.queue import Queue
for _ in range(8):
    if os.fork() == 0:
        me = own_name()
        with Queue.open(Path(sys.argv[1]), sys.argv[2] or None) as queue:
            while job := queue.claim(me):
                queue.add_result(job.id, me, 0, file=job.id.encode(), thumbnail=b"", format="png", width=1, height=1,
                                 seed=1, infotext="", recipe={})
                queue.finish(job.id, me, "done")
                os.write(1, f"{os.getpid()} {job.id}\\n".encode())
        os._exit(0)
for _ in range(8):
    if os.wait()[1]: sys.exit("a process failed")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked as POSIX does")
def test_eight_processes_take_each_of_200_jobs_once(ram: Path, database: str | None) -> None:
    with Queue.open(ram, database) as queue:
        ids = [queue.submit(Txt2Img()).id for _ in range(200)]
        command = [sys.executable, "-W", "ignore", "-c", GREEDY, str(ram), database or ""]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        taken = [line.split() for line in done.stdout.splitlines()]
        assert sorted(id for _, id in taken) == ids
        assert len({process for process, _ in taken}) > 1
        assert sorted(result.job for result in queue.all_results(limit=500)) == ids
        assert {(job.state, job.attempts) for job in queue.find(limit=500)} == {("done", 1)}
        told = [event.job for event in queue.events(0, limit=5000) if event.kind == "result"]
        assert sorted(told) == ids


# A process forks a child for each place named to it; the child hands in a result and is killed there.
DYING = """
import os, signal, sys
from pathlib import Path
from redraw.jobs.holder import own_name
from redraw.jobs.queue import Queue
from redraw.jobs import blobs
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
for line in sys.stdin:
    place = line.strip()
    if os.fork() == 0:
        with Queue.open(Path(sys.argv[1]), sys.argv[2] or None) as queue:
            job = queue.claim(own_name())
            if place == "half a file":
                def half():
                    yield b"half"
                    die()
                write = blobs._write
                blobs._write = lambda place, digest, pieces: write(place, digest, half())
            if place == "before its name": Path.replace = die
            if place == "before the row": queue._held = die
            if place == "after the row": queue._need = die
            if place == "before the commit": queue._tell = die
            queue.add_result(job.id, own_name(), 0, file=b"picture" + job.id.encode(), thumbnail=b"small", format="png",
                             width=1, height=1, seed=1, infotext="", recipe={})
            die()
    os.wait()
    print("dead", flush=True)
"""
PLACES = ("half a file", "before its name", "before the row", "after the row", "before the commit", "after the commit")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked and killed as POSIX does")
def test_a_kill_in_the_middle_of_a_result_leaves_all_or_nothing(ram: Path, database: str | None, hand_in: Any) -> None:
    command = [sys.executable, "-W", "ignore", "-c", DYING, str(ram), database or ""]
    with (
        Queue.open(ram, database) as queue,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery,
    ):
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for place in PLACES:
            job = queue.submit(Txt2Img(prompt=place))
            nursery.stdin.write(place + "\n")
            nursery.stdin.flush()
            assert nursery.stdout.readline() == "dead\n"
            whole = place == "after the commit"
            assert len(queue.results(job)) == whole, place
            assert len(queue.events(0, job.id)) == 2 + whole
            again = queue.claim("v")
            assert again is not None
            assert (again.id, again.attempts) == (job.id, 2)
            hand_in(queue, again, "v", file=b"picture" + job.id.encode())
            queue.finish(job.id, "v", "done")
            (result,) = queue.results(job)
            assert queue.blobs.read(result.blob) == b"picture" + job.id.encode()
            assert len([event for event in queue.events(0, job.id) if event.kind == "result"]) == 1
        nursery.stdin.close()
        assert queue.blobs.sweep(older_than=3600) == 0
        assert queue.blobs.sweep(older_than=0) == 2
        assert all(queue.blobs.read(digest) for digest, _, _ in queue.blobs.listing())


class Against(RuleBasedStateMachine):
    """The queue beside a model of it in plain lists."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None)
        self.time = [0.0, 0.0]
        clocks = Clocks(now=lambda: self.time[0], steady=lambda: self.time[1])
        self.queue = Queue.open(Path(self.folder.name), limits=QueueLimits(deaths=10**6), clocks=clocks)
        self.state: dict[str, str] = {}
        self.line: list[str] = []  # waiting and paused jobs in order; running ones keep their place
        self.worker: dict[str, str] = {}
        self.made: dict[str, set[int]] = {}

    def teardown(self) -> None:
        self.queue.close()
        self.folder.cleanup()

    def pick(self, data: st.DataObject, *states: str) -> str | None:
        ids = sorted(id for id, state in self.state.items() if state in states)
        return data.draw(st.sampled_from(ids)) if ids else None

    @rule()
    def submit(self) -> None:
        id = self.queue.submit(Txt2Img()).id
        self.state[id], self.made[id] = "waiting", set()
        self.line.append(id)

    @rule(worker=st.sampled_from("wv"))
    def claim(self, worker: str) -> None:
        job = self.queue.claim(worker, lease=10)
        first = next((id for id in self.line if self.state[id] == "waiting"), None)
        assert (job and job.id) == first
        if first is not None:
            self.state[first], self.worker[first] = "running", worker

    @rule(data=st.data(), end=st.sampled_from(["done", "failed", "cancelled", "waiting"]))
    def finish(self, data: st.DataObject, end: Any) -> None:
        if id := self.pick(data, "running"):
            self.queue.finish(id, self.worker[id], end)
            self.state[id] = end

    @rule(data=st.data(), index=st.integers(0, 2))
    def make(self, data: st.DataObject, index: int) -> None:
        if id := self.pick(data, "running"):
            facts: dict[str, Any] = {"format": "png", "width": 1, "height": 1, "seed": 1, "infotext": "", "recipe": {}}
            self.queue.add_result(id, self.worker[id], index, file=b"f", thumbnail=b"t", **facts)
            self.made[id].add(index)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if id := self.pick(data, "waiting", "paused", "done"):
            self.queue.cancel(id)
            self.state[id] = "done" if self.state[id] == "done" else "cancelled"

    @rule(data=st.data())
    def pause_or_resume(self, data: st.DataObject) -> None:
        if id := self.pick(data, "waiting", "paused"):
            waits = self.state[id] == "waiting"
            (self.queue.pause if waits else self.queue.resume)(id)
            self.state[id] = "paused" if waits else "waiting"

    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        if id := self.pick(data, "failed", "cancelled"):
            self.queue.retry(id)
            self.state[id] = "waiting"
            self.line.remove(id)
            self.line.append(id)

    @rule(data=st.data(), to=st.sampled_from(["front", "back"]))
    def move(self, data: st.DataObject, to: Any) -> None:
        if id := self.pick(data, "waiting", "paused"):
            self.queue.move(id, to=to)
            before = self.line.index(id)
            self.line.remove(id)
            others = [i for i, one in enumerate(self.line) if self.state[one] in ("waiting", "paused")]
            at = (others[0] if to == "front" else len(self.line)) if others else before  # alone in line it stays
            self.line.insert(at, id)

    @rule(jump=st.floats(-1e6, 1e6))
    def jump(self, jump: float) -> None:
        self.time[0] += jump

    @precondition(lambda self: "running" in self.state.values())
    @rule()
    def everybody_falls_silent(self) -> None:
        self.queue.hold(True)
        self.queue.claim("x")
        self.time[1] += 11
        assert self.queue.claim("x") is None
        self.queue.hold(False)
        for id, state in self.state.items():
            self.state[id] = "waiting" if state == "running" else state

    @invariant()
    def they_agree(self) -> None:
        assert {job.id: job.state for job in self.queue.find(limit=1000)} == self.state
        waiting = [id for id in self.line if self.state[id] in ("waiting", "paused")]
        assert [job.id for job in self.queue.line()] == waiting
        assert {id: self.queue.done_indexes(id) for id in self.state} == self.made


Against.TestCase.settings = settings(max_examples=8, stateful_step_count=20, deadline=None, database=None)
TestAgainstAModel = Against.TestCase


def test_an_order_of_submissions_is_the_order_of_work(queue: Queue) -> None:
    ids = [queue.submit(Txt2Img()).id for _ in range(8)]
    order = random.Random(1).sample(ids, 8)
    for id in order:
        queue.move(id, to="back")
    claimed = [queue.claim("w") for _ in ids]
    assert [job.id for job in claimed if job] == order
