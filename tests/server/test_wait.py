"""Waiting for a job's end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from redraw.jobs.errors import UnknownJob
from redraw.jobs.queue import Queue
from redraw.request import Txt2Img
from redraw.server.wait import ended


def test_the_job_comes_back_when_it_has_ended(tmp_path: Path) -> None:
    async def main(queue: Queue) -> None:
        job = queue.submit(Txt2Img(prompt="x"))
        waiting = asyncio.create_task(ended(queue, job.id))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        queue.cancel(job.id)
        assert (await asyncio.wait_for(waiting, 5)).state == "cancelled"

    with Queue.open(tmp_path) as queue:
        asyncio.run(main(queue))


def test_a_timeout_gives_it_as_it_is_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    with Queue.open(tmp_path) as queue:
        job = queue.submit(Txt2Img(prompt="x"))
        assert asyncio.run(ended(queue, job.id, timeout=0.05)).state == "waiting"
        with pytest.raises(UnknownJob):
            asyncio.run(ended(queue, "nothing"))
