"""From captions to latents with the DDIM sampler: small on purpose, independent of the engine it helps to test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor

from training.latents import Whitening, load_vae
from training.unet import Painter, alphas
from training.words import Compact

Predict = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Noise [n, 4, h, w] from noisy latents, timesteps [n] and context [n, 77, width]."""


@dataclass(frozen=True)
class Studio:
    """A model in the form in which it trains (or, from `training.evaluate`, as it was exported)."""

    predict: Predict
    context: Callable[[list[str]], Tensor]
    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]


def checkpoint(build: Path) -> Studio:
    """The averaged weights of a training run."""
    state = torch.load(build / "unet.pt", weights_only=True)
    compact, data = Compact(state["tokens"]), torch.load(build / "latents.pt", weights_only=True)
    painter = Painter(len(compact.tokens)).eval().requires_grad_(False)
    painter.load_state_dict(state["average"])
    vae: AutoencoderKL = load_vae(build)
    white = Whitening(data["mean"], data["matrix"])
    return Studio(
        predict=lambda x, t, c: painter.unet(x, t, c).sample,
        context=lambda texts: painter.context(compact(texts)),
        encode=lambda pictures: white.forward(vae.encode(pictures).latent_dist.mode()),
        decode=lambda latents: vae.decode(white.back(latents)).sample,
    )


@torch.no_grad()
def draw(
    studio: Studio,
    texts: list[str],
    *,
    seed: int = 0,
    steps: int = 20,
    scale: float = 7.0,
    source: Tensor | None = None,
    strength: float = 1.0,
) -> Tensor:
    """Latents [n, 4, h, w] for captions; from `source` latents, noised as far as `strength` says, if given.

    Deterministic DDIM over evenly spaced timesteps that end at 999 (strength 1); strength 0 returns the source.
    """
    kept = alphas()
    noise = torch.randn((len(texts), 4, 16, 16), generator=torch.Generator().manual_seed(seed))
    times = torch.linspace(999, 0, steps + 1).round().long()[:-1]
    times = times[steps - round(steps * strength) :]
    if source is not None and not len(times):
        return source
    x = noise if source is None else kept[times[0]].sqrt() * source + (1 - kept[times[0]]).sqrt() * noise
    context = torch.cat([studio.context(texts), studio.context([""] * len(texts))])
    for i, time in enumerate(times):
        both = studio.predict(torch.cat([x, x]), time.expand(2 * len(x)), context)
        positive, negative = both.chunk(2)
        eps = negative + scale * (positive - negative)
        clean = (x - (1 - kept[time]).sqrt() * eps) / kept[time].sqrt()
        after = kept[times[i + 1]] if i + 1 < len(times) else torch.tensor(1.0)
        x = after.sqrt() * clean + (1 - after).sqrt() * eps
    return x


def pixels(pictures: Tensor) -> NDArray[np.uint8]:
    """Pictures [n, 3, h, w] in [-1, 1] as uint8 [n, h, w, 3]."""
    return pictures.clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).numpy()
