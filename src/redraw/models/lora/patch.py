"""Networks made ready for a model: new tensors for every module they change, worn and taken off by pointer."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from redraw.models.lora.file import LoraFile
from redraw.models.lora.match import Match, Report, match, modules_of
from redraw.models.lora.merge import Merge, Share
from redraw.models.lora.wardrobe import Slot, Wardrobe
from redraw.models.model import Model

_ALIGNMENT = 64


@dataclass(frozen=True)
class Use:
    """A network and how much of it.

    Attributes:
        file: the network.
        text: strength in the text encoders; any number, 1 as it was trained.
        unet: strength in the UNet.
        dyn: how many ranks of a LoRA are used, or None for all.
    """

    file: LoraFile
    text: float = 1.0
    unet: float = 1.0
    dyn: int | None = None


class Patch:
    """What networks make of a model, ready to be worn.

    Attributes:
        report: for each network, what was applied and what was not.
        text_key: what tells its text encoders from those with other networks; empty if it leaves them alone.
        bytes: the memory its tensors take.
    """

    def __init__(
        self,
        wardrobe: Wardrobe,
        tensors: Mapping[Slot, torch.Tensor],
        report: tuple[Report, ...] = (),
        text_key: Hashable = (),
    ) -> None:
        self._wardrobe, self._tensors = wardrobe, tensors
        self.report, self.text_key = report, text_key
        self.bytes = sum(t.nbytes for t in tensors.values())

    def __len__(self) -> int:
        """Return how many tensors it replaces."""
        return len(self._tensors)

    def __bool__(self) -> bool:
        """Return whether it replaces anything."""
        return bool(self._tensors)

    @contextmanager
    def worn(self) -> Iterator[None]:
        """While inside, the model has these networks and no others; then what it had before, bit for bit.

        May be nested: inside another patch, this one stands instead of it. Changing between patches moves pointers
        only.
        """
        with self._wardrobe.wearing(self._tensors):
            yield


def prepare(model: Model, uses: Sequence[Use]) -> Patch:
    """Return the model's changed tensors for networks in the order they were named.

    New weights are computed in fp32 from the model's own, whatever is worn at the time, and rounded once to the
    format each module has. Recent patches are kept, so the same wish again costs nothing.

    Raises:
        ModelError: a network was made for another family of models, fits nowhere, or is broken; says which key.
    """
    wardrobe = Wardrobe.of(model)
    text = model.text_encoders[0].body.final_layer_norm.weight
    key = (
        *((u.file.stamp, u.text, u.unet, u.dyn) for u in uses),
        (model.dtype, text.dtype, model.fp8, _place_of(model.unet), text.device),
    )
    known = wardrobe.known(key)
    if known is not None:
        return known
    with torch.inference_mode(False), torch.no_grad():
        matches = [match(model, wardrobe.names, use.file) for use in uses]
        tensors = _tensors(wardrobe, _shares(uses, matches), model.device, model.dtype)
    text_key = tuple((u.file.stamp, u.text, u.dyn) for u, m in zip(uses, matches, strict=True) if u.text and m.texts)
    patch = Patch(wardrobe, tensors, tuple(m.report for m in matches), text_key)
    wardrobe.keep(key, patch, model.device)
    return patch


def _place_of(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


def _shares(uses: Sequence[Use], matches: Sequence[Match]) -> dict[nn.Module, list[Share]]:
    """Return what is done to each module, in the order of the networks."""
    found: dict[nn.Module, list[Share]] = {}
    for use, matched in zip(uses, matches, strict=True):
        for target, layer in matched.found:
            strength = use.unet if target.network == "unet" else use.text
            if strength == 0:
                continue
            for module, rows in modules_of(target):
                found.setdefault(module, []).append(Share(use.file, layer, strength, use.dyn, rows))
    return found


def _tensors(
    wardrobe: Wardrobe, shares: Mapping[nn.Module, Sequence[Share]], device: torch.device, dtype: torch.dtype
) -> dict[Slot, torch.Tensor]:
    """Return the new tensors; those of weights that are stored in eight bits get the network's own format."""
    slots = [(m, n) for m, some in shares.items() for n in ("weight", "bias") if any(s.changes(n) for s in some)]
    made = _room(wardrobe, slots, dtype)
    for module, some in shares.items():
        work = Merge(some, device)
        weight = wardrobe.own((module, "weight"))
        if weight is not None and (module, "weight") in made:
            work.weight(weight, made[module, "weight"])
        if (module, "bias") in made:
            work.bias(wardrobe.own((module, "bias")), made[module, "bias"])
    return made


def _room(wardrobe: Wardrobe, slots: Sequence[Slot], wide: torch.dtype) -> dict[Slot, torch.Tensor]:
    """Return empty tensors for slots: on a CPU side by side in one block."""
    like = {}
    for slot in slots:
        own, weight = wardrobe.own(slot), wardrobe.own((slot[0], "weight"))
        shape = own.shape if own is not None else None if weight is None else weight.shape[:1]
        if weight is not None and shape is not None:
            like[slot] = (shape, weight.dtype if weight.dtype.itemsize > 1 else wide, weight.device)
    if any(device.type != "cpu" for _, _, device in like.values()):
        return {slot: torch.empty(shape, dtype=dtype, device=device) for slot, (shape, dtype, device) in like.items()}
    sizes = [-(-shape.numel() * dtype.itemsize // _ALIGNMENT) * _ALIGNMENT for shape, dtype, _ in like.values()]
    block = wardrobe.blocks.take(sum(sizes) + _ALIGNMENT)
    at = -block.data_ptr() % _ALIGNMENT
    out = {}
    for (slot, (shape, dtype, _)), size in zip(like.items(), sizes, strict=True):
        out[slot] = block[at : at + shape.numel() * dtype.itemsize].view(dtype).view(shape)
        at += size
    return out
