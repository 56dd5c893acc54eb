"""Clocks, interleaved repetitions and ratios.

A figure is never one run: every call is repeated, the contenders take turns in the order A B C, C B A, A B C, ...,
and a ratio is taken turn by turn, so that a machine that slows down slows all of them. Wall time and CPU time (of all
threads of the process) are kept side by side; on a shared machine only the CPU time of one thread means something.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Clock = Literal["wall", "cpu"]


@dataclass
class Samples:
    """Repetitions of one call, in seconds by both clocks."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, wall: float, cpu: float) -> None:
        """Note one repetition."""
        self.wall.append(wall)
        self.cpu.append(cpu)

    def of(self, clock: Clock) -> list[float]:
        """The repetitions by one clock."""
        return self.cpu if clock == "cpu" else self.wall

    def best(self, clock: Clock) -> float:
        """The shortest repetition, seconds."""
        return min(self.of(clock))

    def median(self, clock: Clock) -> float:
        """The middle repetition, seconds."""
        return statistics.median(self.of(clock))


@dataclass(frozen=True)
class Ratio:
    """How many times as long one contender takes as another: the middle turn, and the extremes."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f}x ({self.low:.2f} to {self.high:.2f})"


def ratio(slow: Samples, fast: Samples, clock: Clock) -> Ratio:
    """Return `slow / fast`, turn by turn; above 1 means that `fast` is faster."""
    turns = [a / b for a, b in zip(slow.of(clock), fast.of(clock), strict=True)]
    return Ratio(statistics.median(turns), min(turns), max(turns))


def measure(call: Callable[[], object]) -> tuple[float, float]:
    """Return wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def interleave(calls: Mapping[str, Callable[[], object]], passes: int) -> dict[str, Samples]:
    """Return the repetitions of each call: `passes` turns each, every second turn backwards."""
    out = {name: Samples() for name in calls}
    names = list(calls)
    for turn in range(passes):
        for name in names if turn % 2 == 0 else reversed(names):
            out[name].add(*measure(calls[name]))
    return out


def interleave_processes(
    commands: Mapping[str, Sequence[str]], passes: int, environment: Mapping[str, str], warmup: int = 1
) -> dict[str, Samples]:
    """Return the repetitions of each command as a whole process, after `warmup` turns that do not count."""
    out = {name: Samples() for name in commands}
    names = list(commands)
    for turn in range(-warmup, passes):
        for name in names if turn % 2 == 0 else reversed(names):
            once = run_process(commands[name], environment)
            if turn >= 0:
                out[name].add(*once)
    return out


def run_process(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Run a command and return wall seconds and CPU seconds (user and system).

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen(
            list(command), env=dict(environment), stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            tail = said.read().decode(errors="replace")[-800:]
            raise RuntimeError(f"{' '.join(command[:4])} ... ended with {process.returncode}: {tail}")
    return wall, usage.ru_utime + usage.ru_stime
