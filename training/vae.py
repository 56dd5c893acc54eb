"""Train the VAE: `python -m training.vae --packages node_modules --build build/training --until 15:05`.

Small crops and many steps: the network is convolutional, so what it learns on 64 pixels holds at 128. The loss looks
at colour on its own, because plain RGB error lets a small VAE confuse hues long after its edges are right.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.clock import seconds_until
from training.muon import optimizers
from training.start import copying
from training.subjects import renders
from training.textures import varied

BF16 = torch.backends.cpu.get_cpu_capability() in {"AVX512_BF16", "AMX"}
"""Whether bfloat16 is fast here; without the instructions it is many times slower than float32."""

CONFIG: dict[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "block_out_channels": (32, 64, 96, 96),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "sample_size": 128,
    "scaling_factor": 0.18215,
}
"""AutoencoderKL's configuration while it trains; `training.start` says how its groups become 32."""


def pool(packages: Path, build: Path, count: int, seed: int) -> NDArray[np.uint8]:
    """Varied pictures uint8 [count, 128, 128, 3], composed once and kept in the build folder."""
    kept = build / f"pool-{seed}-{count}.npy"
    if not kept.exists():
        subjects, others = renders(packages, build)
        rng = np.random.default_rng(seed)
        np.save(kept, np.stack([varied(subjects, others, rng) for _ in range(count)]))
    return np.asarray(np.load(kept, mmap_mode="r"))


def batch(pictures: NDArray[np.uint8], size: int, side: int, rng: np.random.Generator) -> Tensor:
    """Random crops, mirrored and with channels shuffled at times, as float [size, 3, side, side] in [-1, 1]."""
    crops = np.empty((size, side, side, 3), np.uint8)
    free = pictures.shape[1] - side
    for crop in crops:
        y, x = rng.integers(0, free + 1, 2)
        piece = pictures[rng.integers(len(pictures)), y : y + side, x : x + side]
        piece = piece[:, ::-1] if rng.random() < 0.5 else piece
        crop[:] = piece[..., rng.permutation(3)] if rng.random() < 0.15 else piece
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def chroma(pictures: Tensor) -> Tensor:
    """The two colour-difference channels (Cb, Cr) of pictures [n, 3, h, w], each spanning [-1, 1]."""
    weights = pictures.new_tensor([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    turned: Tensor = torch.einsum("nchw,dc->ndhw", pictures, weights)
    return turned


def difference(made: Tensor, true: Tensor) -> Tensor:
    """The reconstruction loss: absolute and squared error, edges, and colour at full and at an eighth of the size."""
    error = made - true
    loss = error.abs().mean() + 2 * error.square().mean()
    for dim in (2, 3):
        loss = loss + 0.5 * error.diff(dim=dim).abs().mean()
    half = functional.avg_pool2d(error, 2)
    small = functional.avg_pool2d(error, 8)
    hue, small_hue = chroma(error), chroma(small)
    loss = loss + 0.5 * half.abs().mean() + small.abs().mean() + 4 * small.square().mean()
    return loss + 2 * hue.abs().mean() + 4 * small_hue.abs().mean() + 8 * small_hue.square().mean()


@torch.no_grad()
def psnr(vae: AutoencoderKL, pictures: NDArray[np.uint8]) -> float:
    """Mean peak signal-to-noise ratio in dB of reconstructions through the posterior's mean."""
    true = torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float().div(127.5).sub(1)
    errors = []
    for part in true.split(32):
        with torch.autocast("cpu", torch.bfloat16, enabled=BF16):
            made = vae.decode(vae.encode(part).latent_dist.mode()).sample
        errors.append((made.float().clamp(-1, 1) - part).div(2).square().mean((1, 2, 3)))
    return float((-10 * torch.cat(errors).log10()).mean())


def rate(step: int, elapsed: float, peak: float) -> float:
    """The learning rate: linear warm-up over 50 steps, then a cosine over the time that is given (elapsed 0..1)."""
    return peak * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * min(elapsed, 1.0)))))


@torch.no_grad()
def follow(average: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Move the averaged weights towards the trained ones."""
    for kept, new in zip(average.parameters(), model.parameters(), strict=True):
        kept.lerp_(new, 1 - decay)


def loss_of(vae: AutoencoderKL, true: Tensor, step: int) -> Tensor:
    """Reconstruction loss of one batch plus a very light pull of the posterior to a normal."""
    with torch.autocast("cpu", torch.bfloat16, enabled=BF16):
        posterior = vae.encode(true).latent_dist
        latents = posterior.mean + 0.02 * torch.randn_like(posterior.mean)
        made = vae.decode(latents).sample
    mean = posterior.mean.float()
    loss: Tensor = difference(made.float(), true) + 2e-4 * mean.square().mean()
    return loss


def train(options: argparse.Namespace) -> None:
    """Train until the given time, keeping the averaged weights; goes on from `vae.pt` if there is one."""
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    torch.set_num_threads(options.threads)
    pictures, held_out = pool(options.packages, options.build, 8000, 1), pool(options.packages, options.build, 64, 2)
    vae = copying(AutoencoderKL(**CONFIG))
    average = copy.deepcopy(vae)
    muon, adam = optimizers(vae, options.rate / 8, (".conv1", ".conv2"))
    kept, step = options.build / "vae.pt", 0
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        vae.load_state_dict(state["vae"]), average.load_state_dict(state["average"])
        muon.load_state_dict(state["muon"]), adam.load_state_dict(state["adam"])
        step = state["step"]
    start, allowed, first = time.monotonic(), seconds_until(options.until), step
    print(f"{sum(p.numel() for p in vae.parameters()):,} parameters, {allowed:.0f} s", flush=True)
    while (elapsed := time.monotonic() - start) < allowed:
        late = elapsed / allowed > options.small_share
        size, side = (max(1, options.batch // 5), 128) if late else (options.batch, options.side)
        true = batch(pictures, size, side, rng)
        muon.param_groups[0]["lr"] = rate(step, elapsed / allowed, options.rate)
        adam.param_groups[0]["lr"] = rate(step, elapsed / allowed, options.rate / 8)
        loss = loss_of(vae, true, step)
        vae.zero_grad()
        loss.backward()
        muon.step(), adam.step()
        follow(average, vae, min(0.99, (step + 1) / (step + 20)))
        step += 1
        if step % 50 == 0:
            pace = (step - first) / (time.monotonic() - start)
            print(f"{step} {elapsed:.0f}s loss {loss.item():.4f} {pace:.2f} steps/s", flush=True)
        if step % 100 == 0 or time.monotonic() - start >= allowed:
            print(f"PSNR held out: {psnr(average, held_out):.2f} dB", flush=True)
            state = {"vae": vae.state_dict(), "average": average.state_dict(), "step": step}
            torch.save({**state, "muon": muon.state_dict(), "adam": adam.state_dict()}, kept)


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, default=Path("node_modules"), help="folder of the npm packages")
    parser.add_argument("--build", type=Path, default=Path("build/training"), help="folder for caches and checkpoints")
    parser.add_argument("--until", default="60m", help="when to stop: a length as 60m or a time of day as 15:05 (UTC)")
    parser.add_argument("--batch", type=int, default=5, help="crops per step")
    parser.add_argument("--side", type=int, default=48, help="side of a crop")
    parser.add_argument("--rate", type=float, default=0.003, help="highest learning rate")
    parser.add_argument("--small-share", type=float, default=0.9, help="share of the time spent on crops")
    parser.add_argument("--threads", type=int, default=2)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
