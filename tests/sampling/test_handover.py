"""The second model takes over when it is told to, once."""

from __future__ import annotations

import pytest
import torch

from redraw.sampling.denoiser import Cond, Conditioned
from redraw.sampling.guidance import Guided
from redraw.sampling.handover import Handover, Refined
from redraw.sampling.levels import NoiseLevels

LEVELS = NoiseLevels((1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2).cumprod(0).float())


def sigma(t: float) -> torch.Tensor:
    return LEVELS.sigma(torch.tensor([t]))


@pytest.mark.parametrize(("t", "due"), [(999, False), (500, False), (199, True), (0, True)])
def test_the_share_of_the_noise_decides(t: int, due: bool) -> None:
    assert Handover(0.8, LEVELS).due(sigma(t), None, 0) is due
    assert Handover(0.8, LEVELS).due(sigma(999), torch.tensor([float(t)]), 0) is due


@pytest.mark.parametrize(("count", "due"), [(0, False), (15, False), (16, True), (19, True)])
def test_or_the_share_of_the_steps(count: int, due: bool) -> None:
    assert Handover(0.8, LEVELS, by_steps=True, total=20).due(sigma(999), None, count) is due


def test_at_one_it_never_comes() -> None:
    assert not Handover(1, LEVELS).due(sigma(0), None, 0)


def test_after_the_change_the_second_model_goes_on_and_counts_on() -> None:
    calls: list[str] = []
    counts: list[int] = []

    def guided(name: str) -> Guided:
        def network(x: torch.Tensor, t: torch.Tensor, cond: Cond) -> torch.Tensor:
            calls.append(name)
            return torch.zeros_like(x)

        def positive(n: int) -> list[tuple[Cond, float]]:
            counts.append(n)
            return [(Cond(torch.zeros(1, 77, 4)), 1.0)]

        return Guided(Conditioned(network, LEVELS), positive, lambda _: Cond(torch.zeros(1, 77, 4)), scale=1.0)

    both = Refined(guided("base"), guided("refiner"), Handover(0.8, LEVELS))
    for t in (999, 600, 100, 600):
        both(torch.zeros(1, 4, 2, 2), sigma(t))
    assert calls == ["base", "base", "refiner", "refiner"]
    assert counts == [0, 1, 2, 3]
    assert not both.image(0).handed
