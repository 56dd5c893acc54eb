"""The models that stay loaded: the last used ones, as many as the settings allow and the memory holds.

A model that does not fit is refused before it is read. What it needs is counted from its header; what is free is asked
of the machine and of the graphics card.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

import torch

from redraw.errors import OutOfMemory
from redraw.models.facts import Facts
from redraw.models.memory import available
from redraw.models.model import Model, Saving

log = logging.getLogger(__name__)

_CPU: Final = torch.device("cpu")
_MB: Final = 1_000_000


@dataclass(frozen=True)
class Needs:
    """What a model will take.

    Attributes:
        name: what it is called.
        device, dtype: where it computes, and how.
        saving: how much of the device it takes; see `Model.save_memory`.
        unet, vae, text: bytes of its networks there.
    """

    name: str
    device: torch.device
    dtype: torch.dtype
    saving: Saving = "auto"
    unet: int = 0
    vae: int = 0
    text: int = 0

    @property
    def total(self) -> int:
        """Bytes of all its networks."""
        return self.unet + self.vae + self.text

    @property
    def largest(self) -> int:
        """Bytes of its largest network: what the device must hold at least."""
        return max(self.unet, self.vae, self.text)


def needs_of(
    name: str, facts: Facts, device: torch.device, dtype: torch.dtype, saving: Saving = "auto", vae: Facts | None = None
) -> Needs:
    """Return what a checkpoint will take, from what is known about its file and about another file with its VAE."""
    items, on_cpu = facts.items, device.type == "cpu"
    decoder = items.get("vae", 0) if vae is None else vae.items.get("vae", 0) + vae.items.get("other", 0)
    return Needs(
        name,
        device,
        dtype,
        saving,
        unet=items.get("unet", 0) * dtype.itemsize,
        vae=decoder * dtype.itemsize,
        text=items.get("text", 0) * (torch.float32 if on_cpu else dtype).itemsize,  # as `Model.to` has it
    )


class Kept:
    """Loaded models by a key, the last used ones; may be used by several threads.

    Args:
        limit: how many stay loaded.
        on_device: how many of these stay on a graphics card; the networks of others wait in the machine's memory.
        free: says how many bytes are free on a device.
    """

    def __init__(self, limit: int = 1, on_device: int = 1, free: Callable[[torch.device], int] = available) -> None:
        self.limit, self.on_device, self.free = limit, on_device, free
        self._models: OrderedDict[Hashable, Model] = OrderedDict()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._models)

    def get(self, key: Hashable, needs: Needs, load: Callable[[Saving], Model], beside: Model | None = None) -> Model:
        """Return the model of this key, loaded if it is not; others give way to it.

        Args:
            key: what tells models apart.
            needs: what it will take.
            load: loads it, with its networks where this way of saving memory has them.
            beside: a model that is in use and must stay as it is.

        Raises:
            OutOfMemory: it does not fit, even with all others gone.
        """
        with self._lock:
            model = self._models.get(key)
            if model is None:
                self._drop_to(max(0, self.limit - 1) if beside is None else max(1, self.limit - 1), beside)
                saving = self._make_room(needs, beside)
                log.info("loading %s", needs.name)
                model = self._models[key] = load(saving)
                if saving != needs.saving:
                    model.notes.append("the graphics card is too small for all of the model: parts of it take turns")
            self._models.move_to_end(key)
            self._settle(model, beside)
            return model

    def clear(self) -> None:
        """Let go of every model."""
        with self._lock:
            self._drop_to(0, None)

    def _make_room(self, needs: Needs, beside: Model | None) -> Saving:
        """Drop models until this one fits; return how it may be loaded."""
        tried: list[str] = []
        while True:
            saving = self._fitting(needs)
            if saving is not None:
                return saving
            held = sum(model is not beside for model in self._models.values())
            if held and self._park(beside):
                continue
            if held:
                self._drop_to(len(self._models) - 1, beside)
                tried = ["the other models were let go"]
                continue
            raise OutOfMemory(self._short_of(needs), tried)

    def _fitting(self, needs: Needs) -> Saving | None:
        """Return how the model can be loaded into what is free now, None if not at all."""
        if needs.device.type == "cpu":
            return needs.saving if needs.total <= self.free(_CPU) else None
        room = self.free(needs.device)
        if needs.saving == "auto" and needs.total <= room:
            return "auto"
        if needs.largest <= room and needs.total <= self.free(_CPU):
            return "medvram" if needs.saving == "auto" else needs.saving
        return None

    def _short_of(self, needs: Needs) -> str:
        on_cpu = needs.device.type == "cpu"
        wanted = needs.total if on_cpu else needs.largest
        room, rest = self.free(needs.device), self.free(_CPU)
        if not on_cpu and wanted <= room:  # it is the machine's memory that is short
            on_cpu, wanted, room = True, needs.total, rest
        place = "of memory" if on_cpu else f"on {needs.device}"
        advice = "close other programs or take a smaller model"
        if needs.dtype.itemsize > 2:
            advice = f"--dtype bf16 halves that; or {advice}"
        return f"{needs.name} needs {wanted // _MB} MB {place} and {room // _MB} MB are free; {advice}"

    def _park(self, beside: Model | None) -> bool:
        """Take one other model off a graphics card; return whether there was one."""
        for model in self._models.values():
            if model is not beside and model.offload(True):
                _free_cache()
                return True
        return False

    def _settle(self, model: Model, beside: Model | None) -> None:
        """Put this model on the device as it wants to be, and take those beyond the limit off it."""
        others = [one for one in reversed(self._models.values()) if one is not model and one is not beside]
        room = self.on_device - 1 - (beside is not None and beside is not model)
        for one in others[max(0, room) :]:
            one.offload(True)
        model.offload(model.saving != "auto")

    def _drop_to(self, count: int, beside: Model | None) -> None:
        """Drop the models that were not used for longest until `count` are left."""
        before = len(self._models)
        for key in [k for k, model in self._models.items() if model is not beside]:
            if len(self._models) <= count:
                break
            del self._models[key]
        if len(self._models) < before:
            gc.collect()
            _free_cache()


def _free_cache() -> None:
    """Give memory back that torch holds for later."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
