"""Measure an exported model: `python -m training.evaluate starter.safetensors --packages node_modules`.

Prints and writes as JSON: the VAE's PSNR on held-out pictures, how often the named subject is found again in generated
pictures, how often the asked background colour comes, and how far img2img moves from its source as strength grows.
The file is read by Redraw's own loader; the sampler is `training.sample`'s.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from redraw.models.loader import load_model
from training.latents import to_tensor
from training.sample import Studio, draw, pixels
from training.scenes import BACKGROUNDS, COLOURS, Placement, article, background, paste, placement, setting
from training.sheets import grid, sheet
from training.subjects import Subject, renders, subjects
from training.words import ids

STRENGTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Where the img2img curve is measured."""

Pictures = NDArray[np.uint8]


def exported(path: Path) -> Studio:
    """A checkpoint file, through Redraw's loader, in fp32 on the CPU."""
    model = load_model(path)
    return Studio(
        predict=lambda x, t, c: model.unet(x, t, c).sample,
        context=lambda texts: model.text_states(torch.tensor([ids(text) for text in texts])),
        encode=model.encode,
        decode=model.decode,
    )


@torch.no_grad()
def vae_psnr(studio: Studio, pictures: Pictures) -> float:
    """Mean PSNR in dB of pictures [n, h, w, 3] that went through the VAE and back, as 8-bit pictures."""
    made = np.concatenate([pixels(studio.decode(studio.encode(to_tensor([picture])))) for picture in pictures])
    errors = ((made.astype(float) - pictures) ** 2).mean((1, 2, 3))
    return float((10 * np.log10(255**2 / errors)).mean())


def small(pictures: Pictures) -> Tensor:
    """Pictures as 32x32 vectors for comparison."""
    return functional.avg_pool2d(to_tensor(list(pictures)), 4).flatten(1)


def retrieval(studio: Studio, known: list[Subject], drawn: Pictures, seed: int) -> tuple[float, float, Pictures]:
    """Top-1 and top-5 retrieval, and the pictures: one per subject, on plain colours in turn.

    A picture is compared, in pixels at 32x32, with every subject's artwork centred on the same background.
    """
    names = list(COLOURS)
    backs = [names[i % len(names)] for i in range(len(known))]
    made = sheet(studio, [f"{article(s.words)} {setting(b)}" for s, b in zip(known, backs, strict=True)], seed, 5.0)
    rng, first, five = np.random.default_rng(0), 0, 0
    for i, (vector, back) in enumerate(zip(small(made), backs, strict=True)):
        plain = background(back, rng)
        every = np.stack([np.asarray(paste(plain.copy(), one, Placement(0.81))) for one in drawn])
        order = (small(every) - vector).square().sum(1).argsort()
        first += int(order[0] == i)
        five += int(i in order[:5])
    return first / len(known), five / len(known), made


def border_colour(picture: Pictures) -> str:
    """The plain colour that a picture's border (4 pixels, median) is nearest to."""
    edge = np.concatenate([picture[:4].reshape(-1, 3), picture[:, :4].reshape(-1, 3), picture[:, -4:].reshape(-1, 3)])
    colour = np.median(edge, 0)
    return min(COLOURS, key=lambda name: float(((colour - COLOURS[name]) ** 2).sum()))


def obedience(studio: Studio, known: list[Subject], seed: int, each: int = 8) -> tuple[float, dict[str, float]]:
    """How often the asked plain background comes, in all and by colour, over `each` subjects per colour."""
    chosen = np.random.default_rng(seed).choice(len(known), (len(COLOURS), each))
    hits = {}
    for name, row in zip(COLOURS, chosen, strict=True):
        made = sheet(studio, [f"{article(known[i].words)} {setting(name)}" for i in row], seed, 5.0)
        hits[name] = float(np.mean([border_colour(picture) == name for picture in made]))
    return float(np.mean(list(hits.values()))), hits


@torch.no_grad()
def curve(studio: Studio, known: list[Subject], drawn: Pictures, count: int, seed: int) -> list[float]:
    """Mean root-mean-square distance (of 255) from the source at each of `STRENGTHS`, for `count` pictures.

    Each source is one subject, the prompt asks for another one before another background.
    """
    rng = np.random.default_rng(seed)
    sources, texts = [], []
    for _ in range(count):
        subject, other = rng.integers(0, len(known), 2)
        sources.append(np.asarray(paste(background(str(rng.choice(BACKGROUNDS)), rng), drawn[subject], placement(rng))))
        texts.append(f"{article(known[other].words)} {setting(str(rng.choice(BACKGROUNDS)))}")
    latents = torch.cat([studio.encode(to_tensor([source])) for source in sources])
    distances = []
    for strength in STRENGTHS:
        made = []
        for i in range(0, count, 16):
            part = slice(i, i + 16)
            found = draw(studio, texts[part], seed=i, steps=10, scale=5.0, source=latents[part], strength=strength)
            made.append(pixels(studio.decode(found)))
        error = ((np.concatenate(made).astype(float) - np.stack(sources)) ** 2).mean((1, 2, 3))
        distances.append(float(np.sqrt(error).mean()))
    return distances


def main() -> None:
    """Measure, print and write the numbers and the retrieval sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--packages", type=Path, default=Path("node_modules"))
    parser.add_argument("--build", type=Path, default=Path("build/training"))
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--count", type=int, default=64, help="pictures for the img2img curve and the PSNR")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    known, (drawn, _) = subjects(options.packages), renders(options.packages, options.build)
    studio, rng = exported(options.model), np.random.default_rng(options.seed)
    report: dict[str, object] = {"subjects": len(known)}
    varied = np.load(next(options.build.glob("pool-2-*.npy")))[: options.count]
    world = np.stack(
        [np.asarray(paste(background(BACKGROUNDS[i % 18], rng), one, placement(rng))) for i, one in enumerate(drawn)]
    )
    report["vae_psnr_world_db"] = vae_psnr(studio, world[: options.count])
    report["vae_psnr_varied_db"] = vae_psnr(studio, varied)
    print(report, flush=True)
    report["top1"], report["top5"], made = retrieval(studio, known, drawn, options.seed)
    grid(made, 13).save(options.build / "evaluated.png")
    print(report, flush=True)
    report["colour"], report["by_colour"] = obedience(studio, known, options.seed)
    print(report, flush=True)
    distances = curve(studio, known, drawn, options.count, options.seed)
    report["curve"] = dict(zip(map(str, STRENGTHS), distances, strict=True))
    report["curve_rises"] = all(a < b for a, b in itertools.pairwise(distances))
    print(json.dumps(report, indent=1))
    (options.build / "evaluation.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
