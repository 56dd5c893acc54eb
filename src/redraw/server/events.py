"""What happens, told as it happens: one reader of the database for all listeners."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

from redraw.errors import OutputError
from redraw.jobs.errors import UnknownJob
from redraw.jobs.record import ENDED, Event

if TYPE_CHECKING:
    from redraw.jobs.queue import Queue

log = logging.getLogger("redraw.server")

INTERVAL: Final = 0.02
"""Seconds between two looks into the database, while anybody listens."""
HEARTBEAT: Final = 15.0
KEPT: Final = 2000
BATCH: Final = 500
FRESH: Final = 0.1
"""Seconds for which a progress snapshot is given to everybody who asks."""


class Feed:
    """Events for any number of listeners, each going on where it left off.

    New events are read once and kept in memory for everybody who is up to date; who is further behind reads from the
    database. A listener never misses one, as ids only grow.
    """

    def __init__(self, queue: Queue, heartbeat: float = HEARTBEAT) -> None:
        self.queue, self.heartbeat = queue, heartbeat
        self.closed = False
        self.listeners = 0
        self._recent: deque[Event] = deque()
        self._floor: int | None = None  # every event after this one is in memory
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._snapshot: tuple[float, dict[str, Any]] | None = None
        self._lock = asyncio.Lock()

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self.closed = True
        self._news.set()
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def listen(self, after: int, job: str | None = None) -> AsyncIterator[Event | None]:
        """Yield every event after that id, as it comes; None where nothing came for a while.

        The events of one job end when it has ended and everything was told.
        """
        self._join()
        try:
            while not self.closed:
                news = self._news
                batch, after = await self._after(after, job)
                for event in batch:
                    yield event
                if batch:
                    continue
                if job is not None and await self._has_ended(job):
                    for event in await asyncio.to_thread(self.queue.events, after, job, BATCH):
                        yield event
                    return
                try:
                    await asyncio.wait_for(news.wait(), self.heartbeat)
                except TimeoutError:
                    yield None
        finally:
            self._leave()

    async def last(self) -> int:
        """Return the id of the newest event."""
        return await asyncio.to_thread(self.queue.last_event)

    async def progress(self) -> dict[str, Any]:
        """Return what runs and how much waits; the same answer for everybody within a tenth of a second."""
        async with self._lock:
            if self._snapshot is None or time.monotonic() - self._snapshot[0] > FRESH:
                self._snapshot = (0.0, await asyncio.to_thread(_progress, self.queue))
                self._snapshot = (time.monotonic(), self._snapshot[1])
            return self._snapshot[1]

    def _join(self) -> None:
        self.listeners += 1
        if self._reader is None and not self.closed:
            self._reader = asyncio.get_running_loop().create_task(self._read())

    def _leave(self) -> None:
        self.listeners -= 1
        if self.listeners == 0 and self._reader is not None:
            self._reader.cancel()
            self._reader = None
            self._recent.clear()
            self._floor = None

    async def _read(self) -> None:
        """Keep what is new in memory and wake the listeners, until nobody listens."""
        last: int | None = None
        while True:
            try:
                if last is None:
                    last = self._floor = await self.last()
                    self._wake()
                fresh = await asyncio.to_thread(self.queue.events, last, None, BATCH)
            except OutputError as error:  # the database is busy; nothing is lost, as ids only grow
                log.warning("events could not be read: %s", error)
                await asyncio.sleep(1.0)
                continue
            if fresh:
                last = fresh[-1].id
                self._recent.extend(fresh)
                while len(self._recent) > KEPT:
                    self._floor = self._recent.popleft().id
                self._wake()
            await asyncio.sleep(0 if len(fresh) == BATCH else INTERVAL)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _after(self, after: int, job: str | None) -> tuple[list[Event], int]:
        """Return the next events a listener has not had, and where it is then."""
        floor = self._floor
        if floor is not None and after >= floor:
            fresh = [e for e in self._recent if e.id > after]
            return [e for e in fresh if job is None or e.job == job], fresh[-1].id if fresh else after
        stored = await asyncio.to_thread(self.queue.events, after, job, BATCH)
        if stored:
            return stored, stored[-1].id
        return [], after if floor is None else max(after, floor)

    async def _has_ended(self, job: str) -> bool:
        try:
            record = await asyncio.to_thread(self.queue.get, job)
        except UnknownJob:
            return True
        return record.state in ENDED


def _progress(queue: Queue) -> dict[str, Any]:
    running = queue.find(states="running", limit=8)
    return {
        "held": queue.held,
        "waiting": queue.count("waiting"),
        "paused": queue.count("paused"),
        "running": [{"id": job.id, "started": job.started, **job.progress} for job in running],
    }


def frame(event: Event | None) -> str:
    """Return one message of a `text/event-stream`; None is a comment that keeps the connection open."""
    if event is None:
        return ": still here\n\n"
    data = json.dumps({"job": event.job, "at": event.at, **event.data}, separators=(",", ":"))
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n"


async def stream(feed: Feed, after: int, job: str | None = None) -> AsyncIterator[str]:
    """Yield a whole event stream; the one of a job closes with `event: end`."""
    yield "retry: 2000\n\n"
    async for event in feed.listen(after, job):
        yield frame(event)
    if job is not None and not feed.closed:
        yield "event: end\ndata: {}\n\n"
