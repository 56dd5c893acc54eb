"""Runs heal themselves: what is tried when a network gives no number, no picture, or runs out of memory.

Always the smallest change that can help: the VAE in fp32, then the UNet in fp32; VAE tiles, then one prompt and one
picture at a time, then networks moved out while they rest. Where nothing is left to change, a step is repeated once as
it was, because some faults pass. What was changed is undone after the run (`Model.restore`) and stands in the notes.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import numpy as np
import torch

from redraw.errors import ModelError, NonFinite, OutOfMemory
from redraw.geometry import Size
from redraw.image.picture import Pixels
from redraw.image.profile import to_eight_bits
from redraw.models.memory import available, tile_for
from redraw.models.model import Model
from redraw.pipeline.scene import Scene

T = TypeVar("T")
Part = Literal["vae", "unet"]
TILES: Final = (512, 256)
BLACK: Final = 1  # levels of 255: nothing is brighter
SAME: Final = 1  # levels of 255: no channel of the masked part differs by more
HALF: Final = 128  # of the mask: what is above is to be new
ENOUGH: Final = 0.3  # strength above which the masked part must have changed


@dataclass
class Healer:
    """What has been changed so far in a run, and what comes next.

    Attributes:
        model: the networks, changed in place.
        side: the longer one of the canvas, pixels; tiles that are not smaller save nothing.
        together: pictures and prompts share one evaluation; False once memory ran out.
        tried: what was changed for memory's sake, for the error if it all fails.
        notes: what is to be said with the results, in order.
    """

    model: Model
    side: int = 0
    together: bool = True
    tried: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _repeated: set[tuple[Part, int]] = field(default_factory=set)

    def plan_memory(self, size: Size, asked: int | None) -> None:
        """Choose VAE tiles before the start: as asked, else where a picture of `size` would not fit the memory."""
        model, self.side = self.model, max(size)
        if asked is not None:
            model.vae_tile = asked or None
            return
        model.vae_tile = tile_for(model, size.width, size.height, available(model.device))
        if model.vae_tile is not None:
            self.notes.append(
                f"the memory at hand is small for {size}: the VAE runs in tiles of {model.vae_tile} pixels"
            )

    def retried(self, part: Part, picture: int, action: Callable[[], T]) -> T:
        """Return what `action` gives, changing what can help and doing it again where it fails."""
        while True:
            try:
                return action()
            except (NonFinite, OutOfMemory) as error:
                self.heal(part, picture, error)

    def heal(self, part: Part, picture: int, error: ModelError) -> None:
        """Change the next thing that can help against `error` in `part`, or raise it again.

        `picture` is the number of the picture at work; each may repeat a step unchanged once.
        """
        if isinstance(error, OutOfMemory):
            _let_go()
            if self._less_memory(part) or self._once_more(part, picture):
                return
            raise OutOfMemory(error.needed, [*self.tried, "once more"])
        if self.model.raise_precision(part) or self._once_more(part, picture):
            return
        raise error

    def _less_memory(self, part: Part) -> bool:
        model = self.model
        if part == "vae":
            for tile in TILES:
                if tile < min(self.side, model.vae_tile or self.side):
                    model.vae_tile = tile
                    return self._say(f"VAE tiles of {tile} pixels")
        elif self.together:
            self.together = False
            return self._say("one prompt at a time")
        if model.offload(True):
            return self._say("networks out of the way while they rest")
        return False

    def _say(self, change: str) -> bool:
        self.tried.append(change)
        self.notes.append(f"memory ran out; it went on with {change}")
        return True

    def _once_more(self, part: Part, picture: int) -> bool:
        """Allow each part of each picture one repetition."""
        if (part, picture) in self._repeated:
            return False
        self._repeated.add((part, picture))
        self.notes.append(f"the {part.upper() if part == 'vae' else 'UNet'} failed once; the step was repeated")
        return True


def complaint(pixels: Pixels, scene: Scene | None) -> str:
    """Return what is wrong with a picture that has numbers but looks failed, "" if nothing is.

    Args:
        pixels: what the model gave, `[h, w, 3]` on the canvas.
        scene: what was redrawn, None for txt2img.
    """
    eight = to_eight_bits(pixels)
    if int(eight.max(initial=0)) <= BLACK:
        return "the picture is all black"
    if scene is None or scene.mask is None or float(scene.request.strength) <= ENOUGH:
        return ""
    before, inside = np.asarray(scene.image), scene.mask >= HALF
    if before.shape != eight.shape or not inside.any():
        return ""
    change = np.abs(eight[inside].astype(np.int16) - before[inside])
    return "nothing changed inside the mask" if int(change.max()) <= SAME else ""


def _let_go() -> None:
    """Give back what memory is held without being used."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def memory_for(what: str) -> Iterator[None]:
    """While inside, turn the device's complaint that memory ran out, on a GPU or a CPU, into ours."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise OutOfMemory(what) from None
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise OutOfMemory(what) from None
