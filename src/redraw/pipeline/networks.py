"""The networks a run wears over its model: LoRA and hypernetworks, put on for an evaluation and taken off at the end.

Putting on is an exchange of pointers (see `redraw.models.lora`), so that every part of a prompt may wear its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

import torch

from redraw.conditioning.tags import Tag, strengths
from redraw.errors import UnknownName
from redraw.models import hypernetwork
from redraw.models.embeddings import Embedding
from redraw.models.hypernetwork import Hypernetwork
from redraw.models.lora import Use, prepare
from redraw.models.model import Model
from redraw.models.shelf import Shelf

LORA: Final = "lora"
HYPERNET: Final = "hypernet"
REGION: Final = "region"
_FOREIGN: Final = 4  # how many of a file's keys that found no place are named in a note


@dataclass(frozen=True)
class Outfit:
    """Networks that are worn together, in order; equal ones are the same outfit.

    Attributes:
        tags: as they were asked for.
        loras: the files behind them, with their strengths.
        hypernetworks: and those, each with its strength.
    """

    tags: tuple[str, ...] = ()
    loras: tuple[Use, ...] = field(default=(), compare=False)
    hypernetworks: tuple[tuple[Hypernetwork, float], ...] = field(default=(), compare=False)

    def __bool__(self) -> bool:
        return bool(self.loras or self.hypernetworks)

    @property
    def identity(self) -> Hashable:
        """What tells it from others: its tags, and the files that are behind them now."""
        return self.tags, tuple(use.file.stamp for use in self.loras), tuple(id(one) for one, _ in self.hypernetworks)

    @property
    def hashes(self) -> dict[str, str]:
        """Name and short hash of every LoRA, as infotexts list them."""
        names = [tag.split(":")[1].rstrip(">") for tag in self.tags if tag.startswith(f"<{LORA}:")]
        return {name: use.file.hash12 for name, use in zip(names, self.loras, strict=True)}

    @property
    def bundled(self) -> list[Embedding]:
        """The embeddings that came inside its LoRA files."""
        return [embedding for use in self.loras for embedding in use.file.embeddings]


NOTHING: Final = Outfit()
_Worn = tuple[Outfit, torch.dtype, ExitStack]
_worn: WeakKeyDictionary[Model, _Worn] = WeakKeyDictionary()


class Networks:
    """Finds the networks that prompts name, and puts them on a model.

    Args:
        model: who wears them.
        shelf: where they are found.
        ignore: go on without a network that is not at hand; else it is an error.
        wears: whether the model wears networks at all; a refiner does not, since they were made for the first model.

    Attributes:
        notes: what is to be said: networks that are missing, keys that found no place.
    """

    def __init__(self, model: Model, shelf: Shelf, *, ignore: bool = False, wears: bool = True) -> None:
        self.model, self.shelf, self.ignore, self.wears = model, shelf, ignore, wears
        self.notes: list[str] = []
        self._checked: set[Outfit] = set()

    def outfit(self, tags: Iterable[Tag]) -> Outfit:
        """Return what some tags ask for; tags of other kinds are left out.

        Raises:
            UnknownName: a network is not at hand, unless such are ignored.
            ModelError: a file is damaged, or is for another family.
        """
        loras: list[Use] = []
        hypernetworks: list[tuple[Hypernetwork, float]] = []
        worn: list[str] = []
        asked = [tag for tag in tags if tag.kind in (LORA, HYPERNET)]
        if asked and not self.wears:
            self._say(f"{self.model.name} works without the networks of the prompt, as the refiner")
            return NOTHING
        for tag in asked:
            strength = strengths(tag)
            if strength.unread:
                self._say(f"{tag}: {', '.join(strength.unread)} is no number; 1 was taken")
            try:
                if tag.kind == LORA:
                    loras.append(Use(self.shelf.lora(tag.name), strength.text, strength.unet, strength.dyn))
                else:
                    hypernetworks.append((self.shelf.hypernetwork(tag.name), strength.text))
                worn.append(str(tag))
            except UnknownName as error:
                if not self.ignore:
                    raise
                self._say(f"{error}; it was left out")
        return Outfit(tuple(worn), tuple(loras), tuple(hypernetworks))

    def check(self, outfit: Outfit) -> None:
        """Make an outfit ready for the model and note what of it found no place.

        Raises:
            ModelError: a network is damaged, or for another family.
        """
        if outfit in self._checked:
            return
        self._checked.add(outfit)
        for report in prepare(self.model, outfit.loras).report if outfit.loras else ():
            for note in report.notes:
                self._say(f"{report.name}: {note}")
            if report.unapplied:
                self._say(f"{report.name}: {_foreign(report.unapplied)}")
        for one, _ in outfit.hypernetworks:
            for misfit in hypernetwork.misfits(self.model, one):
                self._say(misfit)

    def _say(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def wear(model: Model, outfit: Outfit = NOTHING) -> None:
    """Let a model wear these networks and nothing else; what it wears already costs nothing."""
    now = _worn.get(model)
    if (now[:2] if now is not None else (NOTHING, model.dtype)) == (outfit, model.dtype):
        return
    if now is not None:
        del _worn[model]
        now[2].close()
    if not outfit:
        return
    with ExitStack() as stack:
        if outfit.loras:
            stack.enter_context(prepare(model, outfit.loras).worn())
        if outfit.hypernetworks:
            stack.enter_context(hypernetwork.applied(model, outfit.hypernetworks))
        _worn[model] = (outfit, model.dtype, stack.pop_all())


def _foreign(unapplied: Sequence[tuple[str, str]]) -> str:
    """Return a sentence on the keys of a file that found no place in the model."""
    shown = [f"{key} (nearest: {near})" if near else key for key, near in unapplied[:_FOREIGN]]
    more = f" and {len(unapplied) - _FOREIGN} more" if len(unapplied) > _FOREIGN else ""
    return f"{len(unapplied)} of its keys were not applied: {', '.join(shown)}{more}"
