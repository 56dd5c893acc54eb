"""Previews come from the small matrix, or from TAESD where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from redraw.models.loader import load_model
from redraw.models.networks import quietly
from redraw.models.taesd import load_taesd
from redraw.pipeline import Progress
from redraw.pipeline.preview import preview_matrix, preview_picture, preview_pixels
from redraw.settings import Settings
from redraw.studio import Studio


@pytest.fixture
def reference() -> Any:
    """A small random TAESD of diffusers."""
    with quietly():
        from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

        torch.manual_seed(0)
        return AutoencoderTiny(encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4).eval()


def test_a_preview_is_of_full_size_where_the_model_has_a_taesd(
    reference: Any, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    model = load_model(tiny_checkpoint)
    latent = torch.randn(4, 6, 8, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(preview_picture(model, latent), preview_pixels(latent, preview_matrix(model)))
    assert preview_picture(model, latent).shape == (6, 8, 3)
    save_file(dict(reference.state_dict()), tmp_path / "taesd.safetensors")
    model.attach_taesd(load_taesd(tmp_path / "taesd.safetensors"))
    with torch.no_grad():
        wanted = (reference.decode(latent[None]).sample[0].movedim(0, -1) + 1) * 127.5
    seen = preview_picture(model, latent)
    assert seen.shape == (48, 64, 3)
    assert seen.dtype == np.uint8
    assert np.abs(seen - wanted.clamp(0, 255).numpy()).max() <= 1.01


def test_a_large_preview_on_a_cpu_is_made_small(reference: Any, tiny_checkpoint: Path, tmp_path: Path) -> None:
    model = load_model(tiny_checkpoint)
    save_file(dict(reference.state_dict()), tmp_path / "taesd.safetensors")
    model.attach_taesd(load_taesd(tmp_path / "taesd.safetensors"))
    assert preview_picture(model, torch.zeros(4, 96, 64)).shape == (256, 168, 3)
    assert preview_picture(model, torch.zeros(4, 32, 1)).shape == (256, 8, 3)
    assert preview_picture(model, torch.zeros(4, 500, 1)).shape == (256, 8, 3)


def test_a_taesd_among_the_users_files_makes_the_previews(
    reference: Any, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "VAE-approx"
    folder.mkdir()
    save_file(dict(reference.state_dict()), folder / "taesd.safetensors")
    settings = Settings(models_dirs=(tiny_checkpoint.parent, tmp_path), data_dir=tmp_path / "data")
    studio = Studio(settings=settings, device="cpu", dtype="fp32")
    picture = np.zeros((48, 64, 3), np.uint8)
    events = list(studio.img2img(picture, "x", model="tiny", steps=2, strength=1, sampler="Euler"))
    first = next(event.preview for event in events if isinstance(event, Progress) and event.preview is not None)
    assert first().shape == (48, 64, 3)
