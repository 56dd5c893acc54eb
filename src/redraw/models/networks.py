"""The three networks, built without memory and then given their weights."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from redraw.errors import ModelError
from redraw.models.architecture import TextShape, UNetShape, VaeShape
from redraw.models.attention import AttentionProcessor
from redraw.models.configs import text_config, unet_config, vae_config


@contextmanager
def quietly() -> Iterator[None]:
    """Import or build without the notices of diffusers and transformers (missing torchvision and the like)."""
    names = ("transformers", "diffusers")
    before = {name: logging.getLogger(name).level for name in names}
    filters = [_Drop() for _ in names]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, drop in zip(names, filters, strict=True):
            logging.getLogger(name).addFilter(drop)
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, drop in zip(names, filters, strict=True):
                logging.getLogger(name).removeFilter(drop)
                logging.getLogger(name).setLevel(before[name])


class _Drop(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR


def build_unet(shape: UNetShape) -> Any:
    """Return a `UNet2DConditionModel` of this shape on the meta device."""
    with quietly():
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        with torch.device("meta"):
            unet = UNet2DConditionModel(**unet_config(shape))
            for block in unet.up_blocks:
                if block.upsamplers is not None:
                    block.upsamplers[0] = SkipSizedUpsample(block.upsamplers[0].channels)
            _allow_single_pixels(unet)
    unet.set_attn_processor(AttentionProcessor())
    return unet


def build_vae(shape: VaeShape) -> Any:
    """Return an `AutoencoderKL` of this shape on the meta device."""
    with quietly():
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        with torch.device("meta"):
            vae = AutoencoderKL(**vae_config(shape))
            _allow_single_pixels(vae)
    vae.set_attn_processor(AttentionProcessor())
    return vae


def build_text_encoder(shape: TextShape) -> Any:
    """Return a `CLIPTextModel` of this shape on the meta device; one `WithProjection` where the shape has one."""
    with quietly():
        from transformers.models.clip.configuration_clip import CLIPTextConfig
        from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

        kind = CLIPTextModelWithProjection if shape.projection else CLIPTextModel
        with torch.device("meta"):
            return kind(CLIPTextConfig(**text_config(shape), attn_implementation="sdpa"))


def guidance_waves(scales: torch.Tensor, width: int) -> torch.Tensor:
    """Return guidance scales `[b]` as sines and cosines `[b, width]` fp32, as latent consistency models were taught."""
    half = width // 2
    rates = torch.exp(torch.arange(half, dtype=torch.float32) * -(math.log(10000.0) / (half - 1)))
    angles = (scales.float().cpu() - 1)[:, None] * 1000 * rates
    return nn.functional.pad(torch.cat([angles.sin(), angles.cos()], 1), (0, width % 2))


class SmallGroupNorm(nn.GroupNorm):
    """A GroupNorm with one channel to a group that also takes a picture of a single pixel, where torch's own raises.

    Narrow models meet this at 64 x 64 pixels and below; the result there is the bias.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x `[b, c, ...]`, normalised."""
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


def _allow_single_pixels(network: nn.Module) -> None:
    """Replace every GroupNorm that has as many groups as channels by one that takes any size."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.GroupNorm) and child.num_groups == child.num_channels:
                setattr(parent, name, SmallGroupNorm(child.num_groups, child.num_channels, child.eps))


class SkipSizedUpsample(nn.Module):
    """A UNet's upsampling step that meets its skip connection the way the original code does.

    The picture is doubled (nearest), convolved, and only then, if the level above is not twice as large because its
    side was odd, resized (nearest) to it. diffusers resizes before the convolution, which gives other pixels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor, output_size: tuple[int, int] | None = None) -> torch.Tensor:
        """Return x `[b, c, h, w]` at twice its size, or at `output_size` (height, width)."""
        x = self.conv(nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        if output_size is not None and tuple(x.shape[-2:]) != tuple(output_size):
            x = nn.functional.interpolate(x, size=tuple(output_size), mode="nearest")
        return x


def fill(network: Any, state: Mapping[str, torch.Tensor], what: str) -> list[str]:
    """Give a meta-device network its weights without copying; return the names in `state` it has no place for.

    Raises:
        ModelError: weights are missing or have another shape; says which and how many.
    """
    wanted = network.state_dict()
    missing = [k for k in wanted if k not in state]
    if missing:
        raise ModelError(f"{what}: {_some(missing)} missing")
    wrong = [k for k in wanted if state[k].shape != wanted[k].shape]
    if wrong:
        seen = [f"{k} is {list(state[k].shape)}, not {list(wanted[k].shape)}" for k in wrong]
        raise ModelError(f"{what}: wrong shapes: {_some(seen)}")
    network.load_state_dict({k: state[k] for k in wanted}, assign=True)
    for name, buffer in network.named_buffers():
        if buffer.is_meta and name.endswith("position_ids"):
            owner = network.get_submodule(name.rpartition(".")[0])
            owner.position_ids = torch.arange(buffer.shape[-1]).expand((1, -1))
    network.requires_grad_(False)
    network.eval()
    return [k for k in state if k not in wanted and not k.endswith("position_ids")]


def _some(names: list[str], shown: int = 3) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
