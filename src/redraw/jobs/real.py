"""The engine that makes pictures: the studio, with the memory planned and the pictures already made left out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from redraw.errors import OutOfMemory, RedrawError, UnknownName
from redraw.geometry import Size
from redraw.image.container import open_file
from redraw.jobs.engine import Made, Step
from redraw.jobs.options import WorkerOptions
from redraw.models.memory import TILES, available, tile_for, tiled_bytes
from redraw.models.model import Model
from redraw.pipeline import Progress, Result
from redraw.pipeline.recipe import single_request
from redraw.pipeline.shots import plan_canvas, plan_shots
from redraw.request import Generation, Img2Img, Txt2Img
from redraw.settings import Settings
from redraw.studio import Run, Studio

log = logging.getLogger(__name__)
_MB: Final = 1_000_000


class RealEngine:
    """The studio behind a worker; the last model stays loaded between jobs.

    Args:
        options: folders, device, number format, memory mode and model.
    """

    def __init__(self, options: WorkerOptions) -> None:
        settings = replace(Settings.load(), data_dir=options.data_dir, memory=options.memory)
        self.studio = Studio(
            options.models_dirs or None,
            settings=settings,
            device=None if options.device == "auto" else options.device,
            dtype=None if options.dtype == "auto" else options.dtype,
        )
        self.model, self.offloads = options.model, options.memory != "auto"

    def warm_up(self) -> None:
        """Load the model of requests that name none, so that the first job need not wait for it."""
        try:
            self._load(self._named(Txt2Img()))
        except RedrawError as error:
            log.warning("no model could be loaded ahead: %s", error)

    def unload(self) -> None:
        """Let go of every model; the next job loads its own again."""
        self.studio.unload()

    def begin(self, request: Generation, done: frozenset[int]) -> RealWork:
        """Return the work of a request without the pictures in `done`; its model is loaded."""
        request = self._named(request)
        model = self._load(request)
        return RealWork(self.studio, request, done, tuple(model.notes))

    def estimate(self, request: Generation) -> str:
        """Return whether the pictures fit the memory, as a sentence; raises `OutOfMemory` where nothing would help."""
        request = self._named(request)
        model = self._load(request)
        size = _size(request, model)
        free = available(model.device)
        least = max(tiled_bytes(model, *size, TILES[-1], decode=d) for d in (False, True))
        moves = model.device.type != "cpu"
        if least > free and not moves:
            needs = f"refused because a picture of {size} needs {least // _MB} MB and {free // _MB} MB are free"
            raise OutOfMemory(needs)
        if moves and (self.offloads or least > free):
            return "will offload: only the network at work is kept on the device"
        tile = tile_for(model, *size, free) if request.vae_tile is None else request.vae_tile
        return f"will tile: the VAE runs in tiles of {tile} pixels" if tile else "fits"

    def _named(self, request: Generation) -> Generation:
        """Return the request with the worker's model where it names none."""
        if request.model is not None or self.model is None:
            return request
        return _with(request, request, {"model": self.model})

    def _load(self, request: Generation) -> Model:
        try:
            return self.studio.load(request)
        except UnknownName:  # maybe it came after the folders were read
            self.studio.catalog.refresh()
            return self.studio.load(request)


@dataclass(frozen=True)
class Part:
    """A run that makes some of a job's pictures.

    Attributes:
        request: what the run is asked.
        indexes: the place in the job of each of its pictures.
    """

    request: Generation
    indexes: tuple[int, ...]


class RealWork:
    """The work of one request; see `redraw.jobs.engine.Work`."""

    def __init__(self, studio: Studio, request: Generation, done: frozenset[int], about_model: Sequence[str]) -> None:
        self.studio, self.done, self.count = studio, done, request.image_count
        self.about_model = frozenset(about_model)
        self.parts = plan_parts(request, done)
        self.run: Run | None = None
        self.over = False
        self.furthest = (0.0, 0)

    def __iter__(self) -> Iterator[Step | Made]:
        before = len(self.done) if len(self.parts) > 1 or self.parts[0].request.image_count < self.count else 0
        for part in self.parts:
            if self.over:
                return
            self.run = self.studio.run(part.request)
            try:
                for event in self.run:
                    if isinstance(event, Progress):
                        yield self._step(event, part, before)
                    elif part.indexes[event.index] not in self.done:
                        yield self._made(event, part)
            finally:
                self.run.cancel()
            before += len(part.indexes)

    def interrupt(self) -> None:
        """Finish the picture at work, then end."""
        self.over = True
        if self.run is not None:
            self.run.interrupt()

    def skip(self) -> None:
        """Finish the picture at work, then go on."""
        if self.run is not None:
            self.run.skip()

    def cancel(self) -> None:
        """Stop; nothing more is yielded."""
        self.over = True
        if self.run is not None:
            self.run.cancel()

    def _step(self, event: Progress, part: Part, before: int) -> Step:
        own = len(part.indexes)
        per_picture = event.steps // max(1, event.images)
        fraction = (before + event.fraction * own) / self.count
        after = self.count - before - own
        spent = event.remaining / (1 - event.fraction) if event.remaining is not None and event.fraction < 1 else 0.0
        left = None if event.remaining is None else event.remaining + after * spent / own
        # While a picture is decoded a run counts it as not begun; here nothing goes back.
        self.furthest = max(self.furthest, (fraction, before * per_picture + event.step))
        progress: dict[str, Any] = {
            "stage": event.stage,
            "image": part.indexes[event.image],
            "images": self.count,
            "step": self.furthest[1],
            "steps": self.count * per_picture,
            "fraction": self.furthest[0],
            "elapsed": event.elapsed,
            "remaining": left,
        }
        return Step(progress, event.preview)

    def _made(self, result: Result, part: Part) -> Made:
        index = part.indexes[result.index]
        recipe, notes = dict(result.recipe), result.notes
        if part.request.image_count < self.count:  # say what the whole run would have said
            if index > 0:
                notes = tuple(note for note in notes if note not in self.about_model)
            recipe |= {"run": {"index": index, "images": self.count}, "notes": list(notes)}
        edge = result.edge
        return Made(
            index=index,
            picture=result.picture,
            infotext=result.infotext,
            recipe=recipe,
            seed=result.seed,
            notes=notes,
            mask=result.mask,
            cutout=result.cutout,
            edge=None if edge is None else {"seam": edge.seam, "seam_before": edge.seam_before, "ring": edge.ring},
        )


def plan_parts(request: Generation, done: frozenset[int]) -> list[Part]:
    """Return the runs that make the pictures of a request which are not in `done`, each with its own seed.

    Pictures of several sources share a canvas and are made as one run whatever is done.
    """
    shots = plan_shots(request)
    several = isinstance(request, Img2Img) and len(request.images) > 1
    if several or not done:
        return [Part(request, tuple(shot.index for shot in shots))]
    return [
        Part(_with(request, single_request(request, shot), {}), (shot.index,))
        for shot in shots
        if shot.index not in done
    ]


def _with(said: Generation, request: Generation, changes: dict[str, Any]) -> Generation:
    """Return `request` with changes in which no more is said than in `said`: what is not said depends on the model."""
    kept = {
        name: getattr(request, name)
        for name in type(request).model_fields
        if name in said.model_fields_set or getattr(request, name) != getattr(said, name)
    }
    return type(request)(**{**kept, **changes})


def _size(request: Generation, model: Model) -> Size:
    """Return about the size the networks will see, from the source's header."""
    if not isinstance(request, Img2Img):
        return plan_canvas(request, model.native_size, None).padded
    with open_file(request.images[0].open_bytes(), request.images[0].name) as source:
        size = Size(*source.size)
    close_up = Size(model.native_size, model.native_size) if request.only_masked else None
    return plan_canvas(request, model.native_size, size, close_up).padded
