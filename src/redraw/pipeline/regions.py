"""Parts of a prompt that count only somewhere: `a fox <region:left> AND a bear <region:right>`.

The choice is made on the latent: each part is evaluated over the whole picture, with its own networks, and its pull is
multiplied by its area (Bar-Tal et al. 2023, "MultiDiffusion", with guidance instead of whole predictions). That works
for every sampler, family and network alike; attention of another part never looks in, and parts meet softly where
their areas do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch.nn.functional import interpolate

from redraw.conditioning.tags import Tag
from redraw.errors import RequestError
from redraw.geometry import Size

EVERYWHERE: Final = "all"
_PLACES: Final[Mapping[str, tuple[float, float, float, float]]] = {
    "left": (0, 0, 0.5, 1),
    "right": (0.5, 0, 0.5, 1),
    "top": (0, 0, 1, 0.5),
    "bottom": (0, 0.5, 1, 0.5),
    "center": (0.25, 0.25, 0.5, 0.5),
}
_ALLOWED: Final = (
    f"it is the number of a region mask, one of {', '.join(_PLACES)}, {EVERYWHERE}, "
    "or left,top,width,height as shares of the picture, as 0,0,0.5,1"
)


def part_areas(
    regions: Sequence[Tag | None], masks: Sequence[torch.Tensor], size: Size
) -> tuple[torch.Tensor | None, ...]:
    """Return where each part of a prompt counts, `[1, 1, h, w]` in 0..1, or None for everywhere.

    A part without a region has what the others leave. Where areas overlap, they share: their sum is at most 1. A prompt
    without any region counts everywhere.

    Args:
        regions: the region tag of each part, or None.
        masks: of the request, `[h, w]` in 0..1, any size.
        size: of the latent.

    Raises:
        RequestError: a region that is no place, or the number of a mask that is not there.
    """
    if all(region is None for region in regions):
        return (None,) * len(regions)
    found = [None if tag is None or tag.name == EVERYWHERE else _area(tag, masks, size) for tag in regions]
    claimed = [area for area in found if area is not None]
    total = torch.stack(claimed).sum(0) if claimed else torch.zeros(1, 1, size.height, size.width)
    shared = total.clamp(min=1.0)
    rest = (1.0 - total).clamp(min=0.0)
    areas: list[torch.Tensor | None] = []
    for tag, area in zip(regions, found, strict=True):
        if area is not None:
            areas.append(area / shared)
        else:
            areas.append(rest if tag is None else None)
    return tuple(areas)


def _area(tag: Tag, masks: Sequence[torch.Tensor], size: Size) -> torch.Tensor:
    name = tag.name.strip().lower()
    if name in _PLACES:
        return _box(_PLACES[name], size)
    if name.isdecimal():
        if not 1 <= int(name) <= len(masks):
            raise RequestError("prompt", str(tag), f"there are {len(masks)} region masks")
        full = masks[int(name) - 1][None, None]
        return interpolate(full, (size.height, size.width), mode="area").clamp(0, 1)
    try:
        left, top, width, height = (float(number) for number in name.split(","))
    except ValueError:
        raise RequestError("prompt", str(tag), _ALLOWED) from None
    if not (0 <= left < 1 and 0 <= top < 1 and 0 < width <= 1 and 0 < height <= 1):
        raise RequestError("prompt", str(tag), _ALLOWED)
    return _box((left, top, width, height), size)


def _box(box: tuple[float, float, float, float], size: Size) -> torch.Tensor:
    """Return a box given in shares of the picture; cells that it covers in part count in part."""
    left, top, width, height = box

    def covered(start: float, length: float, cells: int) -> torch.Tensor:
        edges = torch.arange(cells + 1, dtype=torch.float32) / cells
        inside = edges.clamp(start, min(1.0, start + length)).diff() * cells
        return inside.clamp(0, 1)

    return (covered(top, height, size.height)[:, None] * covered(left, width, size.width)[None])[None, None]
