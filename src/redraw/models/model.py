"""A loaded model: its three networks, what is known about it, and the few calls everything above makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from redraw.models.families import Family

Prediction = Literal["eps", "v"]


@dataclass(frozen=True)
class Extras:
    """What a UNet call may get besides latents, time and text.

    Attributes:
        concat: channels put behind the noisy latents, `[b, c, h, w]` (inpainting: mask, then masked picture's latents).
    """

    concat: torch.Tensor | None = None


class Model:
    """A checkpoint in memory, ready to run."""

    name: str
    path: Path
    family: Family
    prediction: Prediction
    native_size: int
    in_channels: int
    latent_channels: int
    scale_factor: float
    alphas_cumprod: torch.Tensor
    preview: torch.Tensor | None
    notes: list[str]
    device: torch.device
    dtype: torch.dtype
    unet: Any
    vae: Any
    text_encoder: Any

    @property
    def sha256(self) -> str:
        """The whole file's SHA-256, 64 hex digits."""
        raise NotImplementedError

    @property
    def short_hash(self) -> str:
        """The first ten hex digits of `sha256`."""
        raise NotImplementedError

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """Return latents `[b, 4, h/8, w/8]` fp32 (scaled posterior mean) of `image` `[b, 3, h, w]` in [-1, 1]."""
        raise NotImplementedError

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the picture `[b, 3, 8h, 8w]` fp32, about [-1, 1], of scaled latents `[b, 4, h, w]`."""
        raise NotImplementedError

    def predict(
        self, x: torch.Tensor, t: torch.Tensor, context: torch.Tensor, extras: Extras | None = None
    ) -> torch.Tensor:
        """Return the UNet's output `[b, 4, h, w]` fp32 for x `[b, 4, h, w]`, t `[b]` (may be fractional), context `[b, n, w]`."""
        raise NotImplementedError

    @contextmanager
    def tiling(self, on: bool = True) -> Iterator[None]:
        """While inside, every convolution of UNet and VAE wraps around the edges, if `on`."""
        raise NotImplementedError
        yield

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Model:
        """Move and cast the networks in place; return self."""
        raise NotImplementedError
