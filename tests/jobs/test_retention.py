"""What is thrown away can be taken back; what goes by itself was asked for; files go when nobody needs them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from redraw.errors import OutputError
from redraw.jobs.queue import Queue, QueueLimits, Retention, Swept, UnknownJob, UnknownResult, WrongState
from redraw.jobs.record import JobRecord, ResultRecord
from redraw.request import Img2Img, PictureRef, Txt2Img

CAT = PictureRef.from_bytes(b"cat", "cat.png")
DAY = 86400.0
Done = Callable[..., tuple[JobRecord, list[ResultRecord]]]


@pytest.fixture
def done(queue: Queue, hand_in: Any) -> Done:
    """`done(count, request)` gives a finished job with so many results."""

    def make(count: int = 1, request: Any = None, **other: Any) -> tuple[JobRecord, list[ResultRecord]]:
        job = queue.submit(request or Txt2Img(batch_count=max(count, 1)))
        queue.claim("w")
        made = [hand_in(queue, job, "w", index, **other) for index in range(count)]
        return queue.finish(job.id, "w", "done"), made

    return make


def age(queue: Queue) -> None:
    """Make all files old enough to be collected."""
    for digest, _, _ in queue.blobs.listing():
        os.utime(queue.blobs.path(digest), (1, 1))


def test_a_result_goes_to_the_trash_and_back(queue: Queue, done: Done) -> None:
    job, (first, second) = done(2)
    trashed = queue.delete(first.id)
    assert trashed.trashed is not None
    assert queue.delete(first.id) == trashed
    assert queue.results(job) == queue.all_results() == [second]
    assert queue.all_results(trashed=True) == [trashed]
    assert queue.results(job, trashed=True) == [trashed, second]
    assert queue.done_indexes(job.id) == {0, 1}
    assert queue.restore(first.id) == first
    assert queue.results(job) == [first, second]
    assert queue.empty_trash() == 0


def test_a_job_goes_with_its_results_and_comes_back_without_those_that_went_before(
    queue: Queue, done: Done, hands: Any
) -> None:
    job, (first, second) = done(2)
    queue.delete(first.id)
    hands.wait(1)
    queue.delete(job.id)
    assert (queue.find(), queue.count(), queue.all_results()) == ([], 0, [])
    assert [found.id for found in queue.find(trashed=True)] == [job.id]
    assert queue.get(job.id).trashed is not None
    with pytest.raises(WrongState, match="trashed"):
        queue.retry(job.id) if job.state == "failed" else queue.pause(job.id)
    queue.restore(job.id)
    assert queue.results(job) == [second]
    queue.restore(first.id)
    assert queue.results(job) == [first, second]


def test_restoring_a_result_brings_its_job_back(queue: Queue, done: Done) -> None:
    job, (first, _) = done(2)
    queue.delete(job.id)
    queue.restore(first.id)
    assert queue.get(job.id).trashed is None
    assert queue.results(job) == [first]


def test_a_trashed_job_that_waited_is_never_begun(queue: Queue) -> None:
    job = queue.submit(Txt2Img())
    assert queue.delete(job.id).trashed is not None
    assert queue.claim("w") is None
    queue.restore(job.id)
    assert queue.retry(job.id).state == "waiting"


def test_a_running_job_is_not_deleted(queue: Queue) -> None:
    job = queue.submit(Txt2Img())
    queue.claim("w")
    with pytest.raises(WrongState, match="cancel a running job"):
        queue.delete(job.id)
    for act in (queue.delete, queue.restore):
        with pytest.raises(UnknownJob):
            act("x")


def test_emptying_removes_rows_and_the_files_nobody_else_needs(queue: Queue, done: Done) -> None:
    job, (first, second) = done(2, Img2Img(images=(CAT,), batch_count=2))
    other = queue.submit(Img2Img(images=(CAT,)))
    queue.delete(first.id)
    assert queue.empty_trash() == 1
    with pytest.raises(UnknownResult):
        queue.result(first.id)
    assert (queue.blobs.has(first.blob), queue.blobs.has(first.thumbnail)) == (False, False)
    assert queue.blobs.read(second.blob)
    queue.delete(job.id)
    assert queue.empty_trash() == 2
    assert not queue.blobs.has(second.blob)
    assert queue.request_of(other).images[0].open_bytes() == b"cat"  # type: ignore[attr-defined]
    assert queue.events(0, job.id) == []
    with pytest.raises(UnknownJob):
        queue.get(job.id)
    queue.delete(other.id)
    queue.empty_trash()
    assert queue.blobs.size() == 0


def test_only_what_lay_in_the_trash_for_long_is_removed(queue: Queue, done: Done, hands: Any) -> None:
    _, (first, second) = done(2)
    queue.delete(first.id)
    hands.wait(100)
    queue.delete(second.id)
    assert queue.empty_trash(older_than=50) == 1
    assert queue.all_results(trashed=True) == [queue.result(second.id)]


@pytest.mark.parametrize(
    "limits", [QueueLimits(retention=Retention(keep_days=10, trash_days=5)), QueueLimits(retention=Retention())]
)
def test_old_results_go_to_the_trash_and_then_for_good(
    queue: Queue, done: Done, hands: Any, limits: QueueLimits
) -> None:
    keeps = limits.retention.keep_days is None
    old, _ = done(2)
    marked, (favorite,) = done(1)
    queue.mark(favorite.id, favorite=True)
    kept, (other,) = done(1)
    queue.mark(kept.id, favorite=True)
    hands.wait(11 * DAY)
    new, (late,) = done(1)
    assert queue.sweep().trashed == (0 if keeps else 3)
    if not keeps:
        assert [result.id for result in queue.all_results()] == [late.id, other.id, favorite.id]
        assert [job.id for job in queue.find()] == [new.id, kept.id, marked.id]
        assert queue.sweep() == Swept()
        hands.wait(6 * DAY)
        assert queue.sweep().removed == 3
        with pytest.raises(UnknownJob):
            queue.get(old.id)
    assert [result.id for result in queue.all_results(favorite=True)] == [favorite.id]


@pytest.mark.parametrize("limits", [QueueLimits(retention=Retention(keep_results=2))])
def test_only_the_newest_results_stay(queue: Queue, done: Done) -> None:
    _, results = done(4)
    assert queue.sweep().trashed == 2
    assert [result.id for result in queue.all_results()] == [results[3].id, results[2].id]
    queue.restore(results[0].id)
    queue.mark(results[0].id, favorite=True)
    assert queue.sweep().trashed == 0


def test_files_nobody_refers_to_go_after_their_grace(queue: Queue, done: Done) -> None:
    upload = queue.blobs.put(b"an upload whose job never came")
    _, (result,) = done(1, Img2Img(images=(CAT,)), extras={"mask": b"mask"})
    assert queue.sweep().files == 0
    age(queue)
    assert queue.sweep().files == 1
    assert not queue.blobs.has(upload)
    for digest in (result.blob, result.thumbnail, result.extras["mask"], str(CAT.sha256)):
        assert queue.blobs.read(digest)


def test_a_file_that_is_collected_while_its_job_is_submitted_is_put_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = queue.store.writing
    swept = []

    def sweep_first(**options: Any) -> Any:
        if not swept:
            age(queue)
            swept.append(None)
            swept[0] = queue.sweep().files  # type: ignore[call-overload]
        return writing(**options)

    monkeypatch.setattr(queue.store, "writing", sweep_first)
    job = queue.submit(Img2Img(images=(CAT,)))
    assert swept == [1]
    assert queue.request_of(job).images[0].open_bytes() == b"cat"  # type: ignore[attr-defined]


@pytest.mark.parametrize("limits", [QueueLimits(disk=1000)])
def test_over_the_quota_the_oldest_trash_goes_and_nothing_else(queue: Queue, done: Done, hands: Any) -> None:
    made = [done(1, file=bytes([number]) * 200)[1][0] for number in range(2)]  # 406 bytes each, with its thumbnail
    with pytest.raises(OutputError, match=r"the disk quota of 1\.0 kB is used up"):
        queue.submit(Img2Img(images=(PictureRef.from_bytes(b"c" * 500),)))
    queue.blobs.quota = None
    queue.submit(Img2Img(images=(PictureRef.from_bytes(b"c" * 500),)))
    assert queue.sweep() == Swept()
    for result in made:
        queue.delete(result.id)
        hands.wait(1)
    assert queue.sweep().removed == 1
    assert queue.all_results(trashed=True) == [queue.result(made[1].id)]
    assert queue.blobs.size() == 906


def test_old_events_of_ended_jobs_are_forgotten(queue: Queue, done: Done, hands: Any) -> None:
    job, _ = done()
    waiting = queue.submit(Txt2Img())
    last = queue.last_event()
    hands.wait(31 * DAY)
    queue.sweep()
    assert queue.events(0, job.id) == []
    assert len(queue.events(0, waiting.id)) == 1
    assert queue.get(job.id).state == "done"
    queue.cancel(waiting.id)
    assert queue.last_event() > last
