"""Noise that belongs to an image, not to a batch.

Every image has its own generators, made from its own seed, so that it gets the same noise alone, in a batch, in any
position, in any process. Nothing here reads or writes torch's or numpy's global generators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from torch import Tensor

from redraw.errors import RequestError
from redraw.sampling.brownian import BrownianPath
from redraw.sampling.philox import Philox

Source = Literal["nv", "cpu", "gpu"]
"""Where normal numbers come from: Philox as on NVIDIA GPUs ("nv"), torch's CPU generator ("cpu"), or the generator
of the device itself ("gpu": on a CPU torch's CPU generator, on CUDA the CUDA generator; on Apple's GPUs the CPU's)."""
Stream = Callable[[tuple[int, ...]], Tensor]
"""`shape -> the next standard normal draw`, fp32."""


class SamplerNoise(Protocol):
    """The noise a sampler sees."""

    def __call__(self) -> Tensor:
        """Return the next draw of every image, [b, c, h, w]."""
        ...

    def between(self, sigma: float, sigma_next: float) -> Tensor:
        """Return the Brownian increment from `sigma` to `sigma_next`, scaled to variance 1, [b, c, h, w]."""
        ...


@dataclass(frozen=True)
class Seed:
    """Everything that decides the noise of one image.

    Attributes:
        seed: the image's seed, at least 0.
        variation: the seed of the variation.
        variation_strength: 0 (none) to 1 (only the variation).
        resize_from: height and width in latent pixels for which the seed was found, or None (A1111's "resize
            seed from"; its picture size // 8).
        offset: A1111's "eta noise seed delta" (ENSD): added to the seed of everything after the first draw.
    """

    seed: int
    variation: int = 0
    variation_strength: float = 0.0
    resize_from: tuple[int, int] | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        for name, value in (("seed", self.seed), ("variation seed", self.variation)):
            if not 0 <= value < 2**64:
                raise RequestError(name, value, "a whole number from 0 to 18446744073709551615")


@dataclass
class ImageNoise:
    """The noise of one image: its first draw, the draws that follow, and its Brownian path.

    Attributes:
        shape: (c, h, w) of the latent.
        seed: see `Seed`.
        source: see `Source`.
        device: where the noise is wanted.
    """

    shape: tuple[int, int, int]
    seed: Seed
    source: Source = "nv"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    _stream: Stream | None = field(default=None, init=False, repr=False)
    _path: BrownianPath | None = field(default=None, init=False, repr=False)

    def __call__(self) -> Tensor:
        """Return the next draw, [c, h, w]."""
        if self._stream is None:
            return self._first().to(self.device)
        return self._stream(self.shape).to(self.device)

    def _first(self) -> Tensor:
        """Return the first draw: with the variation mixed in, and pasted from the size it was found at."""
        seed, resize = self.seed, self.seed.resize_from
        own = self._open(seed.seed)
        resized = resize is not None and resize[0] > 0 and resize[1] > 0 and resize != self.shape[1:]
        shape = (self.shape[0], *resize) if resized and resize is not None else self.shape
        noise = self._open(seed.seed)(shape) if resized else own(shape)
        if seed.variation_strength != 0:
            noise = slerp(seed.variation_strength, noise, self._open(seed.variation)(shape))
        if resized:
            noise = _paste(noise, own(self.shape))
        # The draws that follow continue the generator of the first one, unless an offset asks for new ones.
        self._stream = self._open(seed.seed + seed.offset) if seed.offset else own
        return noise

    def span(self, low: float, high: float) -> None:
        """Say over which levels of sigma the Brownian path will be asked; starts a new path."""
        self._path = BrownianPath(low, high, self.seed.seed, lambda s: self._open(s)(self.shape).to(self.device))

    def between(self, sigma: float, sigma_next: float) -> Tensor:
        """Return (W(sigma_next) - W(sigma)) / sqrt(|sigma_next - sigma|), [c, h, w]; `span` must have been called."""
        if self._path is None:
            raise RuntimeError("the range of a Brownian path must be set with span() before it is used")
        low, high = min(sigma, sigma_next), max(sigma, sigma_next)
        W = self._path.increment(low, high) if sigma_next > sigma else -self._path.increment(low, high)
        return W / math.sqrt(high - low) if high > low else W

    def _open(self, seed: int) -> Stream:
        """Return a fresh stream of normal numbers from `seed`."""
        return open_stream(self.source, seed, self.device)


class Noise:
    """The noise of a batch: one `ImageNoise` each, stacked."""

    def __init__(self, images: Sequence[ImageNoise]) -> None:
        self.images = tuple(images)

    @classmethod
    def from_seeds(
        cls,
        shape: tuple[int, int, int],
        seeds: Sequence[Seed | int],
        source: Source = "nv",
        device: torch.device | str = "cpu",
    ) -> Noise:
        """Return the noise of `len(seeds)` latents of `shape` (c, h, w)."""
        whole = [s if isinstance(s, Seed) else Seed(s) for s in seeds]
        return cls([ImageNoise(shape, s, source, torch.device(device)) for s in whole])

    def __call__(self) -> Tensor:
        """Return the next draw of every image, [b, c, h, w]."""
        return torch.stack([noise() for noise in self.images])

    def span(self, low: float, high: float) -> None:
        """Say over which levels of sigma the Brownian paths will be asked."""
        for noise in self.images:
            noise.span(low, high)

    def between(self, sigma: float, sigma_next: float) -> Tensor:
        """Return every image's Brownian increment, scaled to variance 1, [b, c, h, w]."""
        return torch.stack([noise.between(sigma, sigma_next) for noise in self.images])

    def image(self, i: int) -> Noise:
        """Return the noise of image `i` alone; its generators continue where they are."""
        return Noise([self.images[i]])


def open_stream(source: Source, seed: int, device: torch.device | str = "cpu") -> Stream:
    """Return a continuing stream of standard normal draws from `seed`; "nv" and "cpu" draw on the CPU."""
    if source == "nv":
        philox = Philox(seed)
        return lambda shape: torch.from_numpy(philox.normal(shape))
    where = torch.device(device)
    if source == "cpu" or where.type == "mps":
        where = torch.device("cpu")
    generator = torch.Generator(where).manual_seed(seed)
    return lambda shape: torch.randn(shape, generator=generator, device=where)


def slerp(amount: float, low: Tensor, high: Tensor) -> Tensor:
    """Return the point `amount` (0..1) of the way from `low` to `high` along the sphere, [c, h, w] each.

    [Q] The angle is taken along axis 1, the height, for each channel and column, not over the whole latent; and
    where the two nearly agree, the ends are swapped. Both are A1111's, and every variation seed in use depends on them.
    """
    dot = (low / low.norm(dim=1, keepdim=True) * (high / high.norm(dim=1, keepdim=True))).sum(1)
    if float(dot.mean()) > 0.9995:
        return low * amount + high * (1 - amount)
    omega = torch.acos(dot)
    so = torch.sin(omega)
    a = (torch.sin((1.0 - amount) * omega) / so).unsqueeze(1)
    b = (torch.sin(amount * omega) / so).unsqueeze(1)
    return a * low + b * high


def _paste(base: Tensor, onto: Tensor) -> Tensor:
    """Return `onto` with `base` pasted at its centre; what stands out of it is cropped."""
    (_, h0, w0), (_, h, w) = base.shape, onto.shape
    dy, dx = (h - h0) // 2, (w - w0) // 2
    # [Q] With a negative offset d (base larger), the copied size is h0 + 2d; an odd difference loses a row.
    rows, cols = (h0 if dy >= 0 else h0 + 2 * dy), (w0 if dx >= 0 else w0 + 2 * dx)
    ty, tx, sy, sx = max(dy, 0), max(dx, 0), max(-dy, 0), max(-dx, 0)
    out = onto.clone()
    out[:, ty : ty + rows, tx : tx + cols] = base[:, sy : sy + rows, sx : sx + cols]
    return out
