"""The pipeline: a request goes in, progress and results come out. It reads like the drawing in docs/house.md."""

from __future__ import annotations

from collections.abc import Iterator

from redraw.image.picture import Limits
from redraw.models.model import Model
from redraw.models.shelf import Shelf
from redraw.pipeline.events import Control, Progress, Result
from redraw.pipeline.job import Job
from redraw.pipeline.latents import encode
from redraw.pipeline.scene import inner_size, open_sources, set_scene
from redraw.pipeline.shots import plan_canvas, plan_shots
from redraw.pipeline.stages import decode, make_plan, sample
from redraw.pipeline.voices import Voices
from redraw.request import Generation, Img2Img

__all__ = ["Control", "Progress", "Result", "decode", "encode", "run", "sample"]


def run(
    request: Generation,
    model: Model,
    *,
    limits: Limits | None = None,
    control: Control | None = None,
    shelf: Shelf | None = None,
    refiner: Model | None = None,
) -> Iterator[Progress | Result]:
    """Make every picture of a request, yielding `Progress` while working and a `Result` for each.

    A step that fails is tried again with the smallest change that can help (see `redraw.pipeline.healing`); the model
    is as before when the run ends.

    Args:
        request: what to make.
        model: with what; it must not be used by another run at the same time.
        limits: on the pictures that are opened.
        control: through which the run can be told to stop early and still give its picture.
        shelf: the networks and embeddings that prompts may name; None for none.
        refiner: a model that takes over near the end; the request says when.

    Raises:
        PictureError: a source, mask or paint cannot be used.
        RequestError: lists, sizes or masks that do not fit together.
        NonFinite: the networks gave NaN, also in fp32.
        OutOfMemory: the memory does not suffice, also after everything that saves some.
    """
    limits = limits or Limits()
    sources = open_sources(request, limits) if isinstance(request, Img2Img) else []
    size = sources[0].picture.size if sources else None
    canvas = plan_canvas(request, model.native_size, size, inner_size(sources))
    scenes = [set_scene(source, canvas) for source in sources]
    plan = make_plan(model, request)
    voices = Voices(request, model, plan, canvas, scenes, limits, shelf, refiner)
    job = Job(request, model, canvas, scenes, plan_shots(request), control or Control(), plan, voices)
    known = len(model.notes)
    try:
        yield from job.run()
    finally:
        voices.end()
        model.restore()
        del model.notes[known:]  # what was said of this run is not true of the next
