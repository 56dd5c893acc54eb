"""The pipeline: a request goes in, progress and results come out. It reads like the drawing in docs/house.md."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from redraw.image.picture import Limits, Picture
from redraw.models.model import Model
from redraw.pipeline.events import Preview, Progress, Result
from redraw.pipeline.prepare import open_sources, to_input, to_picture, to_pixels
from redraw.pipeline.preview import preview_matrix, preview_pixels
from redraw.pipeline.recipe import build_infotext, build_recipe
from redraw.pipeline.shots import Canvas, Shot, plan_canvas, plan_shots
from redraw.pipeline.stages import Texts, decode, encode, make_plan, read_texts, sample
from redraw.registry import SCHEDULERS
from redraw.request import Generation, Img2Img
from redraw.sampling.sampler import Step
from redraw.sampling.trajectory import Plan

__all__ = ["Progress", "Result", "decode", "encode", "run", "sample"]


def run(request: Generation, model: Model, *, limits: Limits | None = None) -> Iterator[Progress | Result]:
    """Make every picture of a request, yielding `Progress` while working and a `Result` for each.

    Args:
        request: what to make.
        model: with what; it must not be used by another run at the same time.
        limits: on the pictures that are opened.

    Raises:
        PictureError: a source cannot be used.
        RequestError: lists or sizes that do not fit together.
        NonFinite: the networks gave NaN, the VAE also in fp32.
    """
    redraws = request if isinstance(request, Img2Img) else None
    sources = open_sources(redraws, limits or Limits()) if redraws else []
    canvas = plan_canvas(request, model.native_size, sources[0].size if sources else None)
    shots = plan_shots(request)
    plan = make_plan(model, request)
    job = _Job(request, model, sources, canvas, shots, plan, len(model.notes))
    with model.tiling(request.tiling):
        yield job.progress("encode", 0)
        latents = [encode(model, to_input(source, redraws, canvas), redraws, canvas) for source in sources if redraws]
        texts = read_texts(model, request, shots)
        for group in _groups(shots, texts, 1 if model.device.type == "cpu" else request.group_size):
            start = torch.cat([latents[shots[i].source] for i in group]) if latents else None
            yield from job.make([shots[i] for i in group], [texts[i] for i in group], start)


def _groups(shots: Sequence[Shot], texts: Sequence[Texts], size: int) -> Iterator[list[int]]:
    """Yield the indexes of pictures that are sampled as one batch: at most `size`, with contexts of equal lengths."""
    group: list[int] = []
    for i in range(len(shots)):
        if group and (len(group) == size or texts[i].lengths != texts[group[0]].lengths):
            yield group
            group = []
        group.append(i)
    if group:
        yield group


@dataclass
class _Job:
    """What every picture of a run shares, and the clock."""

    request: Generation
    model: Model
    sources: Sequence[Picture]
    canvas: Canvas
    shots: Sequence[Shot]
    plan: Plan
    known_notes: int
    begun: float = field(default_factory=time.monotonic)
    sampling_since: float | None = None
    done: int = 0

    def make(
        self, shots: Sequence[Shot], texts: Sequence[Texts], latents: torch.Tensor | None
    ) -> Iterator[Progress | Result]:
        """Sample some pictures as one batch, then decode and finish each."""
        last: Step | None = None
        self.sampling_since = self.sampling_since or time.monotonic()
        for last in sample(self.model, self.plan, self.request, shots, texts, latents, self.canvas.latent):
            yield self.progress("sample", shots[0].index, last)
        if last is None:
            return
        for i, shot in enumerate(shots):
            yield self.progress("decode", shot.index)
            result = self.finish(shot, last.x[i : i + 1])
            self.done += 1
            yield result

    def finish(self, shot: Shot, latent: torch.Tensor) -> Result:
        """Decode one picture, bring it back to its source's form, and write down how it was made."""
        source = self.sources[shot.source] if self.sources else None
        redraws = self.request if isinstance(self.request, Img2Img) else None
        pixels = to_pixels(decode(self.model, latent)[0], self.canvas.size, source.depth if source else 8)
        picture = to_picture(pixels, source, redraws, self.canvas)
        notes = self._notes(shot, source)
        return Result(
            index=shot.index,
            picture=picture,
            infotext=build_infotext(
                self.request, shot, self.model, self.plan.sampler, self._schedule_label(), self.canvas.size
            ),
            recipe=build_recipe(
                self.request, shot, self.model, self.canvas.size, picture.pixels, len(self.shots), notes
            ),
            seed=shot.seed,
            variation_seed=shot.variation_seed,
            notes=notes,
        )

    def _notes(self, shot: Shot, source: Picture | None) -> tuple[str, ...]:
        """Return what is to be said with a picture: about its source, and about the model if it is new or healed."""
        about_model = self.model.notes if shot.index == 0 else self.model.notes[self.known_notes :]
        return tuple(note for note in (self.canvas.note, *(source.notes if source else ()), *about_model) if note)

    def progress(self, stage: str, image: int, step: Step | None = None) -> Progress:
        """Return where the run is."""
        now = time.monotonic()
        part = 0.0 if step is None else self._part(step)
        fraction = min(1.0, (self.done + part) / len(self.shots))
        since = self.sampling_since
        left = (now - since) / fraction * (1 - fraction) if since is not None and fraction > 0 else None
        per_picture = max(1, self.plan.steps_run)
        preview: Preview | None = None
        if step is not None:
            preview = functools.partial(self._preview, step.denoised[0])
        return Progress(
            stage=stage,
            image=image,
            images=len(self.shots),
            step=self.done * per_picture + (0 if step is None else min(step.index + 1, per_picture)),
            steps=len(self.shots) * per_picture,
            fraction=fraction,
            elapsed=now - self.begun,
            remaining=left,
            preview=preview,
        )

    def _part(self, step: Step) -> float:
        """Return how much of its picture a step completes; by level where the number of steps is open."""
        if step.total:
            return (step.index + 1) / step.total
        low, high = self.plan.sigma_range
        if step.total is None and 0 < low < high and step.sigma > 0:
            return min(1.0, max(0.0, (math.log(high) - math.log(step.sigma)) / (math.log(high) - math.log(low))))
        return 1.0

    def _preview(self, latent: torch.Tensor) -> NDArray[np.uint8]:
        return preview_pixels(latent, preview_matrix(self.model))

    def _schedule_label(self) -> str:
        """Return what infotext calls the schedule: the sampler's own where Automatic was asked for."""
        if self.plan.scheduler is None:
            return self.request.scheduler
        return SCHEDULERS.entry(self.plan.scheduler).label
