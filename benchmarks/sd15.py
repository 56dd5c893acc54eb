"""Checkpoints with random weights and Stable Diffusion 1's key names: one of SD 1.5's size, and a slim one.

Speed does not depend on the values of weights as long as everything stays finite, so nothing has to be fetched. Weights
are drawn with the spread that keeps a signal's size (1 / sqrt(fan in)) and written in bf16, so that a model loaded in
bf16 and one loaded in fp32 have the very same weights and differ only in how they compute.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file

from redraw.models.architecture import Architecture, TextShape, UNetShape, VaeShape
from redraw.models.keymap import to_checkpoint
from redraw.models.networks import build_text_encoder, build_unet, build_vae

FULL: Final = Architecture(
    UNetShape(
        in_channels=4,
        out_channels=4,
        channels=(320, 640, 1280, 1280),
        blocks=(2, 2, 2, 2),
        depth=(1, 1, 1, 0),
        mid_depth=1,
        context=768,
        linear=False,
        time_width=1280,
        heads=(8, 8, 8, 8),
    ),
    VaeShape(channels=(128, 256, 512, 512), blocks=2, latent_channels=4),
    TextShape(width=768, layers=12, mlp=3072, positions=77, vocabulary=49408, heads=12),
)
SLIM: Final = Architecture(
    UNetShape(
        in_channels=4,
        out_channels=4,
        channels=(64, 128, 256, 256),
        blocks=(2, 2, 2, 2),
        depth=(1, 1, 1, 0),
        mid_depth=1,
        context=64,
        linear=False,
        time_width=256,
        heads=(8, 8, 8, 8),
    ),
    VaeShape(channels=(32, 64, 128, 128), blocks=2, latent_channels=4),
    TextShape(width=64, layers=2, mlp=128, positions=77, vocabulary=49408, heads=1),
)
_QUIETER: Final = ("conv_out.weight",)  # last layers: their output is a picture or a noise, within about [-2, 2]


def checkpoint(folder: Path, shape: Architecture = FULL) -> Path:
    """Return the checkpoint of this shape in `folder`, written now if it is not there yet (SD 1.5: 2.1 GB)."""
    path = folder / ("sd15-random.safetensors" if shape == FULL else "slim-random.safetensors")
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(15)
    unet, vae, text = (
        _random_state(network, generator)
        for network in (build_unet(shape.unet), build_vae(shape.vae), build_text_encoder(shape.text))
    )
    state = {k: v.contiguous() for k, v in to_checkpoint(shape, unet, vae, text).items()}
    unfinished = path.with_suffix(f".{os.getpid()}")
    save_file(state, unfinished)
    unfinished.replace(path)
    return path


def _random_state(network: Any, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Return bf16 weights for a network on the meta device."""
    state = {}
    for name, tensor in network.state_dict().items():
        if name.endswith("position_ids"):
            continue
        if tensor.ndim == 1:
            state[name] = torch.full(tensor.shape, float(name.endswith("weight")), dtype=torch.bfloat16)
            continue
        spread = 0.02 if "embedding.weight" in name else tensor[0].numel() ** -0.5
        spread *= 0.5 if name.endswith(_QUIETER) else 1.0
        values = torch.empty(tensor.shape, dtype=torch.float32).normal_(0.0, spread, generator=generator)
        state[name] = values.to(torch.bfloat16)
    return state
