"""The spacing of noise levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from redraw.errors import RequestError
from redraw.registry import SCHEDULERS
from redraw.sampling.levels import NoiseLevels
from redraw.sampling.schedulers import DEFAULT_RHO, ScheduleOptions

LABELS = (
    "Automatic",
    "Uniform",
    "Karras",
    "Exponential",
    "Polyexponential",
    "SGM Uniform",
    "KL Optimal",
    "Align Your Steps",
    "Simple",
    "Normal",
    "DDIM",
    "Beta",
)
TEN = {
    "Karras": "14.615 9.1029 5.4784 3.1686 1.7494 .91407 .44692 .20140 .08191 .029167",
    "Exponential": "14.615 7.3249 3.6712 1.8400 .92222 .46222 .23166 .11611 .058195 .029167",
    "Uniform": "14.615 7.8399 4.6092 2.9183 1.9502 1.3449 .93236 .62498 .36866 .029167",
    "Normal": "14.615 7.8399 4.6092 2.9183 1.9502 1.3449 .93236 .62498 .36866 .029167",
    "SGM Uniform": "14.615 8.3072 5.0924 3.3251 2.2797 1.6156 1.1629 .83188 .57119 .34370",
    "Simple": "14.615 8.3028 5.0878 3.3211 2.2765 1.6129 1.1606 .82986 .56928 .34167",
    "DDIM": "8.3907 5.1344 3.3478 2.2929 1.6237 1.1682 .83565 .57405 .34619 .041314",
    "KL Optimal": "14.615 4.5650 2.6329 1.7864 1.2948 .96159 .71163 .50942 .33564 .17835 .029167",
    "Align Your Steps": "14.615 6.1135 3.5651 2.3939 1.6500 1.1358 .74252 .44501 .16921 .029",
}


def sigmas(name: str, levels: NoiseLevels, steps: int, **options: Any) -> torch.Tensor:
    made: torch.Tensor = SCHEDULERS.get(name)(levels, steps, ScheduleOptions(**options))
    return made


@pytest.mark.parametrize("name", TEN)
def test_ten_steps_have_the_published_levels(sd: NoiseLevels, name: str) -> None:
    expected = [float(v) for v in TEN[name].split()] + ([] if name == "KL Optimal" else [0.0])
    torch.testing.assert_close(sigmas(name, sd, 10), torch.tensor(expected), rtol=5e-4, atol=1e-6)


@pytest.mark.golden
@pytest.mark.parametrize("name", LABELS)
def test_levels_equal_a1111s(sd: NoiseLevels, pure: Callable[[str], Any], name: str) -> None:
    table = pure("sigmas.json")["schedulers"][name]
    assert len(table) == 13
    for steps, expected in table.items():
        torch.testing.assert_close(sigmas(name, sd, int(steps)), torch.tensor(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.golden
@pytest.mark.parametrize(("name", "key"), [("karras", "karras_rho"), ("polyexponential", "poly_rho")])
def test_rho_bends_the_schedule_as_in_a1111(sd: NoiseLevels, pure: Callable[[str], Any], name: str, key: str) -> None:
    for rho, expected in pure("sigmas.json")[key].items():
        made = sigmas(name, sd, len(expected) - 1, rho=float(rho), sigma_min=0.1, sigma_max=10.0)
        torch.testing.assert_close(made, torch.tensor(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.golden
def test_names_and_curvatures_equal_a1111s(pure: Callable[[str], Any]) -> None:
    for row, entry in zip(pure("schedulers_table.json"), SCHEDULERS, strict=True):
        assert (entry.name, entry.label, list(entry.aliases)) == (row["name"], row["label"], row["aliases"] or [])
        assert DEFAULT_RHO.get(entry.name, -1) == row["default_rho"]


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("steps", [0, 1, 2, 3, 150])
def test_levels_are_finite_and_fall(sd: NoiseLevels, name: str, steps: int) -> None:
    made = sigmas(name, sd, steps)
    assert made.dtype == torch.float32
    assert bool(made.isfinite().all())
    assert bool((made.diff() < 0).all())


@pytest.mark.parametrize("name", ["Karras", "Exponential", "Polyexponential", "KL Optimal", "Beta"])
def test_the_range_can_be_changed(sd: NoiseLevels, name: str) -> None:
    made = sigmas(name, sd, 8, sigma_min=0.2, sigma_max=5.0)
    positive = made[made > 0]
    assert (float(positive.max()), float(positive.min())) == pytest.approx((5.0, 0.2), rel=1e-4)


def test_the_old_karras_range_is_a_tenth_to_ten(sd: NoiseLevels) -> None:
    made = sigmas("Karras", sd, 8, old_karras=True)
    assert (float(made[0]), float(made[-2])) == pytest.approx((10.0, 0.1), rel=1e-4)


def test_a_range_without_width_is_refused(sd: NoiseLevels) -> None:
    with pytest.raises(RequestError, match="sigma_min"):
        sigmas("Karras", sd, 8, sigma_min=3.0, sigma_max=2.0)


def test_align_your_steps_has_a_table_for_sdxl(sd: NoiseLevels) -> None:
    assert float(sigmas("Align Your Steps", sd, 11, family="sdxl")[1]) == pytest.approx(6.315)


def test_the_beta_shape_can_be_changed(sd: NoiseLevels) -> None:
    assert not torch.equal(sigmas("Beta", sd, 8), sigmas("Beta", sd, 8, beta_alpha=0.9, beta_beta=0.4))
