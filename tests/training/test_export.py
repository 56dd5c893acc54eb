"""The exported file is the trained network, in Stable Diffusion's layers."""

from __future__ import annotations

import pytest
import torch

diffusers = pytest.importorskip("diffusers")

from training.export import SCALE, VAE, exported_text, exported_vae  # noqa: E402
from training.latents import Whitening  # noqa: E402
from training.start import copying  # noqa: E402
from training.vae import CONFIG, difference  # noqa: E402


@pytest.fixture(scope="module")
def trained() -> torch.nn.Module:
    """A VAE that has every weight different from zero, as after training."""
    torch.manual_seed(0)
    vae = copying(diffusers.AutoencoderKL(**CONFIG))
    with torch.no_grad():
        for weight in vae.parameters():
            weight.add_(torch.randn_like(weight) * 0.02)
    return vae.eval()


@torch.no_grad()
def test_the_wide_vae_with_32_groups_is_the_narrow_one(trained: torch.nn.Module) -> None:
    white = Whitening(torch.tensor([0.3, -0.2, 0.1, 0.5]), torch.eye(4) * 0.7 + 0.1)
    wide = diffusers.AutoencoderKL(**VAE).eval()
    wide.load_state_dict(exported_vae(trained.state_dict(), white))
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    raw = trained.encode(picture).latent_dist.mode()
    latents = wide.encode(picture).latent_dist.mode() * SCALE
    torch.testing.assert_close(latents, white.forward(raw), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(wide.decode(latents / SCALE).sample, trained.decode(raw).sample, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_training_starts_from_mean_colours(trained: torch.nn.Module) -> None:
    vae = copying(diffusers.AutoencoderKL(**CONFIG)).eval()
    colours = torch.tensor([[0.8, -0.6, -0.6], [-0.5, 0.2, 0.9]])
    picture = colours.repeat_interleave(32, 0).T[:, :, None].expand(3, 64, 64)[None].contiguous()
    made = vae.decode(vae.encode(picture).latent_dist.mode()).sample
    assert float((made - picture).abs().mean()) < 0.3
    assert float(difference(picture, picture)) == 0


def test_words_never_trained_have_zero_rows() -> None:
    table = torch.randn(4, 8)
    state = exported_text({"text.text_model.embeddings.token_embedding.weight": table}, [5, 49406, 49407])
    full = state["embeddings.token_embedding.weight"]
    assert full.shape == (49408, 8)
    assert torch.equal(full[[5, 49406, 49407]], table[:3])
    assert int(full.abs().sum(1).count_nonzero()) == 3


def test_whitened_latents_have_unit_covariance() -> None:
    raw = torch.einsum("dc,nchw->ndhw", torch.randn(4, 4), torch.randn(8, 4, 16, 16)) + 3
    white = Whitening.of(raw)
    flat = white.forward(raw).permute(1, 0, 2, 3).flatten(1)
    torch.testing.assert_close(flat.mean(1), torch.zeros(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(flat @ flat.T / flat.shape[1], torch.eye(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(white.back(white.forward(raw)), raw, atol=1e-3, rtol=1e-3)
