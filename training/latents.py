"""Pictures as latents, once: `python -m training.latents` composes every subject before every background.

The UNet trains on these: latents of the VAE's posterior mean, whitened, exactly as a sampler will see them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from training.scenes import BACKGROUNDS, background, paste, placement
from training.start import regroup
from training.subjects import renders
from training.vae import CONFIG


@dataclass(frozen=True)
class Whitening:
    """The affine map from the VAE's raw latents to ones of mean 0 and unit covariance: `matrix @ (raw - mean)`."""

    mean: Tensor
    matrix: Tensor

    def forward(self, raw: Tensor) -> Tensor:
        """Whiten raw latents [n, 4, h, w]."""
        return torch.einsum("dc,nchw->ndhw", self.matrix, raw - self.mean[:, None, None])

    def back(self, latents: Tensor) -> Tensor:
        """Undo `forward`."""
        return torch.einsum("dc,nchw->ndhw", torch.linalg.inv(self.matrix), latents) + self.mean[:, None, None]

    @classmethod
    def of(cls, raw: Tensor) -> Whitening:
        """The symmetric whitening of a sample of raw latents [n, 4, h, w]."""
        flat = raw.double().permute(0, 2, 3, 1).reshape(-1, raw.shape[1])
        mean = flat.mean(0)
        values, vectors = torch.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))
        return cls(mean.float(), (vectors @ torch.diag(values.rsqrt()) @ vectors.T).float())


def load_vae(build: Path) -> AutoencoderKL:
    """The trained VAE (averaged weights) in its training form."""
    vae = regroup(AutoencoderKL(**CONFIG))
    vae.load_state_dict(torch.load(build / "vae.pt", weights_only=True)["average"])
    return vae.eval().requires_grad_(False)


def to_tensor(pictures: list[np.ndarray]) -> Tensor:
    """Pictures uint8 [h, w, 3] as one float tensor [n, 3, h, w] in [-1, 1]."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


@torch.no_grad()
def cache(packages: Path, build: Path, rounds: int) -> None:
    """Write `latents.pt`: whitened latents fp16 [n, 4, 16, 16], subject and background numbers [n], the whitening."""
    pixels, _ = renders(packages, build)
    rng, vae = np.random.default_rng(3), load_vae(build)
    raw: list[Tensor] = []
    who: list[int] = []
    where: list[int] = []
    for turn in range(rounds):
        for number, subject in enumerate(pixels):
            pictures = []
            for backdrop in BACKGROUNDS:
                pictures.append(np.asarray(paste(background(backdrop, rng), subject, placement(rng))))
            raw.append(vae.encode(to_tensor(pictures)).latent_dist.mode())
            who += [number] * len(BACKGROUNDS)
            where += range(len(BACKGROUNDS))
        print(f"round {turn + 1} of {rounds}: {len(who)} latents", flush=True)
    whole = torch.cat(raw)
    white = Whitening.of(whole)
    data = {"latents": white.forward(whole).half(), "subject": torch.tensor(who), "background": torch.tensor(where)}
    torch.save({**data, "mean": white.mean, "matrix": white.matrix}, build / "latents.pt")
    print("mean", white.mean.tolist(), "matrix", white.matrix.tolist())


def main() -> None:
    """Read the options and write the cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, default=Path("node_modules"))
    parser.add_argument("--build", type=Path, default=Path("build/training"))
    parser.add_argument("--rounds", type=int, default=2, help="compositions of each subject before each background")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cache(options.packages, options.build, options.rounds)


if __name__ == "__main__":
    main()
