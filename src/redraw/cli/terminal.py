"""The progress bar on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from rich.progress import ProgressColumn, Task  # isort: skip
from rich.text import Text

if TYPE_CHECKING:
    from redraw.pipeline import Progress as RunProgress


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

    def show(self, run: int, event: RunProgress) -> None:
        """Move the bar to where run number `run` (from 0) is."""
        words = {"encode": "reading", "sample": "redrawing", "decode": "finishing"}[event.stage]
        picture = f" {event.image + 1}/{event.images}" if event.images > 1 else ""
        self._progress.update(
            self._task, completed=run + event.fraction, description=f"{words}{picture}", remaining=event.remaining
        )

    def say(self, line: str) -> None:
        """Print a line on stderr, above the bar."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)
