"""Brownian paths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torchsde

from redraw.sampling.brownian import BrownianPath

SHAPE = (4, 8, 8)


def normal(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("low", "high", "seed"), [(0.0291675, 14.614643, 5), (0.1, 10.0, 0), (0.0291675, 4518.7636, 2**33 + 1)]
)
def test_the_path_is_the_one_torchsde_draws(low: float, high: float, seed: int) -> None:
    ours = BrownianPath(low, high, seed, normal)
    theirs = torchsde.BrownianTree(low, torch.zeros(SHAPE), high, entropy=seed)
    points = [high, *np.geomspace(high, low, 12)[1:-1].tolist(), low]
    for b, a in itertools.pairwise(points):
        assert torch.equal(ours.increment(a, b), theirs(a, b))


def test_increments_add_up_whatever_the_steps() -> None:
    path = BrownianPath(0.03, 14.6, 3, normal)
    whole = path.increment(0.5, 9.0)
    again = BrownianPath(0.03, 14.6, 3, normal)
    parts = again.increment(0.5, 1.25) + again.increment(1.25, 4.0) + again.increment(4.0, 9.0)
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-5)


def test_a_long_path_forgets_nothing() -> None:
    path = BrownianPath(0.03, 14.6, 3, normal)
    first = path.increment(1.0, 2.0)
    for a in np.linspace(0.1, 14, 60).tolist():
        path.increment(a, a + 0.3)
    assert torch.equal(path.increment(1.0, 2.0), first)


def test_points_outside_the_range_count_as_its_ends() -> None:
    path = BrownianPath(1.0, 2.0, 3, normal)
    assert torch.equal(path.increment(0.0, 9.0), path.increment(1.0, 2.0))
    assert not path.increment(5.0, 9.0).any()


def test_a_path_without_length_stands_still() -> None:
    assert not BrownianPath(1.0, 1.0, 3, normal).increment(1.0, 1.0).any()


def test_variance_grows_with_time() -> None:
    path = BrownianPath(0.0, 10.0, 1, lambda s: torch.randn(20000, generator=torch.Generator().manual_seed(s)))
    for a, b in [(0.0, 1.0), (2.5, 7.5), (9.0, 9.5)]:
        assert float(path.increment(a, b).var()) == pytest.approx(b - a, rel=0.05)
