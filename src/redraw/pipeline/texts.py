"""What the networks listen to: prompts read, encoded under their own networks, and laid out by evaluation."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch

from redraw.conditioning.chunks import chunks_of
from redraw.conditioning.editing import Entry
from redraw.conditioning.prompt import Prompt, never_reached, read_prompt
from redraw.conditioning.tags import read_tag
from redraw.conditioning.text import Encoded, TextOptions, at, encode_schedule, lengthened
from redraw.geometry import Size
from redraw.models.embeddings import Embeddings
from redraw.models.model import Model
from redraw.pipeline.networks import REGION, Networks, Outfit, wear
from redraw.pipeline.regions import part_areas
from redraw.pipeline.shots import Shot
from redraw.request import Generation
from redraw.sampling.denoiser import Cond
from redraw.sampling.guidance import Weight

_AESTHETICS: Final = (6.0, 2.5)  # of the prompt and the negative prompt, for a refiner (A1111's defaults)


@dataclass(frozen=True, eq=False)
class Branch:
    """One part of a prompt.

    Attributes:
        weight: how strongly it pulls.
        schedule: what it is by count of evaluations.
        outfit: the networks it is evaluated with.
        area: `[1, 1, h, w]`: where it counts; None for everywhere.
    """

    weight: float
    schedule: Encoded
    outfit: Outfit
    area: torch.Tensor | None = None

    @property
    def pull(self) -> Weight:
        """Its weight, by place where it has an area."""
        return self.weight if self.area is None else self.area * self.weight


@dataclass(frozen=True, eq=False)
class Texts:
    """What one picture listens to.

    Attributes:
        branches: the parts of its prompt.
        negative: the negative prompt by count of evaluations.
        base: the networks the negative prompt is evaluated with.
        embeddings: name and short hash of every embedding that is in use.
        padded: "pad" or "pad-v0" where prompt and negative prompt were made equally long so; else "".
        old_timeline: the old rules of prompt editing made a difference.
        notes: what is to be said about the prompts.
        refined: the same for the refiner, if there is one.
    """

    branches: tuple[Branch, ...]
    negative: Encoded
    base: Outfit
    embeddings: tuple[tuple[str, str], ...] = ()
    padded: str = ""
    old_timeline: bool = False
    notes: tuple[str, ...] = ()
    refined: Texts | None = None

    @property
    def outfits(self) -> list[Outfit]:
        """Every outfit that is worn, each once."""
        return list(dict.fromkeys([self.base, *(branch.outfit for branch in self.branches)]))

    @property
    def structure(self) -> Hashable:
        """What pictures must have in common to be sampled as one batch."""
        parts = tuple(
            (b.weight, _length(b.schedule), b.outfit, id(b.area) if b.area is not None else 0) for b in self.branches
        )
        return parts, _length(self.negative), self.base


class Reader:
    """Reads the texts of a run's pictures for one model.

    Args:
        model: who listens.
        request: the run.
        networks: the networks at hand.
        evaluations: what prompt schedules are measured by: the steps, doubled for second-order samplers.
        reach: how many of them the run really makes.
        size: of the latents.
        masks: the request's region masks on the canvas of a source, `[h, w]` in 0..1.
    """

    def __init__(
        self,
        model: Model,
        request: Generation,
        networks: Networks,
        evaluations: int,
        reach: int,
        size: Size,
        masks: Callable[[int], Sequence[torch.Tensor]] = lambda _: (),
    ) -> None:
        self.model, self.request, self.networks = model, request, networks
        self.evaluations, self.reach, self.size, self.masks = evaluations, reach, size, masks
        self.options = TextOptions(
            clip_skip=request.clip_skip,
            emphasis=request.emphasis,
            backtrack=request.comma_backtrack,
            clip_skip_sdxl=request.clip_skip_sdxl,
        )
        self._read: dict[tuple[str, str, int], Texts] = {}
        self._embeddings: dict[Outfit, Embeddings] = {}

    def texts(self, shots: Sequence[Shot]) -> list[Texts]:
        """Return what each picture listens to; equal prompts are read once.

        Raises:
            UnknownName: a prompt names a network that is not at hand.
            RequestError: a region is no place.
            ModelError: a network's file is damaged or for another family.
        """
        try:
            for shot in shots:
                key = self._key(shot)
                if key not in self._read:
                    self._read[key] = self._one(*key)
        finally:
            wear(self.model)
        return [self._read[self._key(shot)] for shot in shots]

    def _key(self, shot: Shot) -> tuple[str, str, int]:
        return shot.prompt, shot.negative_prompt, shot.source if self.request.region_masks else 0

    @torch.inference_mode()
    def _one(self, positive: str, negative: str, source: int) -> Texts:
        prompt, unwanted = self._prompt(positive), self._prompt(negative, negative=True)
        base, outfits, areas = self._dressed(prompt, source)
        notes = [*prompt.warnings, *never_reached(prompt, self.reach)]
        notes += [f"negative prompt: {w}" for w in (*unwanted.warnings, *never_reached(unwanted, self.reach))]
        against = self._encoded(unwanted.parts[0].entries, base, negative=True)
        parts = [self._encoded(p.entries, outfit) for p, outfit in zip(prompt.parts, outfits, strict=True)]
        longest = max(_length(part) for part in parts)
        parts = [_lengthened(part, longest) for part in parts]
        parts, against, padded = self._padded(parts, against)
        branches = tuple(
            Branch(part.weight, schedule, outfit, area)
            for part, schedule, outfit, area in zip(prompt.parts, parts, outfits, areas, strict=True)
        )
        used = self._used(prompt, unwanted, base, outfits)
        old = self._is_old(positive, prompt) or self._is_old(negative, unwanted, negative=True)
        return Texts(branches, against, base, used, padded, old, tuple(dict.fromkeys(notes)))

    def _prompt(self, text: str, *, negative: bool = False, timeline: str = "") -> Prompt:
        return read_prompt(
            text,
            self.evaluations,
            negative=negative,
            old_timeline=(timeline or self.request.prompt_timeline) == "old",
            comments=self.request.prompt_comments,
        )

    def _is_old(self, text: str, prompt: Prompt, *, negative: bool = False) -> bool:
        """Say whether the old rules of prompt editing were asked for and made another prompt of this text."""
        if self.request.prompt_timeline == "new":
            return False
        return self._prompt(text, negative=negative, timeline="new").parts != prompt.parts

    def _dressed(self, prompt: Prompt, source: int) -> tuple[Outfit, list[Outfit], tuple[torch.Tensor | None, ...]]:
        """Return what is worn everywhere, and what each part of AND wears and where it counts."""
        regions = [next((tag for tag in part.tags if tag.kind == REGION), None) for part in prompt.parts]
        everywhere = [read_tag(written) for written in self.request.networks]
        for part, region in zip(prompt.parts, regions, strict=True):
            everywhere += part.tags if region is None else ()
        base = self.networks.outfit(everywhere)
        outfits = [
            base if region is None else self.networks.outfit([*everywhere, *part.tags])
            for part, region in zip(prompt.parts, regions, strict=True)
        ]
        areas = part_areas(regions, self.masks(source), self.size)
        return base, outfits, tuple(None if area is None else area.to(self.model.device) for area in areas)

    def _encoded(self, entries: Sequence[Entry], outfit: Outfit, *, negative: bool = False) -> Encoded:
        self.networks.check(outfit)
        wear(self.model, outfit)
        embeddings = self._fitting(outfit)
        return encode_schedule(self.model, entries, self.options, embeddings, negative=negative, key=outfit.identity)

    def _fitting(self, outfit: Outfit) -> Embeddings:
        """Return the embeddings that may be written in a prompt with these networks."""
        if outfit not in self._embeddings:
            self._embeddings[outfit] = self.networks.shelf.embeddings(outfit.bundled).for_model(self.model)
        return self._embeddings[outfit]

    def _used(
        self, prompt: Prompt, unwanted: Prompt, base: Outfit, outfits: Sequence[Outfit]
    ) -> tuple[tuple[str, str], ...]:
        """Return name and hash of the embeddings in the texts, in A1111's order: what was read last stands first."""
        found: list[tuple[str, str]] = []
        texts = [(tuple(e.text for e in unwanted.parts[0].entries), base)]
        texts += [(tuple(e.text for e in p.entries), outfit) for p, outfit in zip(prompt.parts, outfits, strict=True)]
        for entries, outfit in dict.fromkeys(texts):
            embeddings = self._fitting(outfit)
            if not embeddings:
                continue
            hashes = {e.name: e.hash12 for e in embeddings}
            chunks = [chunk for text in entries for chunk in chunks_of(text, self.options, embeddings).chunks]
            names = dict.fromkeys(one.name for chunk in chunks for _, one in chunk.fixes)
            found = [*((name, hashes[name]) for name in names), *found]
        return tuple(found)

    def _padded(self, parts: list[Encoded], against: Encoded) -> tuple[list[Encoded], Encoded, str]:
        """Make prompt and negative prompt equally long, where that is asked for and needed."""
        how, long, short = self.request.pad_prompts, _length(parts[0]), _length(against)
        if how == "no" or long == short:
            return parts, against, ""
        if how == "pad-v0":
            if short < long:
                return parts, _lengthened(against, long), how
            return parts, _changed(against, lambda text: text[:, :long]), how
        wear(self.model)
        ((_, empty),) = encode_schedule(self.model, (Entry(1, ""),), TextOptions())
        times = abs(long - short) // empty.text.shape[1]
        tail = empty.text.repeat(1, times, 1)

        def grown(schedule: Encoded) -> Encoded:
            return _changed(schedule, lambda text: torch.cat([text, tail], 1))

        if short < long:
            return parts, grown(against), how
        return [grown(part) for part in parts], against, how


class Conditions:
    """What the UNet is given for some pictures, by count of evaluations.

    Args:
        model: whose UNet it is.
        texts: of the pictures; all of one structure.
        request: the run, for what an SDXL model is told about the picture.
        size: of the latents.
        extra: further tensors for every evaluation.
    """

    def __init__(
        self,
        model: Model,
        texts: Sequence[Texts],
        request: Generation,
        size: Size,
        extra: dict[str, torch.Tensor] | None = None,
    ) -> None:
        self.model, self.texts, self.extra = model, tuple(texts), dict(extra or {})
        pixels = size.scaled(model.factor)
        left, top = request.sdxl_crop or (0, 0)
        self._sizes: list[torch.Tensor] = []
        for aesthetic in _AESTHETICS:
            told = {
                5: (pixels.height, pixels.width, top, left, aesthetic),
                6: (pixels.height, pixels.width, top, left, pixels.height, pixels.width),
            }.get(model.family.sizes)
            if told is not None:
                self._sizes.append(torch.tensor([told], dtype=torch.float32))

    def positive(self, count: int) -> list[tuple[Cond, Weight]]:
        """Return the parts of the prompt at evaluation `count`, each with its weight."""
        first = self.texts[0]
        return [
            (self._cond([t.branches[k].schedule for t in self.texts], count, 0, branch.outfit), branch.pull)
            for k, branch in enumerate(first.branches)
        ]

    def negative(self, count: int) -> Cond:
        """Return the negative prompt at evaluation `count`."""
        return self._cond([t.negative for t in self.texts], count, 1, self.texts[0].base)

    def blank(self, count: int) -> Cond:
        """Return the negative prompt without the picture to edit."""
        cond = self.negative(count)
        return replace(cond, extra={**cond.extra, "concat": torch.zeros_like(cond.extra["concat"])})

    def _cond(self, schedules: Sequence[Encoded], count: int, side: int, outfit: Outfit) -> Cond:
        contexts = [at(schedule, count) for schedule in schedules]
        extra = dict(self.extra)
        pooled = [context.pooled for context in contexts if context.pooled is not None]
        if pooled:
            extra["pooled"] = torch.cat(pooled)
        if self._sizes:
            extra["sizes"] = self._sizes[side]
        return Cond(torch.cat([context.text for context in contexts]), extra, outfit)


def _length(schedule: Encoded) -> int:
    return int(schedule[0][1].text.shape[1])


def _lengthened(schedule: Encoded, tokens: int) -> Encoded:
    return tuple((end, lengthened(context, tokens)) for end, context in schedule)


def _changed(schedule: Encoded, change: Callable[[torch.Tensor], torch.Tensor]) -> Encoded:
    return tuple((end, replace(context, text=change(context.text))) for end, context in schedule)
