"""Train the demonstration LoRA: `python -m training.lora --packages node_modules`.

Low-rank changes of the starter's weights (Hu et al. 2021, arXiv:2106.09685) that make it draw blueprints, in kohya's
names, for linear layers and convolutions of UNet and text encoder. Training pictures: the starter's subjects before
its backgrounds, restyled by `training.blueprint`; captions as for the starter itself, without any word for the style.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize

from training.blueprint import composed
from training.pupil import STARTER, Batch, Pupil, encoded, teach
from training.scenes import BACKGROUNDS, caption, placement
from training.subjects import Subject, collection, render, subjects, svg

NAME = "redraw-blueprint"
"""What a prompt calls it."""

RANKS = {"linear": 8, "conv": 4, "text": 4}
"""Rank of every change, by kind of layer; alpha is the same number, so nothing is scaled."""

EMPTY = 0.1
"""Share of captions left empty, as when the starter was trained."""


class LowRank(nn.Module):
    """A weight plus the product of two thin matrices; nothing at first, because the second starts at zero."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        self.shape = weight.shape
        self.down = nn.Parameter(torch.randn(rank, weight[0].numel()) / weight[0].numel() ** 0.5)
        self.up = nn.Parameter(torch.zeros(len(weight), rank))
        self.strength = 1.0

    def forward(self, weight: Tensor) -> Tensor:
        """The changed weight."""
        return weight + self.strength * (self.up @ self.down).view(self.shape)

    def tensors(self) -> dict[str, Tensor]:
        """What kohya's files hold: thin matrices in the layer's own form, fp16, and alpha."""
        rank, window = len(self.down), self.shape[2:]
        return {
            "lora_down.weight": self.down.detach().view(rank, *self.shape[1:]).half(),
            "lora_up.weight": self.up.detach().view(self.shape[0], rank, *(1 for _ in window)).half(),
            "alpha": torch.tensor(float(rank)).half(),
        }


def layers(pupil: Pupil) -> Iterator[tuple[str, str, nn.Module]]:
    """Kind, kohya's name and module of every layer that is changed: all in UNet blocks and text layers."""
    for prefix, network in (("lora_unet", pupil.unet), ("lora_te_text_model", pupil.text)):
        for name, module in network.named_modules():
            inside = any(part in name for part in ("attentions.", "resnets.", "samplers.", "encoder.layers."))
            if inside and isinstance(module, nn.Linear | nn.Conv2d):
                flat = isinstance(module, nn.Linear) or module.kernel_size == (1, 1)
                kind = "text" if network is pupil.text else "linear" if flat else "conv"
                yield kind, f"{prefix}_{name.replace('.', '_')}", module


def attach(pupil: Pupil, ranks: dict[str, int] = RANKS) -> dict[str, LowRank]:
    """Give every layer its change; returns them by kohya's name, in the order of the network."""
    torch.manual_seed(8)
    changes = {}
    for kind, name, module in list(layers(pupil)):
        changes[name] = LowRank(module.get_parameter("weight"), ranks[kind])
        parametrize.register_parametrization(module, "weight", changes[name])
    return changes


def dial(changes: dict[str, LowRank], strength: float) -> None:
    """Use the changes at another strength."""
    for change in changes.values():
        change.strength = strength


class Blueprints:
    """Latents of blueprints with fresh captions: every subject before every background, `rounds` times."""

    def __init__(self, build: Path, known: list[Subject], drawn: np.ndarray, rounds: int) -> None:
        self.known, rng = known, np.random.default_rng(9)
        self.what = [(i, backdrop) for _ in range(rounds) for i in range(len(known)) for backdrop in BACKGROUNDS]
        kept = build / f"blueprints-{rounds}.pt"
        if not kept.exists():
            made = [composed(drawn[i], where, placement(rng), rng) for i, where in self.what]
            torch.save(encoded(build, made).half(), kept)
        self.latents = torch.load(kept, weights_only=True).float()

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """Random latents and their captions, some empty."""
        chosen = rng.integers(0, len(self.what), count)
        pairs = [self.what[i] for i in chosen]
        texts = [caption(self.known[i], where, rng) if rng.random() >= EMPTY else "" for i, where in pairs]
        return self.latents[torch.from_numpy(chosen)], texts


def metadata(steps: int, batch: int, rate: float, pictures: int) -> dict[str, str]:
    """The file's header, in the words kohya's trainer and the ModelSpec use."""
    return {
        "ss_output_name": NAME,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(RANKS["linear"]),
        "ss_network_alpha": str(float(RANKS["linear"])),
        "ss_network_args": json.dumps({"conv_dim": str(RANKS["conv"]), "conv_alpha": str(RANKS["conv"])}),
        "ss_base_model_version": "sd_v1",
        "ss_sd_model_name": STARTER.name,
        "ss_resolution": "(128, 128)",
        "ss_steps": str(steps),
        "ss_max_train_steps": str(steps),
        "ss_total_batch_size": str(batch),
        "ss_num_train_images": str(pictures),
        "ss_unet_lr": str(rate),
        "ss_text_encoder_lr": str(rate),
        "ss_optimizer": "torch.optim.adamw.AdamW",
        "ss_mixed_precision": "no",
        "ss_seed": "6",
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.implementation": "https://github.com/Stability-AI/generative-models",
        "modelspec.title": "Redraw blueprint",
        "modelspec.author": "the Redraw project",
        "modelspec.license": "Apache-2.0; trained on Fluent Emoji (MIT), restyled",
        "modelspec.description": "White lines on blue paper, for the Redraw starter model only.",
        "modelspec.resolution": "128x128",
        "modelspec.prediction_type": "epsilon",
        "modelspec.usage_hint": f"<lora:{NAME}:1>; needs no word in the prompt.",
    }


def write(changes: dict[str, LowRank], out: Path, header: dict[str, str]) -> None:
    """Write the network."""
    found = {f"{name}.{key}": t.contiguous() for name, change in changes.items() for key, t in change.tensors().items()}
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(found, str(out), header)
    print(f"{out}: {len(changes)} layers, {out.stat().st_size:,} bytes")


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, default=Path("node_modules"))
    parser.add_argument("--build", type=Path, default=Path("build/training"))
    parser.add_argument("--base", type=Path, default=STARTER)
    parser.add_argument("--out", type=Path, default=STARTER.parent / "networks" / f"{NAME}.safetensors")
    parser.add_argument("--rounds", type=int, default=1, help="compositions of each subject before each background")
    parser.add_argument("--steps", type=int, default=450)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pupil, known, flat = (
        Pupil(options.base),
        subjects(options.packages),
        collection(options.packages, "fluent-emoji-flat"),
    )
    drawn = np.stack([render(svg(flat, subject.icon)) for subject in known])
    pictures = Blueprints(options.build, known, drawn, options.rounds)
    changes = attach(pupil)
    learning = [weight for change in changes.values() for weight in change.parameters()]
    teach(pupil, learning, lambda rng: pictures.draw(options.batch, rng), steps=options.steps, rate=options.rate)
    header = metadata(options.steps, options.batch, options.rate, len(pictures.what))
    write(changes, options.out, header)


if __name__ == "__main__":
    main()
