"""Being asked to end: signals, and the death of the process one works for."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

GRACE: Final = 4.0  # seconds from being asked until the process ends, finished or not
_LOOK: Final = 1.0
_PARENT_DIES: Final = 1  # PR_SET_PDEATHSIG
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Whether the process is to end.

    Attributes:
        asked: set once it is.
        last_words: called when the time is up and the process is still at work; then it ends as it is.
    """

    def __init__(self, grace: float = GRACE) -> None:
        self.asked = threading.Event()
        self.last_words: Callable[[], None] = lambda: None
        self.until = float("inf")
        self._grace = grace
        self._over = threading.Event()

    def ask(self) -> None:
        """Ask the process to end."""
        if not self.asked.is_set():
            self.until = time.monotonic() + self._grace
            self.asked.set()

    def watch(self, parent: int | None = None) -> None:
        """Ask at SIGTERM and SIGINT, and when `parent` is no longer the parent; end the process when the time is up.

        To be called in the main thread before others are started. The signals are taken by a thread, so they are heard
        while the main thread computes.
        """
        if hasattr(signal, "pthread_sigmask"):
            for number in _SIGNALS:
                # A library's own thread, begun before this, may get the signal all the same: it must not end us.
                signal.signal(number, lambda *_: self.ask())
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            self._start(self._hear)
        else:
            for number in _SIGNALS:
                signal.signal(number, lambda *_: self.ask())
        if parent is not None:
            _hear_of_death()
            self._start(lambda: self._look_after(parent))
        self._start(self._end_in_time)

    def done(self) -> None:
        """Say that the work is over, so that the process may end by itself."""
        self._over.set()

    def _start(self, action: Callable[[], None]) -> None:
        threading.Thread(target=action, name="stop", daemon=True).start()

    def _hear(self) -> None:
        while True:
            signal.sigwait(_SIGNALS)
            self.ask()

    def _look_after(self, parent: int) -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        self.ask()

    def _end_in_time(self) -> None:
        self.asked.wait()
        if not self._over.wait(self._grace):
            threading.Thread(target=self._say_last_words, daemon=True).start()
            self._over.wait(GRACE / 8)
            os._exit(0)

    def _say_last_words(self) -> None:
        self.last_words()
        self._over.set()


def _hear_of_death() -> None:
    """Have Linux send SIGTERM when the thread that started this process ends."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PARENT_DIES, signal.SIGTERM, 0, 0, 0)
