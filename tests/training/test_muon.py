"""Orthogonalised updates and the length of a run."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import torch
from training.clock import seconds_until
from training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(16, 48), (48, 16), (1, 9)])
def test_singular_values_come_close_to_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
    assert float(values.max()) < 1.25
    assert float(values.min()) > 0.6


def test_muon_solves_a_least_squares_problem() -> None:
    torch.manual_seed(0)
    weight, true, x = torch.nn.Parameter(torch.zeros(8, 8)), torch.randn(8, 8), torch.randn(64, 8)
    muon = Muon([weight])
    for step in range(300):
        muon.param_groups[0]["lr"] = 0.05 * (1 - step / 300)
        muon.zero_grad()
        ((x @ (weight - true)) ** 2).mean().backward()
        muon.step()
    assert float((weight.detach() - true).abs().max()) < 0.05


def test_a_time_of_day_may_be_tomorrow() -> None:
    now = datetime(2026, 1, 1, 14, 0, tzinfo=UTC)
    assert seconds_until("15:05", now) == 65 * 60
    assert seconds_until("13:00", now) == 23 * 3600
    assert seconds_until("2m", now) == 120
