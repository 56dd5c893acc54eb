"""Keeping a worker alive: starts it, starts another when it dies, ends it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import Final

from redraw.jobs.options import WorkerOptions

log = logging.getLogger(__name__)

FIRST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 10.0
_WELL: Final = 10.0  # seconds after which a worker counts as well: the next death is the first again
_LOOK: Final = 0.02


class Supervisor:
    """One worker process, replaced when it ends by itself; never two at once.

    The worker ends when this process does, whatever happens to it. What a dead worker had at work is taken over by the
    next one.

    Args:
        options: what the worker is told; `parent` is filled in.

    Attributes:
        restarts: how often a worker was replaced.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self.options = options
        self.restarts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    @property
    def alive(self) -> bool:
        """Whether a worker runs now; False in the moments between two."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def pid(self) -> int | None:
        """The worker's process id, None while there is no worker."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the worker; nothing happens if it was started already. Returns before the worker is ready."""
        with self._lock:
            if self._thread is None:
                self._stopping.clear()
                self._thread = threading.Thread(target=self._keep, name="supervisor", daemon=True)
                self._thread.start()

    def stop(self, timeout: float = 6.0) -> bool:
        """End the worker; return whether it did so by itself within `timeout` seconds, else it was killed.

        A picture that is nearly done is finished; another job at work goes back to the queue.
        """
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is None:
                return True
            self._stopping.set()
            process = self._process
            if process is not None:
                process.terminate()
            thread.join(timeout)
            willing = not thread.is_alive()
            if not willing and (process := self._process) is not None:
                log.warning("the worker did not end in %g seconds and is killed", timeout)
                process.kill()
            thread.join()
            return willing

    def _keep(self) -> None:
        """Run one worker after another. The workers are children of this thread: they end with it at the latest."""
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            begun = time.monotonic()
            self._process = process = self._begin()
            while process.poll() is None:
                if self._stopping.wait(_LOOK):
                    process.terminate()  # again: it may have been started a moment ago
                    process.wait()
            if self._stopping.is_set():
                break
            if time.monotonic() - begun > _WELL:
                wait = FIRST_WAIT
            log.warning("the worker ended with status %d; another one is started in %g s", process.returncode, wait)
            self._stopping.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT)
            self.restarts += 1
        self._process = None

    def _begin(self) -> subprocess.Popen[bytes]:
        options = replace(self.options, parent=os.getpid())
        environment = dict(os.environ)
        if options.database is not None:  # not on the command line: everybody may read that
            environment["REDRAW_DATABASE_URL"] = options.database
        command = [sys.executable, "-P", "-m", "redraw.jobs.worker", *options.arguments()]
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
