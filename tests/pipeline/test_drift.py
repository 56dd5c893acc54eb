"""Decay: pictures that are redrawn again and again, and how an edge is measured over many edits."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from redraw.models.model import Model

Array = np.ndarray[Any, Any]
Make = Callable[..., Array]
FIELDS: dict[str, Any] = {"steps": 4, "sampler": "Euler", "cfg_scale": 1, "vae_tile": 0}


@pytest.fixture(scope="module")
def loop(harm: ModuleType) -> ModuleType:
    """The benchmark `loopback`, from beside `harm`."""
    spec = importlib.util.spec_from_file_location("benchmarks_loopback", str(harm.__file__).replace("harm", "loopback"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("area", [{}, {"only_masked": True, "width": 40, "height": 32}], ids=["whole", "only masked"])
def test_twenty_passes_move_nothing_outside_of_the_mask(
    loop: ModuleType, tiny_model: Model, colors: Make, part: Make, area: dict[str, Any]
) -> None:
    found = [at for at, _ in loop.loopback(tiny_model, colors(), part(), 20, {**FIELDS, "strength": 0.3, **area})]
    assert len(found) == 20
    assert {(at.outside, at.color_outside) for at in found} == {(0.0, 0.0)}
    assert min(at.inside for at in found) > 0


@pytest.mark.parametrize("masked", [False, True])
def test_twenty_passes_at_strength_zero_move_nothing(
    loop: ModuleType, tiny_model: Model, colors: Make, part: Make, masked: bool
) -> None:
    fields = {**FIELDS, "strength": 0}
    for at, _ in loop.loopback(tiny_model, colors(), part() if masked else None, 20, fields):
        assert (at.inside, at.outside, at.color_inside, at.color_outside) == (0, 0, 0, 0)


def test_plain_img2img_drifts_and_the_figures_see_it(loop: ModuleType, tiny_model: Model, colors: Make) -> None:
    found = [at for at, _ in loop.loopback(tiny_model, colors(), None, 3, {**FIELDS, "strength": 0.3})]
    assert all(at.inside > 1 for at in found)
    assert all(at.color_inside > 0 for at in found)


def test_a_known_shift_is_measured_on_its_side(loop: ModuleType) -> None:
    first = np.full((10, 10, 3), 100, np.uint8)
    last, within = first.copy(), np.zeros((10, 10), bool)
    within[:, :4] = True
    last[:, :4] += 10
    at = loop.drift(first, last, within)
    assert (at.inside, at.outside, at.color_outside) == (10, 0, 0)
    assert 2 < at.color_inside < 6
