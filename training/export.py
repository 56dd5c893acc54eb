"""Write the single-file checkpoint: `python -m training.export --build build/training --out starter.safetensors`.

Stable Diffusion 1's names and layers: the VAE gets its 32 groups (zero channels complete the narrow levels, see
`training.start`) and its whitening, the text table its 49,408 rows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from redraw.models.configs import from_configs
from redraw.models.keymap import to_checkpoint
from training.latents import Whitening, load_vae, to_tensor
from training.unet import TEXT, UNET, alphas
from training.vae import CONFIG

SCALE = 0.18215
"""What every Stable Diffusion 1 program multiplies latents by."""

VAE: dict[str, Any] = {**CONFIG, "block_out_channels": (128, 128, 96, 96), "norm_num_groups": 32}
"""The exported VAE's configuration."""

WIDER = {32: 128, 64: 128}
"""Trained width to exported width; the added channels are zero."""


def widened(weight: Tensor) -> Tensor:
    """A VAE weight with its channel dimensions at their exported width."""
    shape = [WIDER.get(size, size) if i < 2 else size for i, size in enumerate(weight.shape)]
    full = torch.zeros(shape)
    full[tuple(slice(size) for size in weight.shape)] = weight
    return full


JOINED = (
    ("encoder.down_blocks.0.downsamplers.0.conv", "encoder.down_blocks.1.resnets.0", 32, 64),
    ("decoder.up_blocks.2.upsamplers.0.conv", "decoder.up_blocks.3.resnets.0", 64, 32),
)
"""Where a width changes in training but not in the export: producer, block, width before and after."""


def without_shortcuts(trained: dict[str, Tensor]) -> dict[str, Tensor]:
    """The VAE's weights, wider, where blocks between levels of equal exported width have no shortcut convolution.

    The convolution before such a block computes the shortcut S x beside x: channels [S x, x, 0]. The block normalises
    and reads only x, adds its branch to S x, and nobody reads the x that stays behind.
    """
    state = {name: widened(weight.float()) for name, weight in trained.items()}
    for producer, block, before, after in JOINED:
        weight, bias = trained[f"{producer}.weight"].float(), trained[f"{producer}.bias"].float()
        across = trained[f"{block}.conv_shortcut.weight"].float()[:, :, 0, 0]
        place = slice(after, after + before)
        for name in (f"{producer}.weight", f"{producer}.bias", f"{block}.norm1.weight", f"{block}.norm1.bias"):
            state[name].zero_()
        inner = weight.shape[1]
        state[f"{producer}.weight"][:after, :inner] = torch.einsum("dc,cehw->dehw", across, weight)
        state[f"{producer}.bias"][:after] = across @ bias + trained[f"{block}.conv_shortcut.bias"].float()
        state[f"{producer}.weight"][place, :inner], state[f"{producer}.bias"][place] = weight, bias
        state[f"{block}.norm1.weight"][place] = trained[f"{block}.norm1.weight"].float()
        state[f"{block}.norm1.bias"][place] = trained[f"{block}.norm1.bias"].float()
        first = trained[f"{block}.conv1.weight"].float()
        state[f"{block}.conv1.weight"].zero_()
        state[f"{block}.conv1.weight"][:after, place] = first
        del state[f"{block}.conv_shortcut.weight"], state[f"{block}.conv_shortcut.bias"]
    return state


def exported_vae(trained: dict[str, Tensor], white: Whitening) -> dict[str, Tensor]:
    """The VAE's weights as they are written: wider, and with the whitening folded into its 1x1 convolutions.

    Afterwards posterior means times 0.18215 have mean 0 and deviation 1 in every channel.
    """
    state = without_shortcuts(trained)
    weight, bias = state["quant_conv.weight"], state["quant_conv.bias"]
    forward = white.matrix / SCALE
    weight[:4] = torch.einsum("dc,cehw->dehw", forward, weight[:4])
    bias[:4] = forward @ (bias[:4] - white.mean)
    weight[4:], bias[4:] = 0, -10
    weight, bias = state["post_quant_conv.weight"], state["post_quant_conv.bias"]
    bias += weight[:, :, 0, 0] @ white.mean
    weight.copy_(torch.einsum("dchw,ce->dehw", weight, torch.linalg.inv(white.matrix) * SCALE))
    return state


def exported_text(painter: dict[str, Tensor], tokens: list[int]) -> dict[str, Tensor]:
    """The text encoder's weights with the whole table; rows of words that were never trained are zero."""
    state = {name.removeprefix("text."): weight for name, weight in painter.items() if name.startswith("text.")}
    state = {name.removeprefix("text_model."): weight for name, weight in state.items() if "position_ids" not in name}
    small = state["embeddings.token_embedding.weight"]
    table = torch.zeros(49408, small.shape[1])
    table[torch.tensor(tokens)] = small[: len(tokens)]
    return {**state, "embeddings.token_embedding.weight": table}


@torch.no_grad()
def preview(build: Path, pictures: np.ndarray) -> list[list[float]]:
    """Least-squares map from a scaled latent cell to its block's mean colour in [-1, 1]: four rows and the constant."""
    data = torch.load(build / "latents.pt", weights_only=True)
    white, images = Whitening(data["mean"], data["matrix"]), to_tensor(list(pictures))
    latents = white.forward(load_vae(build).encode(images).latent_dist.mode())
    cells = latents.permute(0, 2, 3, 1).reshape(-1, 4)
    colours = torch.nn.functional.avg_pool2d(images, 8).permute(0, 2, 3, 1).reshape(-1, 3)
    solved = torch.linalg.lstsq(torch.cat([cells, torch.ones(len(cells), 1)], 1), colours).solution
    return [[round(float(value), 5) for value in row] for row in solved]


def metadata(rows: list[list[float]], subjects: int) -> dict[str, str]:
    """The file's header: what shapes cannot tell, and who made it under which licence."""
    return {
        "redraw.unet": json.dumps({"attention_head_dim": UNET["attention_head_dim"]}),
        "redraw.text_encoder": json.dumps(
            {"num_attention_heads": TEXT["num_attention_heads"], "hidden_act": TEXT["hidden_act"]}
        ),
        "redraw.vae": json.dumps({"scaling_factor": SCALE}),
        "redraw.native_size": "128",
        "redraw.preview": json.dumps(rows),
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v1",
        "modelspec.implementation": "diffusers",
        "modelspec.title": "Redraw starter",
        "modelspec.author": "the Redraw project",
        "modelspec.license": "Apache-2.0; trained on Fluent Emoji (MIT) and Noto Emoji (Apache-2.0)",
        "modelspec.description": f"{subjects} flat emoji subjects on 18 backgrounds at 128x128, in miniature.",
        "modelspec.resolution": "128x128",
        "modelspec.prediction_type": "epsilon",
        "format": "pt",
    }


def export(build: Path, out: Path, subjects: int) -> None:
    """Write the checkpoint in fp16."""
    run = torch.load(build / "unet.pt", weights_only=True)
    data = torch.load(build / "latents.pt", weights_only=True)
    painter, white = run["average"], Whitening(data["mean"], data["matrix"])
    unet = {name.removeprefix("unet."): weight for name, weight in painter.items() if name.startswith("unet.")}
    vae = exported_vae(torch.load(build / "vae.pt", weights_only=True)["average"], white)
    shape = from_configs(UNET, VAE, {**TEXT, "vocab_size": 49408})
    state = to_checkpoint(shape, unet, vae, exported_text(painter, run["tokens"]))
    state = {name: weight.half().contiguous() for name, weight in state.items()}
    state["alphas_cumprod"] = alphas()
    pictures = np.load(next(build.glob("pool-2-*.npy")))
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, str(out), metadata(preview(build, pictures), subjects))
    print(f"{out}: {out.stat().st_size:,} bytes, {run['step']} steps")


def main() -> None:
    """Read the options and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build/training"))
    parser.add_argument("--out", type=Path, default=Path("build/training/redraw-starter.safetensors"))
    parser.add_argument("--subjects", type=int, default=55, help="how many, for the description")
    options = parser.parse_args()
    export(options.build, options.out, options.subjects)


if __name__ == "__main__":
    main()
