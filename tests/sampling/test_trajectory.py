"""What will run, and running it."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from redraw.errors import RequestError, UnknownName
from redraw.registry import SAMPLERS, SCHEDULERS
from redraw.sampling.levels import NoiseLevels
from redraw.sampling.noise import Noise
from redraw.sampling.trajectory import Plan, RunOptions, ddim_timesteps, plan, run, start, steps_for

SHAPE = (4, 8, 8)
Z = torch.linspace(-1, 1, 512).reshape(2, *SHAPE)
SAMPLER_NAMES = [entry.name for entry in SAMPLERS]
SCHEDULER_NAMES = [entry.name for entry in SCHEDULERS]


def finish(
    made: Plan, model: Any, latent: torch.Tensor | None, seeds: tuple[int, ...] = (1, 2), **options: Any
) -> torch.Tensor:
    *_, last = run(made, model, latent, Noise.from_seeds(SHAPE, seeds), RunOptions(**options))
    return last.x


@pytest.mark.parametrize(
    ("steps", "strength", "t_enc", "ran", "first"),
    [
        (20, 0.75, 15, 16, 4),
        (20, 0.5, 10, 11, 9),
        (20, 0.3, 6, 7, 13),
        (20, 1.0, 19, 20, 0),
        (30, 0.4, 12, 13, 17),
        (20, 0.05, 1, 2, 18),
        (20, 0.0, 0, 1, 19),
    ],
)
def test_strength_scales_the_steps_that_run(
    sd: NoiseLevels, steps: int, strength: float, t_enc: int, ran: int, first: int
) -> None:
    assert steps_for(steps, strength) == (steps, t_enc)
    made = plan("Euler", sd, steps, strength=strength)
    assert made.steps_run == ran
    assert torch.equal(made.sigmas, made.full[first:])


@pytest.mark.parametrize(("strength", "whole"), [(0.75, 26), (0.5, 40), (0.3, 66), (0.05, 400), (1.0, 20)])
def test_exact_steps_lengthen_the_schedule_instead(sd: NoiseLevels, strength: float, whole: int) -> None:
    made = plan("Euler", sd, 20, strength=strength, exact_steps=True)
    assert (made.steps, made.steps_run) == (whole, 20)


@pytest.mark.golden
def test_steps_equal_a1111s(pure: Callable[[str], Any]) -> None:
    for exact, steps, strength, expected in pure("img2img_steps.json"):
        assert list(steps_for(steps, strength, exact)) == expected


@pytest.mark.parametrize(("strength", "sigma"), [(0.75, 5.7894), (0.5, 1.4832), (0.3, 0.3964)])
def test_a_karras_run_starts_at_the_published_level(sd: NoiseLevels, strength: float, sigma: float) -> None:
    made = plan("DPM++ 2M", sd, 20, strength=strength)
    assert made.scheduler == "karras"
    assert float(made.sigmas[0]) == pytest.approx(sigma, abs=1e-4)


@pytest.mark.parametrize(
    ("steps", "count", "head", "tail"),
    [(20, 20, [1, 51], 951), (30, 31, [1, 34, 67], 991), (50, 50, [1, 21], 981), (7, 8, [1, 143], 995)],
)
def test_timestep_grids_are_the_published_ones(steps: int, count: int, head: list[int], tail: int) -> None:
    T = ddim_timesteps(steps).tolist()
    assert (len(T), T[: len(head)], T[-1]) == (count, head, tail)


@pytest.mark.golden
def test_whole_schedules_of_every_sampler_equal_a1111s(sd: NoiseLevels, pure: Callable[[str], Any]) -> None:
    golden = pure("sigmas.json")
    for name, table in golden["samplers"].items():
        for steps, expected in table.items():
            full = plan(name, sd, int(steps), strength=None).full
            torch.testing.assert_close(full, torch.tensor(expected), rtol=1e-5, atol=1e-5)
    for table in golden["timesteps"].values():
        for steps, expected in table.items():
            assert ddim_timesteps(int(steps)).tolist() == expected


def test_automatic_is_the_samplers_own_scheduler(sd: NoiseLevels) -> None:
    chosen = {name: plan(name, sd, 8, strength=0.6).scheduler for name in ("DPM++ 2M SDE", "Euler", "DDIM")}
    assert chosen == {"DPM++ 2M SDE": "exponential", "Euler": "automatic", "DDIM": None}


def test_the_penultimate_level_can_be_dropped(sd: NoiseLevels) -> None:
    made = plan("Euler", sd, 8, strength=None, discard_penultimate=True)
    longer = plan("Euler", sd, 9, strength=None)
    assert torch.equal(made.full, torch.cat([longer.full[:-2], longer.full[-1:]]))


@pytest.mark.parametrize("bad", [{"sampler": "Eulr"}, {"scheduler": "karas"}])
def test_unknown_names_are_refused_with_near_ones(sd: NoiseLevels, bad: dict[str, str]) -> None:
    names = {"sampler": "Euler", "scheduler": "karras"} | bad
    with pytest.raises(UnknownName, match="did you mean"):
        plan(names["sampler"], sd, 8, strength=0.5, scheduler=names["scheduler"])


@pytest.mark.parametrize(("steps", "strength"), [(0, 0.5), (8, -0.1), (8, 1.1), (8, math.nan)])
def test_steps_and_strength_out_of_range_are_refused(sd: NoiseLevels, steps: int, strength: float) -> None:
    with pytest.raises(RequestError):
        plan("Euler", sd, steps, strength=strength)


def test_img2img_starts_at_the_latent_plus_noise(sd: NoiseLevels) -> None:
    n = Noise.from_seeds(SHAPE, [1, 2])()
    made = plan("Euler", sd, 8, strength=0.6)
    s = float(made.sigmas[0])
    torch.testing.assert_close(start(made, Z, n), Z + n * s)
    torch.testing.assert_close(start(made, Z, n, RunOptions(noise_multiplier=0.5)), Z + n * s / 2)
    torch.testing.assert_close(start(made, Z, n, RunOptions(extra_noise=0.2)), Z + n * (s + 0.2))


def test_the_timestep_family_starts_one_level_above_its_first(sd: NoiseLevels) -> None:
    n = Noise.from_seeds(SHAPE, [1, 2])()
    made = plan("DDIM", sd, 8, strength=0.6)
    a = float(sd.alphas_cumprod[501])
    assert made.timesteps is not None
    assert made.timesteps.tolist() == [376, 251, 126, 1]
    torch.testing.assert_close(start(made, Z, n), Z * a**0.5 + n * (1 - a) ** 0.5)
    extra = start(made, Z, n, RunOptions(extra_noise=0.2))
    torch.testing.assert_close(extra, Z * a**0.5 + n * ((1 - a) ** 0.5 + 0.2 * a**0.5))


def test_txt2img_starts_at_noise(sd: NoiseLevels) -> None:
    n = Noise.from_seeds(SHAPE, [1, 2])()
    made = plan("Euler", sd, 8, strength=None)
    torch.testing.assert_close(start(made, None, n), n * sd.sigma_max)
    sgm = start(made, None, n, RunOptions(sgm_noise=True))
    torch.testing.assert_close(sgm, n * math.sqrt(1 + sd.sigma_max**2))
    assert torch.equal(start(plan("DDIM", sd, 8, strength=None), None, n), n)


@pytest.mark.parametrize("sampler", SAMPLER_NAMES)
@pytest.mark.parametrize("steps", [1, 2])
def test_one_and_two_steps_are_finite_with_every_scheduler(
    sd: NoiseLevels, gaussian: Any, sampler: str, steps: int
) -> None:
    for scheduler in SCHEDULER_NAMES:
        for strength in (None, 0.0, 0.6, 1.0):
            made = plan(sampler, sd, steps, strength=strength, scheduler=scheduler)
            x = finish(made, gaussian, None if strength is None else Z)
            assert x.shape == Z.shape
            assert bool(x.isfinite().all()), (scheduler, strength)


@pytest.mark.parametrize("sampler", SAMPLER_NAMES)
def test_exact_steps_at_strength_zero_give_the_input_back(sd: NoiseLevels, gaussian: Any, sampler: str) -> None:
    # A1111 divides by zero here with DDIM, PLMS and UniPC.
    made = plan(sampler, sd, 8, strength=0.0, exact_steps=True)
    assert made.steps_run == 0
    assert torch.equal(finish(made, gaussian, Z), Z)
    assert gaussian.calls == 0


def test_unipc_gives_the_input_back_where_nothing_is_to_be_done(sd: NoiseLevels, gaussian: Any) -> None:
    # A1111 raises here.
    assert torch.equal(finish(plan("UniPC", sd, 8, strength=0.0), gaussian, Z), Z)


@pytest.mark.parametrize(("strength", "ran"), [(0.2, 1), (0.3, 2), (0.5, 4)])
def test_unipc_lowers_its_order_to_its_steps(sd: NoiseLevels, gaussian: Any, strength: float, ran: int) -> None:
    # A1111 raises below three steps.
    made = plan("UniPC", sd, 8, strength=strength)
    assert made.steps_run == ran
    assert bool(finish(made, gaussian, Z).isfinite().all())
    assert gaussian.calls == ran


@pytest.mark.parametrize("sampler", ["DPM fast", "DPM adaptive"])
def test_dpm_solvers_denoise_once_at_strength_zero(sd: NoiseLevels, gaussian: Any, sampler: str) -> None:
    # A1111 raises here: one level is no interval.
    x = finish(plan(sampler, sd, 8, strength=0.0), gaussian, Z)
    assert gaussian.calls <= 2
    assert float((x - Z).abs().max()) < 0.2


def test_more_steps_than_timesteps_are_possible(sd: NoiseLevels, gaussian: Any) -> None:
    # A1111 divides by zero in the timestep family.
    for sampler in ("DDIM", "PLMS", "UniPC"):
        assert plan(sampler, sd, 40, strength=0.02, exact_steps=True).steps == 2000
    made = plan("DPM++ 2M", sd, 40, strength=0.02, scheduler="simple", exact_steps=True)
    assert bool(finish(made, gaussian, Z).isfinite().all())


@pytest.mark.parametrize("sampler", SAMPLER_NAMES)
def test_an_image_gets_the_same_bits_alone_and_in_a_batch(sd: NoiseLevels, gaussian: Any, sampler: str) -> None:
    made = plan(sampler, sd, 5, strength=0.8)
    both = finish(made, gaussian, Z, (3, 4))
    assert torch.equal(both[1:], finish(made, gaussian, Z[1:], (4,)))
    assert torch.equal(both.flip(0), finish(made, gaussian, Z.flip(0), (4, 3)))


@pytest.mark.parametrize("sampler", SAMPLER_NAMES)
def test_steps_are_numbered_and_fall(sd: NoiseLevels, gaussian: Any, sampler: str) -> None:
    made = plan(sampler, sd, 8, strength=0.7)
    steps = list(run(made, gaussian, Z[:1], Noise.from_seeds(SHAPE, [5])))
    assert [s.index for s in steps] == list(range(len(steps)))
    assert [s.sigma for s in steps] == sorted((s.sigma for s in steps), reverse=True)
    if sampler == "dpm_adaptive":
        assert all(s.total is None for s in steps)
    elif sampler == "dpm_fast":
        assert {s.total for s in steps} == {len(steps)}
    else:
        assert {s.total for s in steps} == {len(steps)} == {made.steps_run}


@pytest.mark.parametrize("sampler", SAMPLER_NAMES)
def test_closing_the_iterator_cancels(sd: NoiseLevels, gaussian: Any, sampler: str) -> None:
    steps = run(plan(sampler, sd, 8, strength=0.9), gaussian, Z[:1], Noise.from_seeds(SHAPE, [5]))
    next(steps)
    calls = gaussian.calls
    steps.close()  # type: ignore[attr-defined]
    assert list(steps) == []
    assert gaussian.calls == calls


@pytest.mark.parametrize(
    "sampler", ["euler_a", "dpm_2_a", "dpmpp_2s_a", "dpmpp_sde", "dpmpp_2m_sde", "ddim", "dpm_fast"]
)
def test_eta_changes_the_result_and_has_the_familys_default(sd: NoiseLevels, gaussian: Any, sampler: str) -> None:
    made = plan(sampler, sd, 8, strength=0.7)
    default = finish(made, gaussian, Z)
    assert torch.equal(default, finish(made, gaussian, Z, eta=made.sampler.default_eta))
    assert not torch.equal(default, finish(made, gaussian, Z, eta=0.5))


@pytest.mark.parametrize("sampler", ["euler", "heun", "dpm_2"])
def test_churn_acts_within_its_range_and_zero_is_no_limit(sd: NoiseLevels, gaussian: Any, sampler: str) -> None:
    made = plan(sampler, sd, 8, strength=0.7)
    plain = finish(made, gaussian, Z)
    churned = finish(made, gaussian, Z, s_churn=4.0)
    assert not torch.equal(plain, churned)
    assert torch.equal(churned, finish(made, gaussian, Z, s_churn=4.0, s_tmax=0.0))
    assert torch.equal(plain, finish(made, gaussian, Z, s_churn=4.0, s_tmin=100.0))
    assert not torch.equal(churned, finish(made, gaussian, Z, s_churn=4.0, s_noise=1.1))


def test_restart_goes_back_up_from_twenty_steps_on(sd: NoiseLevels, gaussian: Any) -> None:
    for steps, restarts in [(19, 0), (20, 1), (36, 2)]:
        ran = list(run(plan("Restart", sd, steps, strength=None), gaussian, None, Noise.from_seeds(SHAPE, [5])))
        levels = [s.sigma for s in ran]
        assert sum(b > a for a, b in itertools.pairwise(levels)) == restarts


def test_more_steps_refine_the_same_brownian_picture(sd: NoiseLevels, gaussian: Any) -> None:
    def picture(steps: int) -> torch.Tensor:
        return finish(plan("DPM++ 2M SDE", sd, steps, strength=None, scheduler="karras"), gaussian, None, (1,))

    fine = picture(90)
    assert float((picture(45) - fine).std()) < 0.5 * float((picture(8) - fine).std())


def test_a_path_spans_the_whole_schedule_even_where_a_part_runs(sd: NoiseLevels) -> None:
    made = plan("DPM++ SDE", sd, 8, strength=0.3)
    assert made.span == pytest.approx((sd.sigma_min, sd.sigma_max), rel=1e-6)


def test_second_order_samplers_count_two_evaluations_a_step(sd: NoiseLevels) -> None:
    assert plan("Heun", sd, 20, strength=0.5).total_evaluations == 22
    assert plan("Euler", sd, 20, strength=None).total_evaluations == 20


def test_a_latent_serves_every_image_of_a_batch(sd: NoiseLevels, gaussian: Any) -> None:
    made = plan("Euler", sd, 4, strength=0.5)
    shared = finish(made, gaussian, Z[:1])
    assert torch.equal(shared, finish(made, gaussian, Z[:1].expand(2, -1, -1, -1)))


def test_a_plan_is_data(sd: NoiseLevels) -> None:
    made = plan("Euler", sd, 4, strength=0.5)
    assert replace(made, steps_run=1).steps_run == 1


@pytest.mark.golden
def test_cases_that_raise_in_a1111_work_here(sd: NoiseLevels, gaussian: Any, goldens: Path) -> None:
    cases = json.loads((goldens / "cases" / "b_denoise.json").read_text())
    raised = [c["request"] for c in cases if c.get("error")]
    assert raised
    for request in raised:
        exact = request.get("override_settings", {}).get("img2img_fix_steps", False)
        made = plan(
            request["sampler_name"],
            sd,
            request["steps"],
            strength=request["denoising_strength"],
            exact_steps=exact,
        )
        assert bool(finish(made, gaussian, Z).isfinite().all())
