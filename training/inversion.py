"""Train the demonstration textual inversion: `python -m training.inversion --packages node_modules`.

A few vectors (Gal et al. 2022, arXiv:2208.01618) that stand in a prompt where a word would and make the starter draw a
thing it has no word for. Only these vectors learn; the starter's weights stay as they are.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from redraw.models.tokenizer import clip_tokenizer
from training.pupil import STARTER, Batch, Pupil, encoded, teach
from training.scenes import BACKGROUNDS, caption, paste, placement
from training.scenes import background as backdrop_of
from training.subjects import Subject, collection, render, svg

HERE = "!"
"""The word in captions whose embedding is replaced, once for each vector; no caption has it otherwise."""


@dataclass(frozen=True)
class Thing:
    """What is to be learned: the network's name, the icon, and the words its vectors start from, one token each."""

    name: str
    icon: str
    start: tuple[str, ...]


THING = Thing("redraw-polar-bear", "polar-bear", ("white", "bear", "panda"))
"""The demonstration's."""


class Inserted(nn.Module):
    """Vectors [v, width] in place of the embeddings of `HERE`, the first of a run first."""

    def __init__(self, pupil: Pupil, start: tuple[str, ...]) -> None:
        super().__init__()
        self.token = clip_tokenizer().ids(HERE)[0]
        table = pupil.text.embeddings.token_embedding
        first = torch.tensor([clip_tokenizer().ids(word)[0] for word in start])
        self.vectors = nn.Parameter(table.weight[first].detach().clone())
        table.register_forward_hook(self._replace)

    def _replace(self, module: nn.Module, given: tuple[Tensor, ...], found: Tensor) -> Tensor:
        places = given[0] == self.token
        order = (places.cumsum(1) - 1) % len(self.vectors)
        return torch.where(places[..., None], self.vectors[order], found)

    @property
    def words(self) -> str:
        """What stands for the thing in a caption while training."""
        return " ".join([HERE] * len(self.vectors))


class Pictures:
    """Latents of one thing before every background, `rounds` times, with fresh captions."""

    def __init__(self, build: Path, drawn: np.ndarray, words: str, rounds: int) -> None:
        self.subject, rng = Subject("", words, ()), np.random.default_rng(10)
        self.where = [backdrop for _ in range(rounds) for backdrop in BACKGROUNDS]
        made = [np.asarray(paste(backdrop_of(where, rng), drawn, placement(rng))) for where in self.where]
        self.latents = encoded(build, made)

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """Random latents and their captions."""
        chosen = rng.integers(0, len(self.where), count)
        return self.latents[torch.from_numpy(chosen)], [caption(self.subject, self.where[i], rng) for i in chosen]


def write(vectors: Tensor, out: Path, thing: Thing, steps: int) -> None:
    """Write the vectors as A1111 reads them: one tensor `emb_params` [v, width]."""
    out.parent.mkdir(parents=True, exist_ok=True)
    header = {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v1/textual-inversion",
        "modelspec.implementation": "https://github.com/AUTOMATIC1111/stable-diffusion-webui",
        "modelspec.title": f"Redraw {thing.icon}",
        "modelspec.author": "the Redraw project",
        "modelspec.license": "Apache-2.0; trained on Fluent Emoji (MIT)",
        "modelspec.description": f"A {thing.icon.replace('-', ' ')}, for the Redraw starter model only.",
        "modelspec.trigger_phrase": thing.name,
        "modelspec.resolution": "128x128",
        "steps": str(steps),
    }
    save_file({"emb_params": vectors.detach().float().contiguous()}, str(out), header)
    print(f"{out}: {len(vectors)} vectors, {out.stat().st_size:,} bytes")


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, default=Path("node_modules"))
    parser.add_argument("--build", type=Path, default=Path("build/training"))
    parser.add_argument("--base", type=Path, default=STARTER)
    parser.add_argument("--out", type=Path, default=STARTER.parent / "networks" / f"{THING.name}.safetensors")
    parser.add_argument("--name", default=THING.name)
    parser.add_argument("--icon", default=THING.icon, help="its name in Fluent Emoji")
    parser.add_argument("--start", nargs="+", default=THING.start, help="words its vectors start from")
    parser.add_argument("--rounds", type=int, default=2, help="compositions before each background")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=0.02, help="highest learning rate")
    options = parser.parse_args()
    torch.set_num_threads(1)
    thing, flat = (
        Thing(options.name, options.icon, tuple(options.start)),
        collection(options.packages, "fluent-emoji-flat"),
    )
    pupil = Pupil(options.base)
    inserted = Inserted(pupil, thing.start)
    pictures = Pictures(options.build, render(svg(flat, thing.icon)), inserted.words, options.rounds)
    teach(
        pupil, list(inserted.parameters()), lambda rng: pictures.draw(options.batch, rng),
        steps=options.steps, rate=options.rate,
    )  # fmt: skip
    write(inserted.vectors, options.out, thing, options.steps)


if __name__ == "__main__":
    main()
