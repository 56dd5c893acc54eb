"""The noise of NVIDIA GPUs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from redraw.sampling.philox import Philox

SEED_0 = (
    "-0.92466259 -0.42534415 -2.6438457 0.14518388 -0.12086647 -0.57972564 -0.62285122 -0.32838709 "
    "-1.07454231 -0.36314407 -1.67105067 2.26550497"
)


def test_seed_zero_gives_the_published_numbers() -> None:
    expected = np.array([float(v) for v in SEED_0.split()]).reshape(3, 4)
    np.testing.assert_allclose(Philox(0).normal((3, 4)), expected, atol=1e-6)


def test_draws_continue() -> None:
    philox = Philox(12345)
    first, second = philox.normal((4, 64, 64)), philox.normal((4, 64, 64))
    np.testing.assert_allclose(first.ravel()[:4], [0.5786413, -0.5247555, -0.29190373, 0.01401389], atol=1e-6)
    np.testing.assert_allclose(second.ravel()[:4], [2.7012851, -0.7103896, -1.3754632, -1.5199847], atol=1e-6)


@pytest.mark.golden
def test_seed_zero_equals_a1111s(pure: Callable[[str], Any]) -> None:
    golden = pure("philox_seed0.json")
    assert Philox(0).normal((len(golden),)).tolist() == golden


def test_every_bit_of_a_seed_counts() -> None:
    assert not np.array_equal(Philox(1).normal((8,)), Philox(1 + 2**32).normal((8,)))


def test_numbers_are_standard_normal() -> None:
    x = Philox(7).normal((4, 128, 128))
    assert abs(float(x.mean())) < 0.02
    assert float(x.std()) == pytest.approx(1, abs=0.02)
