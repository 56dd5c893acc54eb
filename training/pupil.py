"""The finished starter model as something that can still learn: the base of the demonstration networks.

Its own weights stay as they are. Text goes through the network with gradients, which `redraw.models` switches off.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from redraw.models.loader import load_model
from redraw.models.model import Model
from training.latents import Whitening, load_vae, to_tensor
from training.sample import Studio
from training.unet import alphas, loss_of
from training.words import ids

STARTER = Path("src/redraw/starter/redraw-starter.safetensors")
"""The base model, from the repository's root."""

Batch = tuple[Tensor, list[str]]
"""Latents [n, 4, h, w] and their captions."""


class Pupil:
    """A model in fp32 on the CPU whose weights do not learn; what is added to it may."""

    def __init__(self, path: Path = STARTER) -> None:
        self.model: Model = load_model(path)
        self.unet: nn.Module = self.model.unet.requires_grad_(False)
        self.text: Any = self.model.text_encoders[0].body.requires_grad_(False)
        self.tokens: Callable[[list[str]], Tensor] = lambda texts: torch.tensor([ids(text) for text in texts])

    def __call__(self, noisy: Tensor, step: Tensor, tokens: Tensor) -> Tensor:
        """The noise in `noisy` [n, 4, h, w] at timesteps `step` [n], for CLIP tokens [n, 77]."""
        predicted: Tensor = self.unet(noisy, step, self.context(tokens)).sample
        return predicted

    def context(self, tokens: Tensor) -> Tensor:
        """The text vectors [n, 77, width], with gradients."""
        hidden = self.text.embeddings(input_ids=tokens)
        mask = torch.full((tokens.shape[1], tokens.shape[1]), float("-inf")).triu(1)
        for layer in self.text.encoder.layers:
            hidden = layer(hidden, attention_mask=mask[None, None])
        states: Tensor = self.text.final_layer_norm(hidden)
        return states

    def studio(self) -> Studio:
        """What `training.sample` draws with."""
        return Studio(
            predict=lambda x, t, c: self.unet(x, t, c).sample,
            context=lambda texts: self.context(self.tokens(texts)),
            encode=self.model.encode,
            decode=self.model.decode,
        )


@torch.no_grad()
def encoded(build: Path, pictures: list[np.ndarray]) -> Tensor:
    """Pictures uint8 [h, w, 3] as the starter's latents, by the VAE as it was trained: the exported one is slower."""
    data, vae = torch.load(build / "latents.pt", weights_only=True), load_vae(build)
    white = Whitening(data["mean"], data["matrix"])
    parts = [to_tensor(pictures[i : i + 16]) for i in range(0, len(pictures), 16)]
    return torch.cat([white.forward(vae.encode(part).latent_dist.mode()) for part in parts])


def teach(
    pupil: Pupil,
    learning: list[nn.Parameter],
    batch: Callable[[np.random.Generator], Batch],
    *,
    steps: int,
    rate: float,
) -> list[float]:
    """Train parameters with AdamW for some steps, the rate rising over 20 and falling to nothing; returns the losses.

    Equal weights, seeds and torch versions give equal results: everything random comes from generators seeded here.
    """
    torch.manual_seed(6)
    rng, kept, losses = np.random.default_rng(7), alphas(), []
    adam = torch.optim.AdamW(learning, lr=rate, betas=(0.9, 0.99), weight_decay=0.0)
    for step in range(steps):
        adam.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / 20) * 0.5 * (1 + float(np.cos(np.pi * step / steps)))
        latents, captions = batch(rng)
        loss = loss_of(pupil, latents, pupil.tokens(captions), kept, rng)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
        if (step + 1) % 50 == 0:
            print(f"{step + 1} of {steps}: loss {np.mean(losses[-50:]):.4f}", flush=True)
    return losses
