"""Holding a job: signs of life from a thread of their own, progress now and then, what is asked at every step."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, TypeVar

from redraw.errors import OutputError
from redraw.jobs.engine import Step
from redraw.jobs.errors import LeaseLost, StoreError
from redraw.jobs.queue import Queue
from redraw.jobs.record import JobRecord, Wish
from redraw.jobs.results import preview_jpeg

log = logging.getLogger(__name__)
T = TypeVar("T")

PROGRESS_EVERY: Final = 0.2
PREVIEW_EVERY: Final = 0.5
_BEATS: Final = 4  # signs of life in one lease
_AGAIN: Final = (0.1, 2.0)  # seconds until a database that could not be used is tried again, at first and at most


class Hold:
    """A worker's hold on a job while it works; a context manager.

    A thread speaks up for the worker, so that a long decoding or the loading of a model does not lose the job.

    Args:
        queue: where the job is.
        job: which it is.
        worker: the worker's name.
        lease: seconds after which the job is lost without a sign of life.
    """

    def __init__(self, queue: Queue, job: JobRecord, worker: str, lease: float) -> None:
        self.queue, self.job, self.worker, self.lease = queue, job, worker, lease
        self._lost = threading.Event()
        self._over = threading.Event()
        self._told = self._shown = float("-inf")
        self._skip = threading.Event()
        self._thread = threading.Thread(target=self._speak_up, name="heartbeat", daemon=True)

    def __enter__(self) -> Hold:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise `LeaseLost` if the job is no longer this worker's."""
        if self._lost.is_set():
            raise LeaseLost(self.job.id, self.worker)

    def step(self, step: Step, *, at_once: bool = False) -> Wish:
        """Tell of a step, if the last telling is long enough ago or `at_once`, and return what is asked of the job.

        A database that cannot be used for a while does not stop the work.

        Raises:
            LeaseLost: the job is no longer this worker's.
        """
        self.check()
        try:
            wish = self._told_or_read(step, at_once)
        except OutputError as error:
            log.warning("job %s: progress could not be written: %s", self.job.id, error)
            return ""
        if self._skip.is_set() and wish not in ("cancel", "interrupt"):
            self._skip.clear()
            return "skip"
        return wish

    def _told_or_read(self, step: Step, at_once: bool) -> Wish:
        now = time.monotonic()
        if now - self._told < PROGRESS_EVERY and not at_once:
            wish = self.queue.get(self.job.id).wish
            return self._beat() if wish == "skip" else wish  # by beating it is taken off the job
        preview = None
        if step.preview is not None and now - self._shown >= PREVIEW_EVERY:
            preview = preview_jpeg(step.preview())
            self._shown = now
        self._told = now
        return self._beat(progress=_rounded(step.progress), preview=preview)

    def insist(self, action: Callable[[], T]) -> T:
        """Do what must not fail because the database is busy, full or away: again and again until it is done.

        While the database cannot be written nobody else can take the job; whether somebody did so before is told by
        the first attempt that succeeds.

        Raises:
            LeaseLost: the job is no longer this worker's.
        """
        wait, most = _AGAIN
        while True:
            try:
                return action()
            except StoreError as error:
                log.warning("job %s: %s; trying again", self.job.id, error)
            time.sleep(wait)
            wait = min(2 * wait, most)
            self.check()

    def _beat(self, **news: Any) -> Wish:
        wish = self.queue.beat(self.job.id, self.worker, lease=self.lease, **news)
        if wish == "skip":  # told once, maybe to the other thread
            self._skip.set()
        return wish

    def _speak_up(self) -> None:
        while not self._over.wait(self.lease / _BEATS):
            try:
                self._beat()
            except LeaseLost:
                self._lost.set()
                return
            except StoreError as error:
                log.warning("job %s: no sign of life could be given: %s", self.job.id, error)


def _rounded(progress: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in progress.items()}
