"""Which change of a network file belongs to which module of a model, and what is left over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from redraw.errors import ModelError
from redraw.models.lora.file import Layer, LoraFile
from redraw.models.lora.names import Names, Target
from redraw.models.lora.origin import family_label
from redraw.models.model import Model


@dataclass(frozen=True)
class Report:
    """What became of a network file's keys.

    Attributes:
        name: the file's name without its ending.
        applied: how many of its keys were used.
        unapplied: every other key with the nearest known module name, which is empty where none is near.
        notes: remarks for the user.
    """

    name: str
    applied: int
    unapplied: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Match:
    """A file's changes with their places in a model."""

    found: tuple[tuple[Target, Layer], ...]
    report: Report

    @property
    def texts(self) -> bool:
        """Whether a text encoder changes."""
        return any(target.network != "unet" for target, _ in self.found)


def match(model: Model, names: Names, file: LoraFile) -> Match:
    """Return where the changes of `file` belong.

    Raises:
        ModelError: it was made for another family, or no key fits.
    """
    _refuse_other_family(model, file, file.proven_family)
    found: list[tuple[Target, Layer]] = []
    left: list[tuple[str, str]] = list(file.foreign)
    for layer in file.layers:
        target = names.find(layer.module)
        keys = list(layer.keys.items())
        if target is None:
            left += [(key, layer.module) for _, key in keys]
            continue
        usable = _usable(layer, target)
        left += [(key, layer.module) for part, key in keys if part not in usable]
        if usable:
            found.append((target, layer))
    if not found:
        _refuse_other_family(model, file, file.family)
        example = left[0][0] if left else "none"
        raise ModelError(f"{file.path.name} changes nothing in {model.name}: no key fits, for example {example}")
    order = {key: i for i, key in enumerate(k for layer in file.layers for k in layer.keys.values())}
    left.sort(key=lambda pair: order.get(pair[0], -1))
    nearest = {module: names.nearest(module) for module in dict.fromkeys(module for _, module in left)}
    unapplied = tuple((key, nearest[module]) for key, module in left)
    applied = sum(len(layer.keys) for _, layer in found) - sum(_wasted(t, x) for t, x in found)
    return Match(tuple(found), Report(file.name, applied, unapplied, tuple(_notes(file, unapplied))))


def _usable(layer: Layer, target: Target) -> Mapping[str, str]:
    """Return the parts that the module has a place for."""
    if any(not hasattr(m, "bias") for m in target.modules):
        return {p: k for p, k in layer.keys.items() if p not in ("diff_b", "b_norm", "up_bias")}
    return layer.keys


def _wasted(target: Target, layer: Layer) -> int:
    return len(layer.keys) - len(_usable(layer, target))


def _refuse_other_family(model: Model, file: LoraFile, family: str | None) -> None:
    if family is not None and family != model.family.name:
        raise ModelError(f"{file.path.name} was made for {family_label(family)}; {model.name} is {model.family.label}")


def _notes(file: LoraFile, unapplied: tuple[tuple[str, str], ...]) -> list[str]:
    notes = []
    if unapplied:
        keys = f"{len(unapplied)} keys" if len(unapplied) > 1 else "one key"
        near = f" (nearest: {unapplied[0][1]})" if unapplied[0][1] else ""
        notes.append(f"{keys} of {file.path.name} not applied, the first is {unapplied[0][0]}{near}")
    if file.bundled:
        names = ", ".join(dict.fromkeys(key.split(".")[1] for key in file.bundled))
        notes.append(f"{file.path.name} brings the embeddings {names}")
    return notes


def modules_of(target: Target) -> tuple[tuple[nn.Module, tuple[int, int]], ...]:
    """Return each module of a target, with its part of the outputs and the number of parts."""
    return tuple((m, (i, len(target.modules))) for i, m in enumerate(target.modules))
