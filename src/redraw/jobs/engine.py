"""What a worker drives: an engine begins the work of a job, the work yields steps and finished pictures.

The real engine (`redraw.jobs.real`) is the studio and needs torch; the fake one (`redraw.jobs.fake`) draws patterns.
Nothing here needs torch, so that the worker, its tests and the fake engine start quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from redraw.image.picture import Picture
from redraw.request import Generation

Preview = Callable[[], NDArray[np.uint8]]


@dataclass(frozen=True)
class Step:
    """How far a job is.

    Attributes:
        progress: stage, image, images, step, steps, fraction, elapsed, remaining, as `redraw.pipeline.Progress` has
            them, counted over the whole job, pictures made by an earlier attempt among them.
        preview: gives the picture as it looks now, `[h, w, 3]` uint8, small; None where there is nothing to see.
    """

    progress: Mapping[str, Any]
    preview: Preview | None = None


@dataclass(frozen=True, eq=False)
class Made:
    """One finished picture of a job; the fields are those of `redraw.pipeline.Result`.

    Attributes:
        index: 0-based place in the job.
        picture: the pixels, with what the source carried.
        infotext, recipe, seed: how it was made.
        notes: plain sentences.
        mask, cutout: the mask as it was used and the new part alone; None without a mask.
        edge: seam figures of a masked edit, or None.
    """

    index: int
    picture: Picture
    infotext: str
    recipe: Mapping[str, Any]
    seed: int
    notes: tuple[str, ...] = ()
    mask: Picture | None = None
    cutout: Picture | None = None
    edge: Mapping[str, float] | None = None


class Work(Protocol):
    """The work of one job: iterate it; to stop it, close it or stop iterating."""

    def __iter__(self) -> Iterator[Step | Made]:
        """Work, yielding after every sampler step and every finished picture."""
        ...

    def interrupt(self) -> None:
        """Finish the picture at work from its current state, then end."""
        ...

    def skip(self) -> None:
        """Finish the picture at work from its current state, then go on with the next."""
        ...

    def cancel(self) -> None:
        """Stop; nothing more is yielded."""
        ...


class Engine(Protocol):
    """Makes pictures of requests, one job at a time."""

    def unload(self) -> None:
        """Let go of every model; the next job loads its own again."""
        ...

    def warm_up(self) -> None:
        """Load the model of requests that name none."""
        ...

    def begin(self, request: Generation, done: frozenset[int]) -> Work:
        """Return the work of a request without the pictures whose indexes are in `done`; nothing is drawn yet.

        A picture has the same bytes whichever others are made with it.
        """
        ...

    def estimate(self, request: Generation) -> str:
        """Return whether the request fits the memory, as a sentence; "" where that is no question.

        Raises:
            OutOfMemory: it cannot be made here.
        """
        ...
