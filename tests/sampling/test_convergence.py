"""How fast each sampler approaches the exact answer, measured against the closed-form Gaussian denoiser.

LCM is left out: it jumps to the estimate and adds fresh noise, so it solves no equation to converge to. DPM adaptive
is left out of the orders, since it chooses its own steps; its error is held against its tolerance instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from redraw.registry import SAMPLERS
from redraw.sampling.levels import NoiseLevels
from redraw.sampling.sampler import Sampler
from redraw.sampling.schedulers import karras_ramp
from redraw.sampling.trajectory import ddim_timesteps

X = torch.linspace(-3, 3, 256, dtype=torch.float64).reshape(1, 4, 8, 8)
HIGH, LOW = 10.0, 0.1


def last(sampler: Sampler, model: Any, x: torch.Tensor, sigmas: torch.Tensor, noise: Any, **given: Any) -> torch.Tensor:
    if "eta" in sampler.takes:
        given.setdefault("eta", 0.0)
    *_, step = sampler.run(model, x, sigmas, noise, **given)
    return step.x


def order(errors: list[float], counts: list[int]) -> float:
    """Return the slope of log error over log count, from first to last."""
    return math.log(errors[0] / errors[-1]) / math.log(counts[-1] / counts[0])


@pytest.mark.parametrize(
    ("name", "counts", "expected"),
    [
        ("euler", (20, 40, 80, 160), 1),
        ("euler_a", (20, 40, 80, 160), 1),
        ("heun", (20, 40, 80, 160), 2),
        ("dpm_2", (20, 40, 80, 160), 2),
        ("dpm_2_a", (20, 40, 80, 160), 2),
        ("dpmpp_2m", (20, 40, 80, 160), 2),
        ("dpmpp_2s_a", (20, 40, 80, 160), 2),
        ("dpmpp_sde", (20, 40, 80, 160), 2),
        ("dpmpp_2m_sde", (20, 40, 80, 160), 2),
        ("dpmpp_2m_sde_heun", (20, 40, 80, 160), 2),
        # Third order between its first two steps, which are of first and second order.
        ("dpmpp_3m_sde", (20, 40, 80, 160), 2),
        # Fourth order between its first three steps.
        ("lms", (20, 40, 80, 160), 3),
        # 3k + 2 evaluations: third order steps and one of second order at the end.
        ("dpm_fast", (17, 32, 62, 122), 3),
        # From 20 steps on it adds noise; below it is plain Heun.
        ("restart", (5, 9, 14, 19), 2),
    ],
)
def test_the_sigma_family_converges_at_its_order(
    gaussian: Any, silence: Any, name: str, counts: tuple[int, ...], expected: int
) -> None:
    sampler, errors = SAMPLERS.get(name), []
    for n in counts:
        sigmas = karras_ramp(n + 1, LOW, HIGH)
        a, b = float(sigmas[0]), float(sigmas[-1])
        given = {"sigma_min": b, "sigma_max": a, "nfe": n} if "range" in sampler.needs else {}
        x = last(sampler, gaussian, X * a, sigmas, silence, **given)
        errors.append(float((x - gaussian.exact(X * a, a, b)).abs().max()))
    assert errors == sorted(errors, reverse=True)
    assert order(errors, list(counts)) > expected - 0.1


def grid_error(model: Any, noise: Any, levels: NoiseLevels, name: str, timesteps: torch.Tensor, **given: Any) -> float:
    """Return the greatest error of a run along `timesteps` (UniPC: from the first of them to the table's lowest)."""
    sampler = SAMPLERS.get(name)
    sigmas = levels.sigmas[timesteps]
    a, b = float(sigmas[0]), float(sigmas[-1])
    if sampler.own_grid:
        b, given["levels"] = levels.sigma_min, levels
    x = last(sampler, model, X, sigmas, noise, timesteps=timesteps, **given)
    exact = model.exact(X * math.sqrt(1 + a**2), a, b) / math.sqrt(1 + b**2)
    return float((x - exact).abs().max())


@pytest.mark.parametrize(
    ("name", "expected"),
    # Evenly spaced timesteps leave one long last step in log sigma, so 100 steps are not yet where PLMS and UniPC
    # show their order; the test below shows it on the table without its lowest tenth.
    [("ddim", 0.9), ("ddim_cfgpp", 0.9), ("plms", 1.2), ("unipc", 1.2)],
)
def test_the_timestep_family_converges_over_ten_to_a_hundred_steps(
    gaussian: Any, silence: Any, sd: NoiseLevels, name: str, expected: float
) -> None:
    counts, errors = [10, 20, 50, 100], []
    for n in counts:
        timesteps = ddim_timesteps(n).flip(0)
        if name == "unipc":
            timesteps[0] = 999
        errors.append(grid_error(gaussian, silence, sd, name, timesteps))
    assert errors == sorted(errors, reverse=True)
    assert order(errors, counts) > expected


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("ddim", {}, 1),
        ("plms", {}, 2),  # its first step is of second order
        ("unipc", {}, 2),  # its last step is of first order ...
        ("unipc", {"unipc_variant": "bh2"}, 2),
        ("unipc", {"unipc_skip": "logSNR"}, 2),
        ("unipc", {"unipc_order": 2}, 2),
        ("unipc", {"unipc_order": 1}, 2),  # the corrector adds an order
        ("unipc", {"unipc_lower_order_final": False}, 3),  # ... unless told otherwise
        ("unipc", {"unipc_variant": "vary_coeff"}, 1),  # the reference code's corrector is incomplete
    ],
)
def test_the_timestep_family_has_its_order_away_from_the_end(
    gaussian: Any, silence: Any, sd: NoiseLevels, name: str, options: dict[str, Any], expected: int
) -> None:
    levels = NoiseLevels(sd.alphas_cumprod[100:])
    counts, errors = [20, 40, 80], []
    for n in counts:
        timesteps = torch.full((n,), 800) if name == "unipc" else torch.linspace(800, 0, n + 1).round().long()
        errors.append(grid_error(gaussian, silence, levels, name, timesteps, **options))
    assert order(errors, counts) > expected - (0.7 if expected == 3 else 0.2)


@pytest.mark.parametrize("tolerance", [0.05, 0.005, 0.0005])
def test_dpm_adaptive_keeps_its_tolerance(gaussian: Any, silence: Any, tolerance: float) -> None:
    x = last(
        SAMPLERS.get("dpm_adaptive"),
        gaussian,
        X * HIGH,
        torch.tensor([HIGH, 0.0]),
        silence,
        sigma_min=LOW,
        sigma_max=HIGH,
        nfe=1,
        rtol=tolerance,
        atol=tolerance * 0.156,
    )
    error = float((x - gaussian.exact(X * HIGH, HIGH, LOW)).abs().max())
    # The tolerance is per step and relative to values of up to 30.
    assert error < 5 * tolerance


def test_dpm_adaptive_spends_more_where_it_may_err_less(gaussian: Any, silence: Any) -> None:
    calls = []
    for rtol in (0.05, 0.0005):
        model = gaussian.image(0)
        sampler: Callable[..., Any] = SAMPLERS.get("dpm_adaptive").run
        list(sampler(model, X * HIGH, None, silence, sigma_min=LOW, sigma_max=HIGH, nfe=1, eta=0.0, rtol=rtol))
        calls.append(model.calls)
    assert calls[0] < calls[1]
