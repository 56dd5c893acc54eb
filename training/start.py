"""Where the VAE's training starts: a network that already copies the mean colour of every 8x8 block.

Random weights need thousands of steps to find colours: group normalisation removes mean and scale, so a colour must
be told by comparison inside a group. Here every group that carries a colour value v also carries a constant, and its
negative; residual branches start at zero, so the picture passes through. Training adds the detail.

It also makes GroupNorm(32) affordable. A level trained with few channels in groups of four (or three) is the same
function as a 128 (96) channel level with 32 groups whose other channels are zero, which is what `training.export`
writes: Stable Diffusion's own layer, loadable anywhere, at a fraction of the training cost.
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

REFERENCE = 3.0
"""The constant beside each colour value."""
SIGNAL = 18
"""Channels whose path is exact at the start."""


def group_size(width: int) -> int:
    """Channels per normalisation group of a level that is exported with 32 groups: 3 for 96 channels, else 4."""
    return 3 if width == 96 else 4


def regroup(vae: AutoencoderKL) -> AutoencoderKL:
    """Give every GroupNorm groups of `group_size`."""
    for module in vae.modules():
        if isinstance(module, nn.GroupNorm):
            module.num_groups = module.num_channels // group_size(module.num_channels)
    return vae


def through(weight: Tensor, tap: Tensor) -> None:
    """Make a convolution [out, in, kh, kw] pass each signal channel on, spread over the kernel as `tap` says."""
    rows, columns = weight.shape[:2]
    weight[:SIGNAL] = 0
    for channel in range(min(rows, columns)):
        weight[channel] *= 0.5
        weight[channel, channel] += tap


@torch.no_grad()
def copying(vae: AutoencoderKL) -> AutoencoderKL:
    """Set the weights of a new VAE so that it reproduces mean colours; returns it regrouped."""
    centre, mean = torch.zeros(3, 3), torch.zeros(3, 3)
    centre[1, 1], mean[:2, :2] = 1, 0.25
    for name, module in vae.named_modules():
        if name.endswith(("conv2", "to_out.0")):
            nn.init.zeros_(module.weight), nn.init.zeros_(module.bias)
        elif name.endswith("conv_shortcut"):
            through(module.weight, torch.ones(1, 1))
            nn.init.zeros_(module.bias)
        elif "samplers.0.conv" in name:
            through(module.weight, mean if "down" in name else centre)
            nn.init.zeros_(module.bias)
    encoder, decoder = vae.encoder, vae.decoder
    encoder.conv_in.weight[:SIGNAL], encoder.conv_in.bias[:SIGNAL] = 0, 0
    decoder.conv_in.weight[:SIGNAL], decoder.conv_in.bias[:SIGNAL] = 0, 0
    encoder.conv_out.weight[:3], encoder.conv_out.bias[:] = 0, 0
    decoder.conv_out.weight[:, :12], decoder.conv_out.bias[:] = 0, 0
    decoder.conv_out.weight[:, 12:] *= 0.1
    for c in range(3):
        for half, sign in ((0, 1.0), (1, -1.0)):
            base = 6 * c + 3 * half
            encoder.conv_in.weight[base, c, 1, 1] = sign
            encoder.conv_in.bias[base + 1] = sign * REFERENCE
            encoder.conv_in.weight[base + 2, c, 1, 1], encoder.conv_in.bias[base + 2] = -sign, -sign * REFERENCE
            encoder.conv_out.weight[c, base, 1, 1] = sign * 2.5
            decoder.conv_in.weight[4 * c + half, c, 1, 1] = sign
            decoder.conv_in.bias[4 * c + 2 + half] = sign * REFERENCE
            decoder.conv_out.weight[c, 4 * c + half, 1, 1] = sign * 2.2
    nn.init.eye_(vae.quant_conv.weight[:, :, 0, 0]), nn.init.zeros_(vae.quant_conv.bias)
    nn.init.eye_(vae.post_quant_conv.weight[:, :, 0, 0]), nn.init.zeros_(vae.post_quant_conv.bias)
    vae.quant_conv.weight[4:], vae.quant_conv.bias[4:] = 0, -10
    return regroup(vae)
