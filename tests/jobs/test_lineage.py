"""Results know what they were made from, and what was made from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from redraw.jobs.queue import Queue, UnknownResult
from redraw.jobs.record import ResultRecord
from redraw.request import Txt2Img

Grow = Callable[..., ResultRecord]


@pytest.fixture
def grow(queue: Queue, hand_in: Any) -> Grow:
    """`grow(parent)` gives the result of a finished job that was made from another."""

    def make(parent: ResultRecord | None = None) -> ResultRecord:
        job = queue.submit(Txt2Img(prompt="a fox"), parent=None if parent is None else parent.id)
        queue.claim("w")
        made: ResultRecord = hand_in(queue, job, "w")
        queue.finish(job.id, "w", "done")
        return queue.result(made.id)

    return make


def ids(records: tuple[ResultRecord, ...] | list[ResultRecord]) -> list[str]:
    """Their ids, in order."""
    return [record.id for record in records]


def test_a_line_leads_back_to_the_first_picture_and_on_to_the_next(queue: Queue, grow: Grow) -> None:
    first = grow()
    second = grow(first)
    third, other = grow(second), grow(second)
    assert (first.parent, third.parent) == (None, second.id)
    line = queue.lineage(second.id)
    assert (ids(line.ancestors), ids(line.children)) == ([first.id], [third.id, other.id])
    assert ids(queue.lineage(third.id).ancestors) == [first.id, second.id]
    assert ids(queue.lineage(third.id, depth=1).ancestors) == [second.id]
    assert ids(queue.lineage(second.id, children=1).children) == [third.id]


def test_ancestors_in_the_trash_are_told_with_when_and_children_there_are_not(queue: Queue, grow: Grow) -> None:
    first = grow()
    second = grow(first)
    queue.delete(first.id)
    assert queue.lineage(second.id).ancestors[0].trashed is not None
    queue.delete(second.id)
    assert queue.lineage(first.id).children == ()


def test_what_was_removed_for_good_ends_the_line(queue: Queue, grow: Grow) -> None:
    first = grow()
    second = grow(first)
    queue.delete(first.job)
    queue.empty_trash()
    assert queue.result(second.id).parent == first.id
    assert queue.lineage(second.id).ancestors == ()
    with pytest.raises(UnknownResult):
        queue.lineage(first.id)


def test_results_are_found_by_job_and_by_parent(queue: Queue, grow: Grow) -> None:
    first = grow()
    second, third = grow(first), grow(first)
    assert ids(queue.all_results(parent=first.id)) == [third.id, second.id]
    assert ids(queue.all_results(job=second.job)) == [second.id]
    assert queue.all_results(job=second.job)[0].parent == first.id
    assert queue.all_results(job=first.job, parent=first.id) == []
    assert [one.parent for one in queue.results(second.job)] == [first.id]
