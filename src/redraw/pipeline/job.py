"""One run at work: what its pictures share, the clock, and the way of each picture from noise to result."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from redraw.errors import NonFinite, OutOfMemory
from redraw.image.picture import Picture
from redraw.models.model import Model
from redraw.pipeline.events import Control, Preview, Progress, Result
from redraw.pipeline.healing import Healer, complaint
from redraw.pipeline.latents import Latents, blank_latents, scene_latents, soft_edge, with_content
from redraw.pipeline.paste import Pasted, paste, to_pixels, untouched
from redraw.pipeline.preview import preview_picture
from redraw.pipeline.recipe import Used, build_infotext, build_recipe
from redraw.pipeline.scene import Scene
from redraw.pipeline.shots import Canvas, Shot
from redraw.pipeline.stages import decode, sample
from redraw.pipeline.texts import Texts
from redraw.pipeline.voices import Voices
from redraw.registry import SCHEDULERS
from redraw.request import Generation, Img2Img
from redraw.sampling.masking import keep
from redraw.sampling.sampler import Step
from redraw.sampling.trajectory import Plan

Sampled = Generator[Progress, None, torch.Tensor | None]


class Finished(NamedTuple):
    """A picture made, how it went into its source (None for txt2img), and what looks wrong with it ("" if nothing)."""

    picture: Picture
    pasted: Pasted | None
    wrong: str


class Job:
    """A run at work.

    Args:
        request: what to make.
        model: with what.
        canvas: the sizes.
        scenes: the sources on the canvas; none for txt2img.
        shots: the pictures to make.
        control: what is asked of the run while it works.
        plan: what the sampler will do.
        voices: the texts of its pictures.
    """

    def __init__(
        self,
        request: Generation,
        model: Model,
        canvas: Canvas,
        scenes: Sequence[Scene],
        shots: Sequence[Shot],
        control: Control,
        plan: Plan,
        voices: Voices,
    ) -> None:
        self.request, self.model, self.canvas, self.scenes, self.shots = request, model, canvas, scenes, shots
        self.control = control
        self.plan, self.voices = plan, voices
        self.healer = Healer(model, together=model.prompts_together)
        self.known_notes = len(model.notes)
        self.begun = time.monotonic()
        self.sampling_since: float | None = None
        self.done = 0
        self.latents: list[Latents] = []
        self.remarks: list[str] = []  # about the pictures at work

    def run(self) -> Iterator[Progress | Result]:
        """Make every picture; at strength 0 every source is given back as it is, in the size asked for."""
        request, model = self.request, self.model
        if isinstance(request, Img2Img) and request.strength == 0 and request.zero_strength == "source":
            for shot in self.shots:
                pasted = untouched(self.scenes[shot.source])
                yield self.result(shot, Finished(pasted.picture, pasted, ""))
            return
        self.healer.plan_memory(self.canvas.padded, request.vae_tile)
        taesd = (request.vae_encoder == "taesd" and bool(self.scenes), request.vae_decoder == "taesd")
        with model.tiling(request.tiling), model.by_taesd(encode=taesd[0], decode=taesd[1]):
            yield self.progress("encode", 0)
            self.encode()
            texts = self.voices.read(self.shots)
            for group in _groups(self.shots, texts, 1 if model.device.type == "cpu" else request.group_size):
                yield from self.make([self.shots[i] for i in group], [texts[i] for i in group])
                if self.control.wish == "interrupt":
                    return
                self.control.wish = ""

    def encode(self) -> None:
        """Encode every source once; what txt2img starts from takes their place where there are none."""
        encoders = [functools.partial(scene_latents, self.model, scene) for scene in self.scenes]
        for encoder in encoders or [functools.partial(blank_latents, self.model, self.canvas)]:
            self.latents.append(self.healer.retried("vae", -1, encoder))

    def make(self, shots: Sequence[Shot], texts: Sequence[Texts]) -> Iterator[Progress | Result]:
        """Sample some pictures as one batch, then decode and finish each."""
        x = yield from self.sampled(shots, texts)
        if x is None:  # more than the memory holds as one batch
            for shot, text in zip(shots, texts, strict=True):
                yield from self.make([shot], [text])
            return
        for i, shot in enumerate(shots):
            yield self.progress("decode", shot.index)
            finished = self.finish(shot, x[i : i + 1])
            if finished.wrong:
                finished = yield from self.second_try(shot, texts[i], x[i : i + 1], finished)
            result = self.result(shot, finished, texts[i])
            self.done += 1
            if not self.control.wish:
                self.remarks.clear()
            yield result
        self.remarks.clear()

    def sampled(self, shots: Sequence[Shot], texts: Sequence[Texts]) -> Sampled:
        """Sample until it succeeds and return the latents `[b, c, h, w]`.

        None means that a batch does not fit the memory and is to be made picture by picture.
        """
        latents = self.begun_with(shots)
        self.sampling_since = self.sampling_since or time.monotonic()
        while True:
            last: Step | None = None
            together, size = self.healer.together, self.canvas.latent
            try:
                steps = sample(
                    *(self.model, self.plan, self.request, shots, texts, latents, size),
                    together=together,
                    second=self.voices.second(texts),
                )
                for last in steps:
                    yield self.progress("sample", shots[0].index, last, latents)
                    if self.control.wish:
                        last = self.stopped_at(last)
                        break
            except (NonFinite, OutOfMemory) as error:
                self.healer.heal("unet", shots[0].index, error)
                if len(shots) > 1 and self.healer.together != together:
                    return None
                continue
            if last is None or latents.z is None or latents.repaint is None or self.softly:
                return None if last is None else last.x
            return keep(last.x, latents.z, latents.repaint)

    def stopped_at(self, step: Step) -> Step:
        """Return the step as the last one: its estimate of the picture takes the place of the noisy latent."""
        self.remarks.append(f"stopped at step {step.index + 1} of {step.total or 'many'} as asked")
        return replace(step, x=step.denoised)

    def begun_with(self, shots: Sequence[Shot]) -> Latents:
        """Return what these pictures start from, each with its own noise under the mask where that was asked for."""
        rows = Latents.join([self.latents[shot.source if self.scenes else 0] for shot in shots])
        return with_content(self.model, self.request, shots, rows, self.canvas.latent)

    @property
    def softly(self) -> bool:
        """Whether soft inpainting finds the edge."""
        return isinstance(self.request, Img2Img) and self.request.soft

    def finish(self, shot: Shot, x: torch.Tensor) -> Finished:
        """Decode a picture, trying again where that fails, and bring it back to its source."""
        image = self.healer.retried("vae", shot.index, lambda: decode(self.model, x)[0])
        if not self.scenes:
            pixels = to_pixels(image, self.canvas.size)
            return Finished(Picture(pixels=pixels), None, complaint(pixels, None))
        scene = self.scenes[shot.source]
        before = self.begun_with([shot]).z if self.softly else None
        soft = soft_edge(scene, before, x) if before is not None else None
        pixels = to_pixels(image, self.canvas.size, scene.source.picture.depth)
        pasted = paste(scene, pixels, soft)
        return Finished(pasted.picture, pasted, complaint(pixels, scene))

    def second_try(
        self, shot: Shot, text: Texts, x: torch.Tensor, finished: Finished
    ) -> Generator[Progress, None, Finished]:
        """Make a picture that looks failed again in higher precision; deliver it with a warning if it still does."""
        wrong, model = finished.wrong, self.model
        model.raise_precision("vae")  # where it is in fp32 already, decoding once more still tells chance from cause
        finished = self.finish(shot, x)
        if finished.wrong and model.raise_precision("unet"):
            again = yield from self.sampled([shot], [text])
            finished = finished if again is None else self.finish(shot, again)
        said = f"it came again in fp32: {finished.wrong}" if finished.wrong else "made again, it is well"
        self.remarks.append(f"{wrong}; {said}")
        return finished

    def result(self, shot: Shot, finished: Finished, texts: Texts | None = None) -> Result:
        """Write down how a picture was made."""
        pasted, picture = finished.pasted, finished.picture
        source = pasted.scene.source if pasted else None
        own = (*source.picture.notes, *source.notes) if source else ()
        about_model = self.model.notes if shot.index == 0 else self.model.notes[self.known_notes :]
        about_texts = (*self.voices.notes, *texts.notes) if texts else ()
        said = (self.canvas.note, *own, *about_texts, *about_model, *self.healer.notes, *self.remarks)
        used = self.voices.used(texts) if texts else Used()
        notes = tuple(dict.fromkeys(note for note in said if note))
        masked = source is not None and source.mask is not None
        size, label = self.canvas.work, self._schedule_label()  # [Q] with floor-8 the size asked for, not the result's
        return Result(
            index=shot.index,
            picture=picture,
            infotext=build_infotext(
                self.request, shot, self.model, self.plan.sampler, label, size, masked=masked, used=used
            ),
            recipe=build_recipe(
                self.request, shot, self.model, size, picture.pixels, len(self.shots), notes, used=used
            ),
            seed=shot.seed,
            variation_seed=shot.variation_seed,
            notes=notes,
            pasted=pasted,
        )

    def progress(self, stage: str, image: int, step: Step | None = None, latents: Latents | None = None) -> Progress:
        """Return where the run is."""
        now = time.monotonic()
        part = 0.0 if step is None else self._part(step)
        fraction = min(1.0, (self.done + part) / len(self.shots))
        since = self.sampling_since
        left = (now - since) / fraction * (1 - fraction) if since is not None and fraction > 0 else None
        per_picture = max(1, self.plan.steps_run)
        preview: Preview | None = None
        if step is not None:
            preview = functools.partial(self._preview, step.denoised[:1], latents)
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

    def _preview(self, latent: torch.Tensor, begun: Latents | None) -> NDArray[np.uint8]:
        if begun is not None and begun.z is not None and begun.repaint is not None:
            latent = keep(latent, begun.z[:1], begun.repaint[:1])
        return preview_picture(self.model, latent[0])

    def _schedule_label(self) -> str:
        """Return what infotext calls the schedule: the sampler's own where Automatic was asked for."""
        if self.plan.scheduler is None:
            return self.request.scheduler
        return SCHEDULERS.entry(self.plan.scheduler).label


def _groups(shots: Sequence[Shot], texts: Sequence[Texts], size: int) -> Iterator[list[int]]:
    """Yield the indexes of pictures that are sampled as one batch: at most `size`, with texts of one structure."""
    group: list[int] = []
    for i in range(len(shots)):
        if group and (len(group) == size or texts[i].structure != texts[group[0]].structure):
            yield group
            group = []
        group.append(i)
    if group:
        yield group
