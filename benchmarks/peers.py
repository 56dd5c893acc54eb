"""diffusers' own pipeline over the same weights, in its default and in its best CPU setting.

Its networks are built from diffusers' classes alone, with diffusers' own attention (SDPA) and upsampling, and get the
tensors of a model that Redraw has loaded. Its best documented setting for a CPU is the CPU's fastest number format and
channels-last convolutions; its default is fp32 in the ordinary layout.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from redraw.models.configs import unet_config, vae_config
from redraw.models.model import Model
from redraw.models.networks import quietly
from redraw.models.tokenizer import _table


def networks(model: Model, dtype: torch.dtype, *, channels_last: bool) -> tuple[Any, Any]:
    """Return diffusers' UNet and VAE with the weights of `model`."""
    with quietly():
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        with torch.device("meta"):
            unet = UNet2DConditionModel(**unet_config(model.facts.shape.unet))
            vae = AutoencoderKL(**vae_config(model.facts.shape.vae))
    layout = torch.channels_last if channels_last else torch.contiguous_format
    for peer, ours in ((unet, model.unet), (vae, model.vae)):
        state = {
            k: v.to(dtype).contiguous(memory_format=layout if v.ndim == 4 else torch.contiguous_format)
            for k, v in ours.state_dict().items()
        }
        peer.load_state_dict(state, assign=True)
        peer.requires_grad_(False)
        peer.eval()
    vae.register_to_config(scaling_factor=model.scale_factor)
    return unet, vae


def pipeline(model: Model, unet: Any, vae: Any) -> Any:
    """Return diffusers' img2img pipeline of these networks, with the Euler scheduler and our tokenizer's table."""
    with quietly():
        from diffusers import EulerDiscreteScheduler, StableDiffusionImg2ImgPipeline
        from transformers import CLIPTokenizer

        words, merges = _table()
        tokenizer = CLIPTokenizer(words, merges, model_max_length=77)
        pipe = StableDiffusionImg2ImgPipeline(
            vae=vae,
            text_encoder=copy.deepcopy(model.text_encoder).to(unet.dtype),
            tokenizer=tokenizer,
            unet=unet,
            scheduler=EulerDiscreteScheduler(**scheduler_config()),
            safety_checker=None,
            feature_extractor=None,
            image_encoder=None,
            requires_safety_checker=False,
        )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def scheduler_config() -> dict[str, Any]:
    """Return the arguments every diffusers scheduler gets: Stable Diffusion 1's noise levels."""
    return {
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
    }


def write_folder(model: Model, folder: Path) -> Path:
    """Write `model` as a diffusers folder in fp16, unless it is there; return it."""
    if (folder / "model_index.json").is_file():
        return folder
    unet, vae = networks(model, torch.float32, channels_last=False)
    pipe = pipeline(model, unet, vae)
    with quietly():
        pipe.to(torch.float16)
        pipe.save_pretrained(folder, safe_serialization=True)
    return folder


class Rows:
    """How many pictures a UNet was given while counting, over all its calls."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, module: Any, given: tuple[Any, ...]) -> None:
        """Be called before a forward."""
        self.count += int(given[0].shape[0])


@contextmanager
def counting(unet: Any) -> Iterator[Rows]:
    """While inside, count the rows that go through `unet`."""
    rows = Rows()
    hook = unet.register_forward_pre_hook(rows)
    try:
        yield rows
    finally:
        hook.remove()
