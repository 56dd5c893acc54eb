"""The progress bar on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from rich.progress import ProgressColumn, Task  # isort: skip
from rich.text import Text


class Advancing(Protocol):
    """How far a run is, as a bar needs it; see `redraw.pipeline.Progress`."""

    @property
    def stage(self) -> str:
        """What it does: "encode", "sample" or "decode"."""
        ...

    @property
    def image(self) -> int:
        """0-based index of the picture at work."""
        ...

    @property
    def images(self) -> int:
        """How many pictures there are."""
        ...

    @property
    def fraction(self) -> float:
        """0..1 over the whole run."""
        ...

    @property
    def remaining(self) -> float | None:
        """Seconds that are left, where somebody knows."""
        ...


class _Left(ProgressColumn):
    """Time left, as the run itself estimates it."""

    def render(self, task: Task) -> Text:
        seconds = task.fields.get("remaining")
        if seconds is None or task.finished:
            return Text("")
        minutes, rest = divmod(round(seconds), 60)
        return Text(f"{minutes}:{rest:02d} left", style="cyan")


class Bar:
    """One progress bar over all runs of a command; silent where stderr is no terminal."""

    def __init__(self, runs: int = 1) -> None:
        self.console = Console(stderr=True)
        self._runs = runs
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            _Left(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=float(runs), remaining=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, run: int, event: Advancing) -> None:
        """Move the bar to where run number `run` (from 0) is."""
        words = {"encode": "reading", "sample": "redrawing", "decode": "finishing"}.get(event.stage, event.stage)
        picture = f" {event.image + 1}/{event.images}" if event.images > 1 else ""
        self._progress.update(
            self._task, completed=run + event.fraction, description=f"{words}{picture}", remaining=event.remaining
        )

    def say(self, line: str) -> None:
        """Print a line on stderr, above the bar."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)
