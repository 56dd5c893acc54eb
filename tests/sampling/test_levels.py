"""The table of noise levels and its interpolations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from redraw.sampling.levels import NoiseLevels


@pytest.mark.parametrize(("t", "sigma"), [(0, 0.0291672), (1, 0.0413144), (998, 14.526276), (999, 14.614641)])
def test_sigmas_are_stable_diffusions(sd: NoiseLevels, t: int, sigma: float) -> None:
    assert float(sd.sigmas[t]) == pytest.approx(sigma, rel=2e-5)


@pytest.mark.parametrize(("t", "abar"), [(0, 0.99915), (1, 0.998296), (500, 0.276333), (999, 0.00466010)])
def test_signal_shares_are_stable_diffusions(sd: NoiseLevels, t: int, abar: float) -> None:
    assert float(sd.alphas_cumprod[t]) == pytest.approx(abar, rel=1e-5)


@pytest.mark.golden
def test_tables_equal_a1111s(sd: NoiseLevels, pure: Callable[[str], Any]) -> None:
    golden = pure("model_schedule.npz")
    torch.testing.assert_close(sd.alphas_cumprod, golden["alphas_cumprod"], rtol=1e-6, atol=0)
    torch.testing.assert_close(sd.sigmas, golden["sigmas"], rtol=1e-6, atol=0)
    torch.testing.assert_close(sd.log_sigmas, golden["log_sigmas"], rtol=1e-6, atol=1e-6)


def test_timestep_and_level_are_inverse(sd: NoiseLevels) -> None:
    t = torch.linspace(0, 999, 333)
    torch.testing.assert_close(sd.t(sd.sigma(t)), t, rtol=0, atol=2e-2)


def test_a_level_outside_the_table_answers_its_end(sd: NoiseLevels) -> None:
    assert sd.t(torch.tensor([0.001, 900.0])).tolist() == [0.0, 999.0]


def test_quantized_timesteps_are_whole(sd: NoiseLevels) -> None:
    t = sd.t(sd.sigma(torch.tensor([10.4, 10.6, 700.2])), quantize=True)
    assert t.tolist() == [10.0, 11.0, 700.0]


def test_timesteps_keep_the_shape_of_their_levels(sd: NoiseLevels) -> None:
    assert sd.t(torch.ones(2, 3)).shape == (2, 3)
    assert sd.t(torch.tensor(1.0)).shape == ()


def test_zero_terminal_snr_ends_in_noise_and_keeps_its_start(sd: NoiseLevels) -> None:
    z = sd.zero_terminal_snr()
    assert z.sigma_max == pytest.approx(4518.7637, rel=1e-6)
    assert z.sigma_min == pytest.approx(sd.sigma_min, rel=1e-5)
    assert bool((z.alphas_cumprod.diff() < 0).all())


def test_downcast_levels_are_representable_in_half_precision(sd: NoiseLevels) -> None:
    abar = sd.downcast().alphas_cumprod
    assert torch.equal(abar, abar.half().float())
    assert not torch.equal(abar, sd.alphas_cumprod)


def test_consistency_levels_are_every_twentieth(sd: NoiseLevels) -> None:
    lcm = sd.every(20)
    assert len(lcm) == 50
    assert (lcm.first_t, lcm.last_t) == (19, 999)
    assert float(lcm.sigmas[0]) == float(sd.sigmas[19])
    assert lcm.t(lcm.sigmas).tolist() == list(range(19, 1000, 20))
    assert lcm.t(torch.tensor([1.0])).item() % 20 == 19
