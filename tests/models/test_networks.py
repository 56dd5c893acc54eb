"""Networks meet their skip connections as the original code does."""

from __future__ import annotations

import torch
from torch import nn

from redraw.models.networks import SkipSizedUpsample, guidance_waves, quietly


def test_doubling_comes_first_then_the_convolution_then_the_resize() -> None:
    torch.manual_seed(0)
    layer = SkipSizedUpsample(4)
    x = torch.randn(1, 4, 3, 5)
    doubled = layer.conv(x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert torch.allclose(layer(x), doubled, atol=1e-6)
    assert torch.allclose(layer(x, (6, 10)), doubled, atol=1e-6)
    resized = nn.functional.interpolate(doubled, size=(5, 9), mode="nearest")
    assert torch.allclose(layer(x, torch.Size((5, 9))), resized, atol=1e-6)


def test_guidance_waves_are_those_of_diffusers_latent_consistency_models() -> None:
    with quietly():
        from diffusers.pipelines.latent_consistency_models.pipeline_latent_consistency_text2img import (
            LatentConsistencyModelPipeline,
        )
    scales = torch.tensor([1.0, 7.5, 12.25])
    theirs = LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, scales - 1, embedding_dim=256)
    assert torch.allclose(guidance_waves(scales, 256), theirs, atol=1e-5)
