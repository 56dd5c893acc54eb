"""The worker: takes one job after another from the queue and makes its pictures.

    python -m redraw.jobs.worker --data-dir DIR

It is a process of its own and talks to the rest only through the job database and the picture files. Killed at any
moment it loses nothing but the picture at work, which the next worker makes again with the same bytes. SIGTERM ends it
within 5 seconds: a picture that is nearly done is finished, any other job goes back to the queue.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from redraw.errors import OutputError, RedrawError
from redraw.jobs.engine import Engine, Made, Step, Work
from redraw.jobs.errors import LeaseLost
from redraw.jobs.fake import FakeEngine
from redraw.jobs.hold import Hold
from redraw.jobs.holder import own_name
from redraw.jobs.options import LEASE, WorkerOptions, parse_options
from redraw.jobs.problem import problem_of
from redraw.jobs.queue import Queue
from redraw.jobs.record import JobRecord, State
from redraw.jobs.results import Packed, Packing, pack
from redraw.jobs.stop import Stop
from redraw.jobs.store import QueueLimits

log = logging.getLogger("redraw.worker")

IDLE: Final = 0.05  # seconds between looks at a queue that has been empty for a while
BRISK: Final = 0.01  # seconds between looks while people are at it: a look costs less than half a millisecond
STILL_WARM: Final = 60.0  # seconds after a job during which more are expected
_PATIENCE: Final = 1.0  # seconds until a database that cannot be used is tried again
WISH: Final = "queue.memory"
"""The setting that asks an idle worker to let go of its models: [what, when]; what is "unload" or "load"."""
_WISHES_EVERY: Final = 0.5
NEARLY: Final = 2.0  # seconds a picture may still take when the worker is to end


class Ending(NamedTuple):
    """How a job ends: its state, the problem if it failed, and what is to be said."""

    state: State
    error: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


class Worker:
    """Works through a queue, one job at a time.

    Args:
        queue: where the jobs are.
        engine: makes the pictures.
        name: what it is called in the database.
        lease: seconds after which a job falls back to the queue when nothing is heard.
        stop: when to end.
        ends_at_error: end after an unexpected error, because the process may be damaged (a GPU's context, say) and
            somebody starts another.
    """

    def __init__(
        self,
        queue: Queue,
        engine: Engine,
        name: str,
        *,
        lease: float = LEASE,
        stop: Stop | None = None,
        ends_at_error: bool = False,
    ) -> None:
        self.queue, self.engine, self.name, self.lease = queue, engine, name, lease
        self.stop = stop or Stop()
        self.stop.last_words = self._hand_back
        self.ends_at_error, self.damaged = ends_at_error, False
        self._job: JobRecord | None = None
        self._began = 0.0
        self._last_job_at = -STILL_WARM
        self._wish: Any = None
        self._wish_read = float("-inf")

    def run(self) -> int:
        """Work until asked to stop; return the process's exit status: 0, or 1 after an unexpected error."""
        while not self.stop.asked.is_set() and not (self.damaged and self.ends_at_error):
            try:
                job = self.queue.claim(self.name, self.lease)
            except OutputError as error:
                log.error("the queue cannot be used: %s", error)
                self.stop.asked.wait(_PATIENCE)
                continue
            if job is None:
                self._heed_wish()
                self.stop.asked.wait(BRISK if time.monotonic() - self._last_job_at < STILL_WARM else IDLE)
            else:
                self.work(job)
                self._last_job_at = time.monotonic()
        return 1 if self.damaged and self.ends_at_error else 0

    def _heed_wish(self) -> None:
        """Let go of the models, or load one, if that was asked since the last look."""
        now = time.monotonic()
        if now - self._wish_read < _WISHES_EVERY:
            return
        first, self._wish_read = self._wish_read == float("-inf"), now
        try:
            wish = self.queue.get_setting(WISH)
        except OutputError:
            return  # the next claim says what is wrong
        if wish == self._wish:
            return
        self._wish = wish
        if first or not isinstance(wish, list) or not wish:
            return  # what was asked of another worker is over
        log.info("asked to %s models", wish[0])
        if wish[0] == "unload":
            self.engine.unload()
        elif wish[0] == "load":
            self.engine.warm_up()

    def work(self, job: JobRecord) -> None:
        """Make what a claimed job asks for, and end it or hand it back."""
        log.info("job %s: begun, attempt %d", job.id, job.attempts)
        self._job = job
        try:
            with Hold(self.queue, job, self.name, self.lease) as hold:
                ending = self._ending(job, hold)
                hold.insist(lambda: self.queue.finish(job.id, self.name, **ending._asdict()))
            log.info("job %s: %s", job.id, ending.state)
        except LeaseLost as error:
            log.warning("%s; its work is thrown away", error)
        finally:
            self._job = None

    def _ending(self, job: JobRecord, hold: Hold) -> Ending:
        """Make the pictures and say how it went; every error is caught here, for a job must not end its worker."""
        try:
            return self._made(job, hold)
        except LeaseLost:
            raise
        except RedrawError as error:
            log.info("job %s: %s", job.id, error)
            return Ending("failed", problem_of(error))
        except Exception as error:
            log.exception("job %s: an unexpected error", job.id)
            self.damaged = True
            return Ending("failed", problem_of(error))

    def _made(self, job: JobRecord, hold: Hold) -> Ending:
        packing = Packing.of(job.options)
        request = self.queue.request_of(job)
        done = frozenset(self.queue.done_indexes(job.id)) & frozenset(range(request.image_count))
        if len(done) == request.image_count:
            return Ending("done")
        told = {"stage": "load", "images": request.image_count, "fraction": len(done) / request.image_count}
        hold.step(Step(told), at_once=True)  # reading a model takes its time
        told |= {"stage": "prepare", "memory": self.engine.estimate(request)}
        if hold.step(Step(told), at_once=True) == "cancel":
            return Ending("cancelled")
        work = self.engine.begin(request, done)
        try:
            return self._worked(work, hold, packing, request.image_count, len(done))
        finally:
            work.cancel()

    def _worked(self, work: Work, hold: Hold, packing: Packing, images: int, made: int) -> Ending:
        """Go through the work, keeping each picture and heeding what is asked."""
        self._began, interrupted, fresh = time.monotonic(), False, False
        for event in work:
            if isinstance(event, Made):
                hold.check()
                self._keep(event.index, pack(event, packing), hold)
                made, fresh = made + 1, True
                self._began = time.monotonic()
                if self.stop.asked.is_set() and made < images:
                    return Ending("waiting")
                continue
            wish = hold.step(event)
            if wish == "cancel":
                return Ending("cancelled")
            if wish == "interrupt" and not interrupted:
                interrupted = True
                work.interrupt()
            elif wish == "skip":
                work.skip()
            elif event.progress["stage"] == "sample":
                if wish == "finish" and fresh:  # the next picture is begun
                    break
                fresh = False
            if self.stop.asked.is_set() and not self._nearly_done(event):
                return Ending("waiting")
        if made >= images:
            return Ending("done")
        notes = (f"interrupted as asked: {made} of {images} pictures were made",)
        return Ending("done" if made else "cancelled", None, notes)

    def _keep(self, index: int, packed: Packed, hold: Hold) -> None:
        """Hand a picture in; packed before, so that only the database is tried again."""
        job = hold.job.id
        hold.insist(lambda: self.queue.add_result(job, self.name, index, **vars(packed)))

    def _nearly_done(self, step: Step) -> bool:
        """Return whether the picture at work will be finished in a moment."""
        if step.progress["stage"] != "sample":
            return bool(step.progress["stage"] == "decode")
        part = round(step.progress["fraction"] * step.progress["images"], 6) % 1 or 1.0
        now = time.monotonic()
        return (now - self._began) / part * (1 - part) < min(NEARLY, self.stop.until - now)

    def _hand_back(self) -> None:
        """Give the job at work back; called from another thread when the process ends in the middle of it."""
        job = self._job
        if job is not None:
            try:
                self.queue.release(job.id, self.name)
            except RedrawError as error:
                log.warning("job %s could not be handed back: %s", job.id, error)


def open_queue(options: WorkerOptions) -> Queue:
    """Return the queue; its database is the one of the options, else of `REDRAW_DATABASE_URL`, else a file."""
    limits = QueueLimits() if options.deaths is None else QueueLimits(deaths=options.deaths)
    return Queue.open(
        options.data_dir, options.database or os.environ.get("REDRAW_DATABASE_URL") or None, limits=limits
    )


def build_engine(options: WorkerOptions) -> Engine:
    """Return the engine that was asked for; only the real one imports torch."""
    if options.engine == "fake":
        return FakeEngine()
    from redraw.jobs.real import RealEngine

    engine = RealEngine(options)
    engine.warm_up()
    return engine


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker until it is told to stop; return its exit status, 2 where it cannot begin."""
    options = parse_options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = Stop()
    stop.watch(options.parent)
    try:
        queue = open_queue(options)
        engine = build_engine(options)
    except RedrawError as error:
        log.error("%s", error)
        stop.done()
        return 2
    name = options.name or own_name()
    worker = Worker(queue, engine, name, lease=options.lease, stop=stop, ends_at_error=options.parent is not None)
    log.info("%s is ready", name)
    status = worker.run()
    queue.close()
    stop.done()
    return status


if __name__ == "__main__":
    sys.exit(main())
