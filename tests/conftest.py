"""Fixtures every test can use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

GOLDENS = Path(__file__).resolve().parents[2] / "shared" / "goldens"


@pytest.fixture(scope="session")
def goldens() -> Path:
    """The folder of A1111's own results, or a skip where this checkout has none beside it."""
    if not GOLDENS.is_dir():
        pytest.skip("the golden pictures of A1111 are not beside this checkout (../shared/goldens)")
    return GOLDENS


def _random_state(network: torch.nn.Module, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Weights of sensible size for a network on the meta device."""
    state = {}
    for name, tensor in network.state_dict().items():
        if name.endswith("position_ids"):
            continue
        if tensor.ndim == 1:
            state[name] = torch.full(tensor.shape, float(name.endswith("weight")))
        else:
            fan_in = tensor[0].numel() if tensor.ndim > 1 else 1
            state[name] = torch.randn(tensor.shape, generator=generator) * fan_in**-0.5
    return state


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion 1 checkpoint with random weights: the real key names, 64 channels wide, about 8 MB."""
    from safetensors.torch import save_file

    from redraw.models.architecture import Architecture, TextShape, UNetShape, VaeShape
    from redraw.models.keymap import to_checkpoint
    from redraw.models.networks import build_text_encoder, build_unet, build_vae

    shape = Architecture(
        UNetShape(
            in_channels=4,
            out_channels=4,
            channels=(64, 64, 64, 64),
            blocks=(1, 1, 1, 1),
            depth=(1, 1, 1, 0),
            mid_depth=1,
            context=16,
            linear=False,
            time_width=256,
            heads=(8, 8, 8, 8),
        ),
        VaeShape(channels=(32, 32, 64, 64), blocks=1, latent_channels=4),
        TextShape(width=16, layers=12, mlp=32, positions=77, vocabulary=49408, heads=2),
    )
    generator = torch.Generator().manual_seed(0)
    unet, vae, text = (
        _random_state(network, generator)
        for network in (build_unet(shape.unet), build_vae(shape.vae), build_text_encoder(shape.text))
    )
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    state = {k: v.half().contiguous() for k, v in to_checkpoint(shape, unet, vae, text).items()}
    save_file(state, path, metadata={"redraw.text_encoder": '{"num_attention_heads": 2}', "redraw.native_size": "64"})
    return path
