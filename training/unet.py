"""Train UNet and text encoder together on cached latents: `python -m training.unet --until 16:15`.

Noise prediction on Stable Diffusion's schedule with min-SNR weights (Hang et al. 2023, gamma 5), one empty caption in
ten for classifier-free guidance, averaged weights. Goes on from `unet.pt` if there is one.

The weight of a clean picture's error is min(SNR + 0.2, 5): plain min-SNR leaves almost nothing for the noisiest steps,
which are the only ones where colours and places must come from the words.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from training.clock import seconds_until
from training.muon import optimizers
from training.scenes import BACKGROUNDS, caption
from training.subjects import Subject, subjects
from training.team import Team
from training.team import start as run_team
from training.vae import follow
from training.words import Compact, vocabulary

WIDTH = 64
"""Width of the text encoder."""

UNET: dict[str, Any] = {
    "sample_size": 16,
    "block_out_channels": (64, 64, 96, 96),
    "layers_per_block": 1,
    "cross_attention_dim": WIDTH,
    "attention_head_dim": 2,
}
"""UNet2DConditionModel's configuration: Stable Diffusion 1's kinds of blocks, narrow; two attention heads."""

TEXT: dict[str, Any] = {
    "hidden_size": WIDTH,
    "intermediate_size": 4 * WIDTH,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "projection_dim": WIDTH,
}
"""CLIPTextConfig's, without the size of the vocabulary."""


Paint = Callable[[Tensor, Tensor, Tensor], Tensor]
"""The noise in noisy latents [n, 4, h, w] at timesteps [n], for tokens [n, 77]."""


class Painter(nn.Module):
    """The text encoder (with a compact vocabulary) and the UNet."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.text = CLIPTextModel(CLIPTextConfig(vocab_size=words + 1, attn_implementation="eager", **TEXT))
        self.unet = UNet2DConditionModel(**UNET)
        self.unet.set_attn_processor(AttnProcessor())

    def forward(self, noisy: Tensor, step: Tensor, tokens: Tensor) -> Tensor:
        """The noise in `noisy` [n, 4, h, w] at timesteps `step` [n], for compact tokens [n, 77]."""
        predicted: Tensor = self.unet(noisy, step, self.context(tokens)).sample
        return predicted

    def context(self, tokens: Tensor) -> Tensor:
        """The text vectors [n, 77, width]."""
        states: Tensor = self.text(input_ids=tokens).last_hidden_state
        return states


def alphas() -> Tensor:
    """Stable Diffusion's products of alphas [1000]: betas' square roots rise evenly from 0.00085 to 0.012."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64).square()
    return (1 - betas).cumprod(0).float()


def spread(count: int, rng: np.random.Generator) -> Tensor:
    """Timesteps [count], one from each equal part of the schedule, shuffled."""
    return torch.from_numpy(rng.permutation((np.arange(count) + rng.random(count)) / count * 1000).astype(np.int64))


class Pairs:
    """Cached latents with fresh captions."""

    def __init__(self, build: Path, known: list[Subject]) -> None:
        data = torch.load(build / "latents.pt", weights_only=True)
        self.latents, self.subject, self.background = data["latents"], data["subject"], data["background"]
        self.known = known

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, list[str]]:
        """Random latents [count, 4, 16, 16] and their captions, one in ten empty."""
        chosen = torch.from_numpy(rng.integers(0, len(self.latents), count))
        captions = []
        for i in chosen.tolist():
            text = caption(self.known[int(self.subject[i])], BACKGROUNDS[int(self.background[i])], rng)
            captions.append("" if rng.random() < 0.1 else text)
        return self.latents[chosen].float(), captions


def loss_of(painter: Paint, latents: Tensor, tokens: Tensor, kept: Tensor, rng: np.random.Generator) -> Tensor:
    """Weighted squared error of the predicted noise for one batch; `kept` are the products of alphas."""
    step = spread(len(latents), rng)
    alpha = kept[step][:, None, None, None]
    noise = torch.randn_like(latents)
    predicted = painter(alpha.sqrt() * latents + (1 - alpha).sqrt() * noise, step, tokens)
    ratio = (alpha / (1 - alpha)).flatten()
    weight = (ratio + 0.2).clamp(max=5) / ratio
    loss: Tensor = ((predicted - noise).square().mean((1, 2, 3)) * weight).mean()
    return loss


def rate(step: int, elapsed: float) -> float:
    """Relative learning rate: warm-up over 100 steps, flat, then down to a fiftieth over the last 60 % of the time."""
    falling = max(0.0, (min(elapsed, 1.0) - 0.4) / 0.6)
    return min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * falling))))


def restore(build: Path, parts: dict[str, Any]) -> int:
    """Load what `save` wrote into the parts, if it is there; returns the steps done."""
    if not (build / "unet.pt").exists():
        return 0
    state = torch.load(build / "unet.pt", weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


def save(build: Path, parts: dict[str, Any], step: int, tokens: list[int]) -> None:
    """Write weights, averages and optimizers, replacing the file only when it is whole."""
    fresh = build / "unet.new"
    torch.save({name: part.state_dict() for name, part in parts.items()} | {"step": step, "tokens": tokens}, fresh)
    fresh.replace(build / "unet.pt")


def train(options: argparse.Namespace, team: Team) -> None:
    """Train until the given time, as one of a team."""
    torch.manual_seed(4)
    known = subjects(options.packages)
    compact, pairs = Compact(vocabulary(known)), Pairs(options.build, known)
    painter = Painter(len(compact.tokens))
    average = copy.deepcopy(painter).requires_grad_(False)
    muon, adam = optimizers(painter.unet, options.adam_rate, (".conv1", ".conv2", "attn", "ff.net", "proj_in"))
    adam.add_param_group({"params": list(painter.text.parameters())})
    parts = {"painter": painter, "average": average, "muon": muon, "adam": adam}
    first = step = restore(options.build, parts)
    torch.manual_seed(4 + 1000 * step + team.rank)  # equal weights, but every process its own noise and pictures
    rng, kept = np.random.default_rng((5 + step, team.rank)), alphas()
    start, allowed, losses, saved, elapsed = time.monotonic(), seconds_until(options.until), [], 0.0, 0.0
    print(f"{sum(p.numel() for p in painter.unet.parameters()):,} in the UNet, {len(compact.tokens)} words", flush=True)
    while elapsed < allowed:
        now = rate(step, elapsed / allowed)
        muon.param_groups[0]["lr"] = options.rate * now
        for group in adam.param_groups:
            group["lr"] = options.adam_rate * now
        latents, captions = pairs.draw(options.batch, rng)
        loss = loss_of(painter, latents, compact(captions), kept, rng)
        painter.zero_grad()
        loss.backward()
        elapsed = team.share(painter.parameters(), time.monotonic() - start)
        muon.step(), adam.step()
        follow(average, painter, min(0.995, (step + 1) / (step + 10)))
        losses.append(loss.item())
        step += 1
        if team.rank > 0:
            continue
        if step % 50 == 0:
            pace = (step - first) * options.batch * team.size / (time.monotonic() - start)
            print(f"{step} {elapsed:.0f}s loss {np.mean(losses[-50:]):.4f} {pace:.1f} images/s", flush=True)
        if elapsed - saved > 120:
            save(options.build, parts, step, compact.tokens)
            saved = elapsed
    if team.rank == 0:
        save(options.build, parts, step, compact.tokens)


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, default=Path("node_modules"))
    parser.add_argument("--build", type=Path, default=Path("build/training"))
    parser.add_argument("--until", default="90m", help="when to stop: a length as 60m or a time of day as 16:15 (UTC)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0.01, help="highest learning rate of Muon")
    parser.add_argument("--adam-rate", type=float, default=1.5e-3, help="highest learning rate of AdamW")
    parser.add_argument("--workers", type=int, default=2, help="processes, each with its own batch and one thread")
    run_team(train, parser.parse_args())


if __name__ == "__main__":
    main()
