"""The library's front: models in, requests in, results out.

    from redraw import Studio

    studio = Studio(models_dirs=["~/models"])
    studio.img2img("cat.png", "a fox in the snow", strength=0.6).result().save("fox.png")

A run is an iterator of `Progress` and `Result`; to stop one, stop iterating::

    for event in studio.img2img("cat.png", "a fox", batch_count=4):
        if isinstance(event, Progress):
            print(f"{event.fraction:.0%}, {event.remaining} s left")
        else:
            event.save("fox.png")
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import redraw.starter as starter
from redraw.errors import RequestError, UnknownName
from redraw.image.picture import Limits
from redraw.models.catalog import Catalog, ModelFile
from redraw.models.devices import resolve_device, resolve_dtype
from redraw.models.hashes import digest_stamp
from redraw.models.kept import Kept, needs_of
from redraw.models.loader import load_model
from redraw.models.model import Model, Saving
from redraw.models.places import places
from redraw.models.shelf import Shelf
from redraw.models.taesd import find_taesd
from redraw.pipeline import Control, Progress, Result, run
from redraw.request import BUILT_IN_VAE, Generation, Img2Img, PictureRef, Txt2Img
from redraw.settings import Settings
from redraw.workflows.batch import BatchOptions, Failed, Made, Skipped, plan_batch, run_batch

Event = Progress | Result
Pictureish = str | Path | bytes | PictureRef | Image.Image | np.ndarray[Any, Any]


class Run:
    """A run in progress: iterate it for its events, or ask for its results."""

    def __init__(self, events: Iterator[Event], control: Control | None = None) -> None:
        self._events, self._control = events, control or Control()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def results(self) -> list[Result]:
        """Work through the run and return its pictures in order."""
        return [event for event in self._events if isinstance(event, Result)]

    def result(self) -> Result:
        """Work through the run and return its first picture."""
        return self.results()[0]

    def interrupt(self) -> None:
        """Finish the picture at work from its current state, then end; from any thread."""
        self._control.wish = "interrupt"

    def skip(self) -> None:
        """Finish the picture at work from its current state, then go on with the next; from any thread."""
        self._control.wish = "skip"

    def cancel(self) -> None:
        """Stop; nothing more is yielded."""
        close = getattr(self._events, "close", None)
        if close is not None:
            close()


class Studio:
    """Models at hand, and runs over them.

    Args:
        models_dirs: folders with checkpoints, searched recursively; None takes the settings'.
        device: auto, cpu, cuda or mps, for requests that say auto.
        dtype: auto, fp32, bf16 or fp16, for requests that say auto.
        settings: where data and limits come from; None reads the environment and the configuration file.

    The starter model is always at hand under the name `redraw-starter`. The last models stay loaded, as many as the
    setting `models_in_memory` says.
    """

    def __init__(
        self,
        models_dirs: Sequence[str | Path] | None = None,
        *,
        device: str | None = None,
        dtype: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        loaded = settings or Settings.load()
        if models_dirs is not None:
            loaded = replace(loaded, models_dirs=tuple(Path(folder).expanduser() for folder in models_dirs))
        self.settings = replace(loaded, device=device or loaded.device, dtype=dtype or loaded.dtype)
        self.catalog = Catalog(
            places(self.settings.models_dirs, self.settings.a1111_dir, self.settings.comfyui_dir),
            cache=self.settings.models_cache,
        )
        self.limits = Limits(max_pixels=int(self.settings.max_megapixels * 1_000_000))
        self.shelf = Shelf(self.catalog)
        self.kept = Kept(self.settings.models_in_memory, self.settings.models_on_device)

    def models(self) -> list[ModelFile]:
        """Return every model at hand."""
        return list(self.catalog)

    def load(self, request: Generation, beside: Model | None = None) -> Model:
        """Return the model a request asks for, loaded where and as it asks.

        Args:
            request: what is asked for.
            beside: a model of the same run, which stays loaded.

        Raises:
            UnknownName: there is no such model or VAE.
            OutOfMemory: it does not fit; nothing was read.
        """
        device = resolve_device(self.settings.device if request.device == "auto" else request.device)
        dtype = resolve_dtype(self.settings.dtype if request.dtype == "auto" else request.dtype, device)
        file = self._checkpoint(request.model)
        vae = self._vae(request.vae, file)
        key = (file.path, digest_stamp(file.path), vae, device, dtype)
        with_vae = None if vae is None else self.catalog.facts_of(vae)
        needs = needs_of(file.name, file.facts, device, dtype, self.settings.memory, with_vae)

        def load(saving: Saving) -> Model:
            first = device if saving == "auto" else "cpu"  # not all of it goes to the device
            model = load_model(file.path, device=first, dtype=dtype, vae=vae, cache=self.settings.models_cache)
            small = [taesd.path for taesd in self.catalog.files("taesd")]
            model.attach_taesd(find_taesd(small, model.family.name, model.latent_channels))
            model.save_memory(saving)
            return model if saving == "auto" else model.to(device, dtype)

        return self.kept.get(key, needs, load, beside)

    def unload(self) -> None:
        """Let go of every loaded model; the next run loads what it needs again."""
        self.kept.clear()

    def run(self, request: Generation) -> Run:
        """Return the run of any request; nothing is computed before it is iterated, but its model is loaded."""
        model = self.load(request)
        if model.path == starter.weights():
            unsaid = {k: v for k, v in starter.DEFAULTS.items() if k not in request.model_fields_set}
            request = request.changed(**unsaid) if unsaid else request
        refiner = (
            None if request.refiner is None else self.load(request.changed(model=request.refiner, vae=None), model)
        )
        for one in (model, refiner):
            if one is not None and one.fp8 != _wants_fp8(request, one):
                one.store_fp8(not one.fp8)
        control = Control()
        events = run(request, model, limits=self.limits, control=control, shelf=self.shelf, refiner=refiner)
        return Run(events, control)

    def img2img(
        self,
        image: Pictureish | list[Pictureish] | tuple[Pictureish, ...],
        prompt: str | Sequence[str] = "",
        **options: Any,
    ) -> Run:
        """Redraw a picture (a path, bytes, Pillow image or array); options are the fields of `Img2Img`.

        `mask` and `paint` are given as pictures are; a mask may also be an array `[h, w]` of uint8, of bool, or of
        numbers in 0..1, white or 1 where the picture is redrawn, or the word "alpha".
        """
        refs = tuple(as_reference(one) for one in image) if isinstance(image, list | tuple) else (as_reference(image),)
        return self.run(Img2Img(images=refs, prompt=_texts(prompt), **_references(options)))

    def inpaint(self, image: Pictureish, mask: Pictureish, prompt: str | Sequence[str] = "", **options: Any) -> Run:
        """Redraw what is white in `mask` and nothing else; masks and options are those of `img2img`."""
        return self.img2img(image, prompt, mask=mask, **options)

    def batch(
        self,
        sources: str | Path | Sequence[str | Path],
        prompt: str = "",
        *,
        output: str | Path | None = None,
        **options: Any,
    ) -> Iterator[Made | Skipped | Failed]:
        """Redraw every picture of folders, one after another, and yield what comes of each as it comes.

        Args:
            sources: folders, files, or both.
            prompt: for every picture.
            output: a folder; results are written there as `Made.file` says. Pictures in there are no sources.
            options: fields of `BatchOptions` and of `Img2Img`; what is wrong with them is raised by this call.
        """
        own = {name: options.pop(name) for name in list(options) if name in BatchOptions.model_fields}
        target = Path(output) if output is not None else None
        plan = plan_batch(sources, {"prompt": prompt, **_references(options)}, BatchOptions(**own), output=target)
        return run_batch(plan, self.run, output=target, limits=self.limits)

    def txt2img(self, prompt: str | Sequence[str] = "", **options: Any) -> Run:
        """Draw a picture from words; options are the fields of `Txt2Img`."""
        return self.run(Txt2Img(prompt=_texts(prompt), **_references(options)))

    def _checkpoint(self, name: str | None) -> ModelFile:
        if name is not None:
            return self.catalog.find(name)
        models = self.models()
        if not models:
            raise RequestError("model", None, "no model is at hand; give --models-dir")
        starter = [model for model in models if model.stem == "redraw-starter"]
        return (starter or models)[0]

    def _vae(self, name: str | None, model: ModelFile) -> Path | None:
        """Return the VAE of a name; where none is named that of the checkpoint's own name, as A1111's Automatic."""
        if name is None:
            own = model.path.stem
            return next((f.path for f in self.catalog.files("vae") if f.path.stem.removesuffix(".vae") == own), None)
        if name.lower() == BUILT_IN_VAE:
            return None
        path = Path(name).expanduser()
        if path.exists():
            return path
        try:
            return self.catalog.find_file("vae", name).path
        except UnknownName as unknown:
            try:
                return self.catalog.find(name).path  # the VAE of a whole checkpoint
            except UnknownName:
                raise unknown from None


def _wants_fp8(request: Generation, model: Model) -> bool:
    """Say whether a request wants this model's weights in eight bits; models that are told sizes are SDXL's."""
    return request.fp8 == "yes" or (request.fp8 == "sdxl" and model.family.sizes > 0)


def as_reference(image: Pictureish) -> PictureRef:
    """Return a path, bytes, a Pillow image or an array as a picture of a request.

    Arrays are `[h, w, 3|4]` of uint8, or `[h, w]` of uint8, bool, or numbers in 0..1; others raise `RequestError`.
    """
    if isinstance(image, np.ndarray):
        image = _as_image(image)
    if isinstance(image, Image.Image):
        stream = io.BytesIO()
        image.save(stream, "PNG", compress_level=1)
        return PictureRef.from_bytes(stream.getvalue(), name="image.png")
    return PictureRef.of(image)


def _as_image(array: np.ndarray[Any, Any]) -> Image.Image:
    grey = array.ndim == 2
    if grey and array.dtype == bool:
        array = array.astype(np.uint8) * 255
    elif grey and np.issubdtype(array.dtype, np.floating) and bool(np.all((array >= 0) & (array <= 1))):
        array = np.round(array * 255).astype(np.uint8)
    if array.dtype != np.uint8 or array.size == 0 or not (grey or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise RequestError(
            "picture",
            f"array {list(array.shape)} of {array.dtype}",
            "it is [h, w, 3|4] of uint8, or a mask [h, w] of uint8, bool, or numbers in 0..1",
        )
    return Image.fromarray(array)


def _references(options: dict[str, Any]) -> dict[str, Any]:
    """Return options of `Img2Img` with what stands for a picture as references."""
    pictures = {name: options[name] for name in ("mask", "paint") if options.get(name) is not None}
    named: dict[str, Any] = {n: as_reference(picture) for n, picture in pictures.items() if not _is_word(n, picture)}
    if regions := options.get("region_masks"):
        several = regions if isinstance(regions, list | tuple) else (regions,)
        named["region_masks"] = tuple(as_reference(one) for one in several)
    return {**options, **named}


def _is_word(name: str, picture: Any) -> bool:
    return name == "mask" and isinstance(picture, str) and picture == "alpha"


def _texts(prompt: str | Sequence[str]) -> str | tuple[str, ...]:
    return prompt if isinstance(prompt, str) else tuple(prompt)
