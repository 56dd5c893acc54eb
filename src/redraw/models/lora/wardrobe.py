"""What a model wears: tensors put in the place of its own for a while, and its own put back afterwards.

Only pointers change. A module's own parameters are kept aside untouched, so whatever happens while others are worn,
the same storage returns. One thing is carried over: a network that was moved or converted meanwhile (offloading, a
retry in fp32) gets its own tensors back on the new device and in the new format, as if they had been there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import torch
from torch import nn

from redraw.models.lora.blocks import Blocks
from redraw.models.lora.names import Names
from redraw.models.memory import available
from redraw.models.model import Model

if TYPE_CHECKING:
    from redraw.models.lora.patch import Patch

Slot = tuple[nn.Module, str]
SHARE: Final = 4  # patches kept for later may take this part of what is free: one fourth

_wardrobes: WeakKeyDictionary[Model, Wardrobe] = WeakKeyDictionary()


class Wardrobe:
    """The patches of one model.

    Attributes:
        names: the model's modules by every name.
        blocks: memory for new patches.
        worn: the set of tensors worn now, by slot; None for the model's own.
    """

    def __init__(self, model: Model) -> None:
        self.names = Names(model)
        self.blocks = Blocks()
        self.worn: Mapping[Slot, torch.Tensor] | None = None
        self._own: dict[Slot, nn.Parameter | None] = {}
        self._entered: dict[Slot, torch.dtype] = {}
        self._live: dict[Slot, dict[int, tuple[torch.Tensor, nn.Parameter]]] = {}
        self._kept: OrderedDict[Hashable, Patch] = OrderedDict()

    @staticmethod
    def of(model: Model) -> Wardrobe:
        """Return the model's wardrobe."""
        found = _wardrobes.get(model)
        if found is None:
            found = _wardrobes[model] = Wardrobe(model)
        return found

    def own(self, slot: Slot) -> nn.Parameter | None:
        """Return the model's own parameter, whatever is worn."""
        return self._own[slot] if slot in self._own else slot[0]._parameters[slot[1]]

    def known(self, key: Hashable) -> Patch | None:
        """Return the patch that was kept under `key`."""
        patch = self._kept.get(key)
        if patch is not None:
            self._kept.move_to_end(key)
        return patch

    def keep(self, key: Hashable, patch: Patch, device: torch.device) -> None:
        """Keep a patch for later; the longest unused ones go when all together take too much."""
        self._kept[key] = patch
        room = available(device) // SHARE
        while len(self._kept) > 1 and sum(p.bytes for p in self._kept.values()) > room:
            self._kept.popitem(last=False)
        if self.blocks.bytes > room:
            self.blocks.drop()

    def forget(self) -> None:
        """Let every kept patch go."""
        self._kept.clear()

    @contextmanager
    def wearing(self, tensors: Mapping[Slot, torch.Tensor]) -> Iterator[None]:
        """Put `tensors` in the place of the model's own, and of what is worn now; afterwards as it was."""
        before = self.worn
        try:
            self._change(tensors)
            yield
        finally:
            self._change(before)

    def _change(self, tensors: Mapping[Slot, torch.Tensor] | None) -> None:
        wanted = tensors or {}
        self.worn = tensors
        for slot in [s for s in self._own if s not in wanted]:
            self._take_off(slot)
            if tensors is None:
                self._live.pop(slot, None)
        for slot, tensor in wanted.items():
            self._put_on(slot, tensor)
        if tensors is None:
            self._live.clear()

    def _put_on(self, slot: Slot, tensor: torch.Tensor) -> None:
        module, name = slot
        now = module._parameters[name]
        live = self._live.setdefault(slot, {})
        if id(tensor) not in live:  # the tensor is kept too, or another might get its id
            live[id(tensor)] = (tensor, nn.Parameter(tensor, requires_grad=False))
        parameter = live[id(tensor)][1]
        like = now if now is not None else module._parameters["weight"]
        if like is not None and (like.device != parameter.device or like.dtype is not parameter.dtype):
            stored = slot not in self._own and like.dtype.itemsize == 1  # eight bits are widened by the layer itself
            parameter.data = parameter.data.to(like.device, parameter.dtype if stored else like.dtype)
        if slot not in self._own:
            self._own[slot], self._entered[slot] = now, parameter.dtype
        module._parameters[name] = parameter

    def _take_off(self, slot: Slot) -> None:
        module, name = slot
        now, own, entered = module._parameters[name], self._own.pop(slot), self._entered.pop(slot)
        if own is not None and now is not None:
            converted = now.dtype is not entered and own.dtype.itemsize > 1
            if own.device != now.device or converted:
                own.data = own.data.to(now.device, now.dtype if converted else own.dtype)
        module._parameters[name] = own
