"""How much memory is at hand, and whether a picture's VAE calls fit into it; planned before a run starts.

The factor was measured as the growth of a process's resident memory on a CPU (torch 2.13, channels-last), with 32 to
128 channels at full size and pictures of 384 to 768 pixels. An fp32 encoding took 4.0 to 5.1 tensors of the largest
size in it; a decoding took 3.0 to 3.7 where the widths fall at full size, as in Stable Diffusion, and 5.0 where not.
Where the largest tensor had less than 32 MiB up to 9.3 were seen (presumably gaps in the allocator's heap): for such
small pictures, below 300 MiB in all, the estimate is no upper bound.
bf16 is widened inside on a CPU without bf16 instructions and took 27 (decoding) and 32 bytes for each number of such a
tensor. GPUs were not measured; the same factor is taken, with the format's own size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil
import torch

from redraw.models.model import Model
from redraw.models.vae_tiles import Stage, decoder_stages, encoder_stages

TILES: Final = (1024, 768, 512, 384, 256)
SHARE: Final = 2  # a VAE call may take this part of what is free: one half
_ALIVE: Final = 7.0  # largest tensors alive at once: 5.3 at most calls, 6.9 at the worst that was measured
_WIDENED: Final = 8  # bytes for each number of half precision on a CPU
_CGROUPS: Final = Path("/sys/fs/cgroup")


def available(device: torch.device | str) -> int:
    """Return the bytes that are free now on `device`: of the GPU, or of this machine or container."""
    device = torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(psutil.virtual_memory().available)
    limit = container_free(_CGROUPS)
    return free if limit is None else min(free, limit)


def container_free(root: Path) -> int | None:
    """Return the bytes a container's limit leaves free, None where there is none.

    `root` holds the files of cgroup version 2 (memory.max, memory.current) or, under memory/, of version 1. File pages
    the kernel can drop do not count as used.
    """
    for folder, most, used, dropped in (
        (root, "memory.max", "memory.current", "inactive_file"),
        (root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            limit = (folder / most).read_text(encoding="ascii").strip()
            usage = int((folder / used).read_text(encoding="ascii"))
            lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
        except (OSError, ValueError):
            continue
        if limit.isdecimal():
            cache = next((int(value) for name, value in map(str.split, lines) if name == dropped), 0)
            return max(0, int(limit) - usage + cache)
    return None


def vae_bytes(model: Model, width: int, height: int, *, decode: bool) -> int:
    """Return an upper estimate of what one untiled VAE call adds to the memory in use at its peak, in bytes."""
    stages = _stages(model, decode)
    return int(width * height * _largest(stages) * _ALIVE * _number(model))


def tiled_bytes(model: Model, width: int, height: int, tile: int, *, decode: bool) -> int:
    """Return the same for a call in tiles: what is kept of the whole picture, and one tile with its surroundings."""
    stages = _stages(model, decode)
    kept = max(s.given / s.ops[0].before ** 2 + s.made / s.ops[-1].after ** 2 for s in stages)
    around = 2 * max(sum(op.reach for op in stage.ops) + model.factor for stage in stages)
    side = min(tile + around, max(width, height))
    work = side**2 * _largest(stages) * _ALIVE * _number(model)
    return int(width * height * kept * model.vae_dtype.itemsize + work)


def tile_for(model: Model, width: int, height: int, available: int) -> int | None:
    """Return the VAE tile's side in pixels for a picture of this size, None where it may run whole.

    A call may take half of `available` bytes. Of `TILES` the largest that fits is taken, 256 if none does.
    """
    room = available // SHARE
    if max(vae_bytes(model, width, height, decode=d) for d in (False, True)) <= room:
        return None
    for tile in TILES:
        if tile < max(width, height) and all(
            tiled_bytes(model, width, height, tile, decode=d) <= room for d in (False, True)
        ):
            return tile
    return TILES[-1]


def _stages(model: Model, decode: bool) -> list[Stage]:
    return decoder_stages(model.vae.decoder) if decode else encoder_stages(model.vae.encoder)


def _largest(stages: list[Stage]) -> float:
    """Return how many numbers for each pixel the largest tensor has."""
    return max(stage.width / stage.finest**2 for stage in stages)


def _number(model: Model) -> int:
    """Return the bytes that a number takes on average."""
    half = model.vae_dtype.itemsize < 4
    return _WIDENED if half and model.device.type == "cpu" else model.vae_dtype.itemsize
