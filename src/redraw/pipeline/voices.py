"""Who speaks in a run: the prompts, for the model and for the refiner, with the networks and embeddings they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from redraw.errors import RequestError
from redraw.geometry import Size
from redraw.image.io import open_picture
from redraw.image.mask import Mask, fit_mask, read_mask
from redraw.image.picture import Limits
from redraw.models.model import Model
from redraw.models.shelf import Shelf
from redraw.pipeline.networks import Networks, Outfit, wear
from redraw.pipeline.recipe import Used
from redraw.pipeline.scene import Scene
from redraw.pipeline.shots import Canvas, Shot
from redraw.pipeline.stages import Second, make_plan
from redraw.pipeline.texts import Reader, Texts
from redraw.request import Generation
from redraw.sampling.trajectory import Plan


class Voices:
    """The texts of a run.

    Args:
        request: the run.
        model: who listens.
        plan: what the sampler will do.
        canvas: the sizes.
        scenes: the sources on the canvas; none for txt2img.
        limits: on region masks that are opened.
        shelf: networks and embeddings that prompts may name.
        refiner: a model that takes over near the end.

    Attributes:
        notes: what is to be said about networks.
    """

    def __init__(
        self,
        request: Generation,
        model: Model,
        plan: Plan,
        canvas: Canvas,
        scenes: Sequence[Scene],
        limits: Limits,
        shelf: Shelf | None = None,
        refiner: Model | None = None,
    ) -> None:
        self.request, self.model, self.refiner, self.plan = request, model, refiner, plan
        masks = _carried_masks(request, scenes, canvas, limits)
        self._readers = [self._reader(one, shelf or Shelf(), canvas.latent, masks) for one in self._listeners]

    @property
    def _listeners(self) -> list[Model]:
        return [self.model, *([self.refiner] if self.refiner else [])]

    @property
    def notes(self) -> list[str]:
        """What is to be said about networks."""
        return list(dict.fromkeys(note for reader in self._readers for note in reader.networks.notes))

    def read(self, shots: Sequence[Shot]) -> list[Texts]:
        """Return what each picture listens to; see `Reader.texts`."""
        texts = self._readers[0].texts(shots)
        if self.refiner is None:
            return texts
        again = self._readers[1].texts(shots)
        return [replace(text, refined=other) for text, other in zip(texts, again, strict=True)]

    def second(self, texts: Sequence[Texts]) -> Second | None:
        """Return who takes over near the end of these pictures."""
        refined = [text.refined for text in texts if text.refined is not None]
        if self.refiner is None or len(refined) < len(texts):
            return None
        return Second(self.refiner, make_plan(self.refiner, self.request), refined)

    def used(self, texts: Texts) -> Used:
        """Return which networks and embeddings a picture's texts use, as its infotext and recipe say."""
        refiner = None if self.refiner is None else (self.refiner.name, self.refiner.short_hash)
        outfits: list[Outfit] = texts.outfits
        loras = {name: hash12 for outfit in outfits for name, hash12 in outfit.hashes.items()}
        return Used(
            loras=loras,
            embeddings=dict(texts.embeddings),
            refiner=refiner,
            padded=bool(texts.padded),
            old_timeline=texts.old_timeline,
        )

    def end(self) -> None:
        """Take every network off the models."""
        for model in self._listeners:
            wear(model)

    def _reader(self, model: Model, shelf: Shelf, size: Size, masks: Callable[[int], Sequence[torch.Tensor]]) -> Reader:
        evaluations = self.request.steps * (2 if self.plan.sampler.second_order else 1)
        ignore = self.request.unknown_networks == "ignore"
        networks = Networks(model, shelf, ignore=ignore, wears=model is self.model)
        return Reader(model, self.request, networks, evaluations, self.plan.total_evaluations, size, masks)


def _carried_masks(
    request: Generation, scenes: Sequence[Scene], canvas: Canvas, limits: Limits
) -> Callable[[int], tuple[torch.Tensor, ...]]:
    """Return a function from the number of a source to the region masks on its canvas, `[h, w]` in 0..1."""
    masks = [read_mask(open_picture(ref, limits, profiles=False)) for ref in request.region_masks]
    for i, mask in enumerate(masks):
        if not mask.any():
            raise RequestError("region_masks", f"mask number {i + 1}", "it marks nothing: paint white where it applies")

    def carried(source: int) -> tuple[torch.Tensor, ...]:
        if not scenes:
            return tuple(_tensor(fit_mask(mask, canvas.work)) for mask in masks)
        scene = scenes[source]
        own = scene.source.picture.size
        return tuple(_tensor(scene.placement.carry_mask(fit_mask(mask, own))) for mask in masks)

    return carried


def _tensor(mask: Mask) -> torch.Tensor:
    return torch.from_numpy(np.asarray(mask, dtype=np.float32) / 255.0)
