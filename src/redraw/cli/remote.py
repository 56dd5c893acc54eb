"""A server in the place of a studio: what `--server` makes of a command."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from redraw.client import Client, Job, Progress, Result
from redraw.errors import RedrawError
from redraw.image.picture import Limits
from redraw.request import Generation
from redraw.settings import Settings


def connected(url: str | None, settings: Settings) -> Client:
    """Return the client of `--server`, or of the server in the settings."""
    return Client(url or settings.server, settings.server_auth or None)


class RemoteMaker:
    """Makes pictures on a server.

    Args:
        client: of the server.
        settings: whose limits hold for what is opened here.
        outputs: what is wanted beside each result, "mask" and "cutout".
    """

    def __init__(self, client: Client, settings: Settings, outputs: Sequence[str] = ()) -> None:
        self.client, self.outputs = client, tuple(outputs)
        self.limits = Limits(max_pixels=int(settings.max_megapixels * 1_000_000))
        self._runs: list[Generator[Progress | Result, None, None]] = []

    def load(self, request: Generation) -> None:
        """Find out whether the server answers; the model is the server's matter."""
        self.client.health()

    def close(self) -> None:
        """Give up what still runs, then let go of the server."""
        for run in self._runs:
            run.close()
        self.client.close()

    def run(self, request: Generation) -> Iterator[Progress | Result]:
        """Submit a request and yield what comes of it; who stops listening cancels it."""
        self._runs.append(self._run(request))
        return self._runs[-1]

    def _run(self, request: Generation) -> Generator[Progress | Result, None, None]:
        options = {"outputs": list(self.outputs)} if self.outputs else None
        job = self.client.submit(request, source="cli", options=options)
        finished = False
        try:
            yield from job.run()
            finished = True
        finally:
            if not finished:
                _give_up(job)


def _give_up(job: Job) -> None:
    """Cancel a job nobody waits for any more."""
    try:
        if not job.ended:
            job.cancel()
    except RedrawError:  # it has ended by itself, or the server is gone: there is nothing to stop
        return
