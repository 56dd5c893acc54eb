"""An engine that draws colored squares from the seed, for tests: no torch, no model, a start in a moment.

It has the ways of the real one: steps with previews, interrupt, skip, pictures that depend on nothing but their own
seed. The prompt can tell it to behave badly:

==================  ===============================================================
prompt begins with  what happens at the first step
==================  ===============================================================
`fail: <text>`      a `ModelError` with that text
`crash`             an unexpected error whose text holds a path
`die`               the process kills itself, as a crash of the driver would
`slow: <seconds>`   every step takes that long
`stuck: <seconds>`  the first step takes that long, and nothing can be asked of it
==================  ===============================================================

`REDRAW_FAKE_STEP` is the seconds that every other step takes (0 if it is not set).
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from redraw.errors import ModelError
from redraw.image import infotext
from redraw.image.container import open_file
from redraw.image.picture import Picture
from redraw.jobs.engine import Made, Step
from redraw.request import Generation, Img2Img

SIDE: Final = 64
_SQUARE: Final = 8
_ORDER: Final = re.compile(r"(fail|crash|die|slow|stuck)\b:?\s*(.*)", re.DOTALL)


class FakeEngine:
    """Draws squares; see the module."""

    def unload(self) -> None:
        """Do nothing: there is no model."""

    def warm_up(self) -> None:
        """Do nothing: there is no model."""

    def begin(self, request: Generation, done: frozenset[int]) -> FakeWork:
        """Return the work of a request without the pictures in `done`."""
        return FakeWork(request, done)

    def estimate(self, request: Generation) -> str:
        """Return that everything fits."""
        return "fits"


class FakeWork:
    """The work of one request; see `redraw.jobs.engine.Work`."""

    def __init__(self, request: Generation, done: frozenset[int]) -> None:
        self.request, self.done = request, done
        self.wish = ""
        self.begun = time.monotonic()

    def __iter__(self) -> Iterator[Step | Made]:
        count = self.request.image_count
        for made, index in enumerate(i for i in range(count) if i not in self.done):
            pixels = squares(self._seed(index), *self._size())
            notes: tuple[str, ...] = ()
            for step in range(self.request.steps):
                self._behave(index, step)
                yield Step(self._progress(index, len(self.done) + made, step + 1), partial(_small, pixels))
                if self.wish:
                    notes = (f"stopped at step {step + 1} of {self.request.steps} as asked",)
                    break
            if self.wish == "cancel":
                return
            yield self._made(index, pixels, notes)
            if self.wish in ("interrupt", "cancel"):
                return
            self.wish = ""

    def interrupt(self) -> None:
        """Finish the picture at work, then end."""
        self.wish = "interrupt"

    def skip(self) -> None:
        """Finish the picture at work, then go on."""
        self.wish = "skip"

    def cancel(self) -> None:
        """Stop; nothing more is yielded."""
        self.wish = "cancel"

    def _seed(self, index: int) -> int:
        seed = self.request.seed
        return seed[index] if isinstance(seed, tuple) else seed + index

    def _size(self) -> tuple[int, int]:
        """Width and height: as asked, else the source's, else 64 pixels."""
        request = self.request
        wide, high = SIDE, SIDE
        if isinstance(request, Img2Img):
            with open_file(request.images[0].open_bytes(), request.images[0].name) as source:
                wide, high = source.size
            if request.scale is not None:
                wide, high = (max(1, round(side * float(request.scale))) for side in (wide, high))
        return request.width or wide, request.height or high

    def _behave(self, index: int, step: int) -> None:
        """Take the time of a step, or do what the prompt orders."""
        order = _ORDER.match(_one(self.request.prompt, index))
        verb, text = (order[1], order[2]) if order else ("", "")
        if step == 0 and verb == "fail":
            raise ModelError(text or "the fake engine was told to fail")
        if step == 0 and verb == "crash":
            raise RuntimeError("a crash at /some/folder/of/this/machine.bin")
        if step == 0 and verb == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        seconds = float(os.environ.get("REDRAW_FAKE_STEP") or 0)
        if verb == "slow" or (verb == "stuck" and step == 0):
            seconds = float(text.split()[0]) if text else 0.5
        if seconds:
            time.sleep(seconds)

    def _progress(self, index: int, before: int, step: int) -> dict[str, Any]:
        count, steps = self.request.image_count, self.request.steps
        fraction = (before + step / steps) / count
        elapsed = time.monotonic() - self.begun
        return {
            "stage": "sample",
            "image": index,
            "images": count,
            "step": before * steps + step,
            "steps": count * steps,
            "fraction": fraction,
            "elapsed": elapsed,
            "remaining": elapsed / fraction * (1 - fraction),
        }

    def _made(self, index: int, pixels: NDArray[np.uint8], notes: tuple[str, ...]) -> Made:
        request, seed = self.request, self._seed(index)
        height, width = pixels.shape[:2]
        text = infotext.build(
            _one(request.prompt, index),
            _one(request.negative_prompt, index),
            {
                "Steps": request.steps,
                "Sampler": request.sampler,
                "CFG scale": request.cfg_scale,
                "Seed": seed,
                "Size": f"{width}x{height}",
                "Model": "fake",
                "Version": _program(),
            },
        )
        masked = isinstance(request, Img2Img) and request.masked
        mask = Picture(np.full_like(pixels, 255)) if masked else None
        cutout = Picture(np.dstack([pixels, np.full_like(pixels[..., :1], 255)])) if masked else None
        edge = {"seam": 1.0, "seam_before": 1.0, "ring": 8.0} if masked else None
        recipe = self._recipe(index, pixels, notes)
        return Made(index, Picture(pixels), text, recipe, seed, notes, mask, cutout, edge)

    def _recipe(self, index: int, pixels: NDArray[np.uint8], notes: tuple[str, ...]) -> Mapping[str, Any]:
        request = self.request.changed(
            seed=self._seed(index),
            prompt=_one(self.request.prompt, index),
            negative_prompt=_one(self.request.negative_prompt, index),
            batch_size=1,
            batch_count=1,
        )
        return {
            "format": 1,
            "program": _program(),
            "kind": request.kind,
            "request": request.model_dump(mode="json", exclude_defaults=True, exclude={"model", "vae"}),
            "model": {"name": "fake", "sha256": "0" * 64},
            "vae": None,
            "inputs": [],
            "environment": {"device": "fake"},
            "run": {"index": index, "images": self.request.image_count},
            "pixels": hashlib.sha256(pixels.tobytes()).hexdigest(),
            "notes": list(notes),
        }


def squares(seed: int, width: int, height: int) -> NDArray[np.uint8]:
    """Return a picture `[height, width, 3]` of colored squares of 8 pixels; it depends on the arguments alone."""
    rows, columns = -(-height // _SQUARE), -(-width // _SQUARE)
    colors = np.random.Generator(np.random.Philox(seed)).integers(0, 256, (rows, columns, 3), dtype=np.uint8)
    return np.ascontiguousarray(colors.repeat(_SQUARE, 0).repeat(_SQUARE, 1)[:height, :width])


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels[::_SQUARE, ::_SQUARE]


def _one(texts: str | tuple[str, ...], index: int) -> str:
    return texts if isinstance(texts, str) else texts[index]


def _program() -> str:
    return f"redraw-{version('redraw-studio')}"
