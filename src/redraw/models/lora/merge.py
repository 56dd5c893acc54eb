"""New weights of one module: the original in fp32, plus what every network adds, in the order they were named.

What a relative kind (OFT, IA3, GLoRA, DoRA) adds depends on the weight it meets, so networks before it count, as in
A1111. All others only add; within a row of such the sum is taken in a fixed order, so that it never depends on the
order in the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import torch

from redraw.errors import ModelError
from redraw.models.lora.file import Layer, LoraFile
from redraw.models.lora.formulas import Misfit, Parts, decomposed, low_rank, sparse

_BIASES = frozenset(("diff_b", "b_norm", "up_bias"))
_PLAIN = frozenset(("up", "down", "mid", "alpha", "scale", "up_bias", "diff_b"))

_CACHED: Final = 1 << 19  # numbers whose product stays in a core's cache (2 MiB)


@dataclass(frozen=True)
class Share:
    """What one network does to one module.

    Attributes:
        file, layer: whose change this is.
        strength: what it is multiplied by.
        dyn: how many ranks are used, or None for all.
        rows: which of how many equal parts of the outputs, where one change covers several modules.
    """

    file: LoraFile
    layer: Layer
    strength: float
    dyn: int | None = None
    rows: tuple[int, int] = (0, 1)

    @property
    def relative(self) -> bool:
        """Whether the change depends on the weight it meets."""
        return self.layer.kind.relative or "dora_scale" in self.layer.keys

    def changes(self, name: str) -> bool:
        """Return whether the module's `weight` or `bias` changes."""
        biases = _BIASES & set(self.layer.keys)
        return bool(biases) if name == "bias" else bool(set(self.layer.keys) - _BIASES - {"alpha", "scale"})

    @property
    def order(self) -> tuple[object, ...]:
        """Where it stands among changes that may be summed in any order."""
        return (self.file.stamp, self.strength, self.dyn or 0, self.layer.module)


class Merge:
    """The making of one module's new tensors.

    Attributes:
        shares: all that is done to the module, in order.
        device: where it is computed.
    """

    def __init__(self, shares: Sequence[Share], device: torch.device) -> None:
        self.device = device
        self.shares = [
            s
            for relative, run in groupby(shares, lambda s: s.relative)
            for s in (run if relative else sorted(run, key=lambda s: s.order))
        ]
        self.parts = [s.file.parts(s.layer, device) for s in self.shares]

    def weight(self, original: torch.Tensor, out: torch.Tensor) -> None:
        """Write the new weight into `out`."""
        w = original.detach().to(self.device, torch.float32)
        ups: list[torch.Tensor] = []
        downs: list[torch.Tensor] = []
        target = out if out.dtype is torch.float32 and out.device == self.device else None
        given = w
        for share, parts in zip(self.shares, self.parts, strict=True):
            try:
                if not share.relative and share.layer.kind.name == "LoRA" and parts.keys() <= _PLAIN:
                    up, down = _factors(share, parts, w)
                    ups.append(up.mul(share.strength * share.file.scale(share.layer, parts)))
                    downs.append(down)
                    continue
                if share.relative and ups:
                    w = _added(w, ups, downs, None)
                    ups, downs = [], []
                change = _change(share, parts, w)
            except Misfit as error:
                raise misfit(share, error) from error
            w = torch.add(w, change, alpha=share.strength) if w is given else w.add_(change, alpha=share.strength)
        if ups:
            w = _added(w, ups, downs, target)
        if w is not target:
            out.copy_(w)

    def bias(self, original: torch.Tensor | None, out: torch.Tensor) -> None:
        """Write the new bias into `out`; without an original it starts at zero."""
        start = torch.zeros_like(out) if original is None else original.detach()
        b = start.to(self.device, torch.float32)
        for share, parts in zip(self.shares, self.parts, strict=True):
            scale = share.strength * share.file.scale(share.layer, parts)
            for part, factor in (("diff_b", share.strength), ("b_norm", share.strength), ("up_bias", scale)):
                if part not in parts:
                    continue
                values = parts[part].flatten()
                count, whole = share.rows
                values = values.chunk(whole)[count] if len(values) % whole == 0 else values
                if values.shape != b.shape:
                    raise misfit(share, Misfit(f"{len(values)} values do not fit {len(b)} outputs", part))
                b = torch.add(b, values, alpha=factor)
        out.copy_(b)


def misfit(share: Share, error: Misfit) -> ModelError:
    """Return the error for a change that does not fit, with the key's name."""
    key = share.layer.keys.get(error.part, share.layer.key)
    return ModelError(f"{share.file.path.name}: {key} does not fit the model: {error}")


def _factors(share: Share, parts: Parts, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    part, whole = share.rows
    met = w if whole == 1 else torch.empty((w.shape[0] * whole, *w.shape[1:]), device="meta")  # only its shape counts
    up, down = low_rank(parts, _narrowed(met, parts), share.dyn)
    up = up.chunk(whole)[part]
    wide = w[0].numel() - down.shape[1]
    return up, torch.nn.functional.pad(down, (0, wide)) if wide else down


def _change(share: Share, parts: Parts, w: torch.Tensor) -> torch.Tensor:
    """Return a change in the weight's shape, at strength 1."""
    part, whole = share.rows
    met = w if whole == 1 else torch.cat([w] * whole)
    met = _narrowed(met, parts)
    change = share.layer.kind.change(parts, met)
    if "bias_values" in parts:
        change = change + sparse(parts, met)
    change = change * share.file.scale(share.layer, parts)
    if "dora_scale" in parts:
        change = decomposed(change, met, parts["dora_scale"])
    change = change.chunk(whole)[part]
    missing = w.shape[1] - change.shape[1] if w.ndim > 1 else 0
    return torch.nn.functional.pad(change, (0, 0, 0, 0, 0, missing)) if missing else change


def _narrowed(w: torch.Tensor, parts: Parts) -> torch.Tensor:
    """Return the four channels of an inpainting or editing model's first layer that a network for others changes."""
    if w.ndim == 4 and w.shape[1] in (8, 9) and _inputs(parts, w) == 4:
        return w[:, :4]
    return w


def _inputs(parts: Parts, w: torch.Tensor) -> int:
    """Return how many channels the change of a convolution takes in, as far as its parts tell."""
    kernel = w.shape[2] * w.shape[3]
    for name in ("down", "diff"):
        if name in parts and parts[name].ndim == 4:
            return parts[name].shape[1]
    if "hada_w1_b" in parts:
        return parts["hada_w1_b"].shape[-1] // (1 if "hada_t1" in parts else kernel)
    return w.shape[1]


def _added(
    w: torch.Tensor, ups: Sequence[torch.Tensor], downs: Sequence[torch.Tensor], out: torch.Tensor | None
) -> torch.Tensor:
    """Return w plus the products of factors, in `out` if it is given.

    On a CPU some rows at a time: their product is still in the cache when it is added, which halves the time.
    """
    up = ups[0] if len(ups) == 1 else torch.cat(list(ups), 1)
    down = downs[0] if len(downs) == 1 else torch.cat(list(downs), 0)
    made = torch.empty_like(w, memory_format=torch.contiguous_format) if out is None else out
    rows, flat = w.reshape(w.shape[0], -1), made.view(w.shape[0], -1)
    if w.device.type != "cpu":
        torch.addmm(rows, up, down, out=flat)
        return made
    step = max(1, _CACHED // rows.shape[1])
    product = torch.empty(min(step, len(rows)), rows.shape[1])
    for part, factor, result in zip(rows.split(step), up.split(step), flat.split(step), strict=True):
        torch.add(part, torch.mm(factor, down, out=product[: len(part)]), out=result)
    return made
