"""Waiting for a job without holding the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from redraw.jobs.record import ENDED, JobRecord

if TYPE_CHECKING:
    from redraw.jobs.queue import Queue

INTERVAL: Final = 0.02


async def ended(queue: Queue, job_id: str, *, timeout: float | None = None) -> JobRecord:
    """Return the job once it is done, failed or cancelled; looks every 20 ms, in a thread.

    Args:
        queue: where it is.
        job_id: which.
        timeout: seconds; after that the job is returned as it is.

    Raises:
        UnknownJob: there is none such, or no more.
    """
    loop = asyncio.get_running_loop()
    until = None if timeout is None else loop.time() + timeout
    while True:
        job = await asyncio.to_thread(queue.get, job_id)
        if job.state in ENDED or (until is not None and loop.time() >= until):
            return job
        await asyncio.sleep(INTERVAL)
