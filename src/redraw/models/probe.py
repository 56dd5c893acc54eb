"""Which of two predictions a UNet was trained for, found by running it once, where nothing says so.

At the last time a noisy latent is almost pure noise. A UNet that predicts noise gives it back; one that predicts v
gives the opposite of a picture, which has little to do with that noise. So the correlation of input and output tells
them apart. Input and prompt are fixed, so the answer for a file is always the same. (A1111 also runs Stable Diffusion 2
once for this, on constant input.)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import torch

from redraw.errors import NonFinite
from redraw.models.families import EOS, Prediction

if TYPE_CHECKING:
    from redraw.models.model import Model, ModelFacts

BOS: Final = 49406
SIDE: Final = 32
SEED: Final = 1
THRESHOLD: Final = 0.5


def probed(model: Model, native_size: int | None = None) -> ModelFacts:
    """Return a model's facts with the prediction a test run shows, and the size that goes with it.

    `native_size` is kept if given. Where the run gives no numbers, the family's prediction stays and a note says so.
    """
    try:
        found = prediction_of(model)
    except NonFinite:
        model.notes.append(f"nothing says what {model.name} predicts and a test run failed; eps is assumed")
        return model.facts
    size = native_size or model.family.size_for(found)
    return replace(model.facts, prediction=found, native_size=size, prediction_from="a test run")


def prediction_of(model: Model) -> Prediction:
    """Return what the UNet's output on fixed noise looks like: `eps` or `v`."""
    from redraw.models.model import Extras

    noise = torch.randn((1, model.latent_channels, SIDE, SIDE), generator=torch.Generator().manual_seed(SEED))
    states = [encoder.states(torch.tensor([[BOS, *[EOS] * 76]])) for encoder in model.text_encoders]
    others = model.in_channels - model.latent_channels
    concat = torch.zeros(1, others, SIDE, SIDE) if others else None
    if concat is not None:
        concat[:, 0] = 1.0
    pooled = next((p for _, p in states if p is not None), None)
    sizes = torch.full((1, model.sizes), float(model.native_size)) if model.sizes else None
    time = torch.tensor(float(len(model.alphas_cumprod) - 1))
    out = model.predict(noise, time, torch.cat([s for s, _ in states], -1), Extras(concat, pooled, sizes))
    alike = torch.corrcoef(torch.stack([noise.flatten(), out.flatten()]))[0, 1]
    return "eps" if alike.item() > THRESHOLD else "v"
