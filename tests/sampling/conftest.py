"""A closed-form model, and access to A1111's recorded runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from redraw.sampling.denoiser import Denoised
from redraw.sampling.levels import NoiseLevels


class Gaussian:
    """The exact denoiser of data that are normal with mean `mu` and deviation `spread`.

    D = mu + spread^2 / (spread^2 + sigma^2) (x - mu), and the probability flow from sigma a to b multiplies x - mu
    by sqrt((spread^2 + b^2) / (spread^2 + a^2)): Karras et al. 2022, appendix B.
    """

    def __init__(self, mu: float = 0.3, spread: float = 0.8) -> None:
        self.mu, self.spread, self.calls = mu, spread, 0

    def __call__(self, x: Tensor, sigma: Tensor, *, t: Tensor | None = None) -> Denoised:
        self.calls += 1
        s2 = sigma.view(-1, 1, 1, 1) ** 2
        D = self.mu + self.spread**2 / (self.spread**2 + s2) * (x - self.mu)
        return Denoised(D, D)

    def image(self, i: int) -> Gaussian:
        return Gaussian(self.mu, self.spread)

    def exact(self, x: Tensor, a: float, b: float) -> Tensor:
        """Return where the probability flow takes `x` from level `a` to level `b`."""
        ratio = ((self.spread**2 + b**2) / (self.spread**2 + a**2)) ** 0.5
        return self.mu + ratio * (x - self.mu)


class NoNoise:
    """Noise for runs that must not need any."""

    def __call__(self) -> float:
        return 0.0

    def between(self, sigma: float, sigma_next: float) -> float:
        return 0.0


@pytest.fixture
def gaussian() -> Gaussian:
    return Gaussian()


@pytest.fixture
def silence() -> NoNoise:
    return NoNoise()


@pytest.fixture(scope="session")
def sd() -> NoiseLevels:
    """Stable Diffusion's levels."""
    return NoiseLevels.scaled_linear()


@pytest.fixture(scope="session")
def pure(goldens: Path) -> Callable[[str], Any]:
    """Read one of A1111's tables: JSON, or the arrays of an npz by name."""

    def read(name: str) -> Any:
        path = goldens / "pure" / name
        if path.suffix == ".json":
            return json.loads(path.read_text())
        with np.load(path) as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in arrays.files}

    return read


@pytest.fixture(scope="session")
def recorded(goldens: Path) -> Callable[[str], tuple[Mapping[str, Any], dict[str, Tensor]]]:
    """Read one recorded run of A1111: its request, and its arrays by name."""

    def read(case: str) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
        group = case.split("/")[0]
        cases = json.loads((goldens / "cases" / f"{group}.json").read_text())
        found = next(c for c in cases if c["id"] == case)
        with np.load(goldens / found["debug"]) as arrays:
            return found["request"], {key: torch.from_numpy(arrays[key]) for key in arrays.files}

    return read
