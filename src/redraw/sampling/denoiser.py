"""From a network's prediction to a denoised picture: the one place that knows eps, v and flow.

Everything above speaks the variance-exploding form of Karras et al. 2022: `x = x0 + sigma * noise`, and a denoiser
answers its estimate D of x0.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from redraw.sampling.levels import NoiseLevels

Prediction = Literal["eps", "v", "flow"]


class Denoised(NamedTuple):
    """What a denoiser answers.

    Attributes:
        value: [b, c, h, w], the estimate of the clean latent.
        uncond: the same without the prompt (the negative prompt's estimate); equals `value` where it was not computed.
    """

    value: Tensor
    uncond: Tensor


class Denoise(Protocol):
    """What a sampler sees of the whole model: one call, one estimate."""

    def __call__(self, x: Tensor, sigma: Tensor, *, t: Tensor | None = None) -> Denoised:
        """Denoise `x` [b, c, h, w] at the levels `sigma` [b].

        `t` [b] names the exact timestep where a sampler's own time axis differs from the table's interpolation.
        """
        ...


class Denoiser(Denoise, Protocol):
    """A denoiser for a batch that can also serve one image of it."""

    def image(self, i: int) -> Denoiser:
        """Return a fresh denoiser for image `i` alone, its count of evaluations at 0."""
        ...


@dataclass(frozen=True)
class Cond:
    """What one evaluation of the network is conditioned on.

    Attributes:
        text: [b, tokens, width], or [1, tokens, width] for the same prompt in every image.
        extra: further tensors by name, each [b, ...] or [1, ...] by itself (SDXL's pooled text and sizes; "concat":
            an inpainting model's mask and masked latent, an editing model's picture).
        worn: which networks (LoRA) the weights carry meanwhile, in any form that the network understands.
    """

    text: Tensor
    extra: Mapping[str, Tensor] = field(default_factory=lambda: MappingProxyType({}))
    worn: Hashable = None

    @property
    def tokens(self) -> int:
        """The number of token vectors."""
        return self.text.shape[1]

    def image(self, i: int) -> Cond:
        """Return the part of image `i`, batch 1."""
        return Cond(image_row(self.text, i), {k: image_row(v, i) for k, v in self.extra.items()}, self.worn)

    def expand(self, b: int) -> Cond:
        """Return this with batch `b`; a ValueError where a tensor has neither one row nor `b`."""
        return Cond(_rows(self.text, b), {k: _rows(v, b) for k, v in self.extra.items()}, self.worn)

    @staticmethod
    def join(conds: Sequence[Cond], b: int) -> Cond:
        """Return `conds`, each expanded to batch `b`, one after another along the batch.

        Raises:
            ValueError: they do not all have the same further tensors and networks, or not in batch 1 or `b`.
        """
        names = [set(c.extra) for c in conds]
        if any(n != names[0] for n in names):
            raise ValueError(f"conditions with different tensors cannot share a batch: {names}")
        if any(c.worn != conds[0].worn for c in conds):
            raise ValueError("conditions that wear different networks cannot share a batch")
        wide = [c.expand(b) for c in conds]
        return Cond(
            torch.cat([c.text for c in wide]),
            {k: torch.cat([c.extra[k] for c in wide]) for k in wide[0].extra},
            conds[0].worn,
        )


Network = Callable[[Tensor, Tensor, Cond], Tensor]
"""`(x_in [b, c, h, w], t [b] float, cond) -> prediction [b, c, h, w]`; it casts to its own dtype by itself."""


@dataclass(frozen=True)
class Conditioned:
    """A network turned into a denoiser that takes its conditioning with every call.

    Attributes:
        network: see `Network`.
        levels: the levels it was trained on.
        prediction: what it predicts: the noise ("eps"), the velocity of Salimans & Ho 2022 ("v"), or the straight
            path `noise - x0` of rectified flow (Liu et al. 2022; "flow", where sigma is in 0..1).
        quantize: round the timestep to the nearest of the table (A1111's option).
    """

    network: Network
    levels: NoiseLevels
    prediction: Prediction = "eps"
    quantize: bool = False

    def __call__(self, x: Tensor, sigma: Tensor, cond: Cond, t: Tensor | None = None) -> Tensor:
        """Return D [b, c, h, w] fp32 for `x` at levels `sigma` [b] under `cond` (batch b or 1)."""
        s = sigma.view(-1, 1, 1, 1)
        if self.prediction == "flow":
            return x - s * self.network(x, sigma * 1000 if t is None else t, cond).to(x.dtype)
        if t is None:
            t = self.levels.t(sigma, self.quantize)
        scale = (s**2 + 1) ** 0.5
        out = self.network(x / scale, t, cond).to(x.dtype)
        if self.prediction == "eps":
            return x - s * out
        return x / scale**2 - s / scale * out


def image_row(x: Tensor, i: int) -> Tensor:
    """Return row `i` of `x` [b, ...], or its only row where all images share it, keeping the batch axis.

    Raises:
        IndexError: no such row.
    """
    if x.shape[0] == 1:
        return x
    if not 0 <= i < x.shape[0]:
        raise IndexError(f"there are {x.shape[0]} images, not {i + 1}")
    return x[i : i + 1]


def _rows(x: Tensor, b: int) -> Tensor:
    """Return `x` with `b` rows."""
    if x.shape[0] not in (1, b):
        raise ValueError(f"{x.shape[0]} rows of conditioning do not fit {b} images")
    return x.expand(b, *x.shape[1:])
