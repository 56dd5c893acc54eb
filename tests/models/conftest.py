"""Fixtures for tests about models: a very narrow checkpoint, the model in it, and A1111's tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from redraw.models.architecture import Architecture, TextShape, UNetShape, VaeShape
from redraw.models.keymap import to_checkpoint
from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.models.networks import build_text_encoder, build_unet, build_vae

SHAPE = Architecture(
    UNetShape(4, 4, (32, 32, 32, 32), (2, 2, 2, 2), (1, 1, 1, 0), 1, 16, False, 128, (8, 8, 8, 8)),
    VaeShape((32, 32, 32, 32), 2, 4),
    TextShape(width=16, layers=12, mlp=32, positions=77, vocabulary=49408, heads=2),
)


def _weights(network: torch.nn.Module, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Random matrices of sensible size; norms and biases as they start."""
    return {
        name: torch.full(tensor.shape, float(name.endswith("weight")))
        if tensor.ndim == 1
        else torch.randn(tensor.shape, generator=generator) * tensor[0].numel() ** -0.5
        for name, tensor in network.state_dict().items()
    }


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with Stable Diffusion 1's key names and random weights, 32 channels wide throughout."""
    g = torch.Generator().manual_seed(0)
    networks = (build_unet(SHAPE.unet), build_vae(SHAPE.vae), build_text_encoder(SHAPE.text))
    state = to_checkpoint(SHAPE, *(_weights(n, g) for n in networks))
    path = tmp_path_factory.mktemp("narrow") / "tiny.safetensors"
    metadata = {"redraw.text_encoder": '{"num_attention_heads": 2}', "redraw.native_size": "64"}
    save_file({k: v.half().contiguous() for k, v in state.items()}, path, metadata=metadata)
    return path


@pytest.fixture(scope="session")
def tiny(tiny_checkpoint: Path) -> Model:
    """The random tiny model in fp32; shared, so leave it as it is."""
    return load_model(tiny_checkpoint)


@pytest.fixture(scope="session")
def golden_model(goldens: Path) -> Model:
    """The tiny model A1111 made its results with."""
    return load_model(goldens / "model" / "tiny-sd1.safetensors")
