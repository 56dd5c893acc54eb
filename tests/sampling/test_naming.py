"""Names of samplers, alone and with a scheduler in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from redraw.errors import UnknownName
from redraw.registry import SAMPLERS
from redraw.sampling.naming import resolve, split_scheduler


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DPM++ 2M Karras", ("DPM++ 2M", "Karras")),
        ("DPM++ 2M karras", ("DPM++ 2M", "Karras")),
        ("Euler SGMUniform", ("Euler", "SGM Uniform")),
        ("DPM++ 2M SDE Heun Exponential", ("DPM++ 2M SDE Heun", "Exponential")),
        ("LMS Polyexponential", ("LMS", "Polyexponential")),
        ("DPM++ 2M KARRAS", ("DPM++ 2M KARRAS", None)),
        ("DDIM", ("DDIM", None)),
        ("Euler a", ("Euler a", None)),
        ("", ("", None)),
    ],
)
def test_a_scheduler_at_the_end_of_a_name_is_split_off(name: str, expected: tuple[str, str | None]) -> None:
    assert split_scheduler(name) == expected


@pytest.mark.golden
def test_names_resolve_as_in_a1111_where_they_are_known(pure: Callable[[str], Any]) -> None:
    checked = 0
    for sampler, scheduler, expected in pure("sampler_scheduler_resolve.json"):
        # A1111's API takes labels only and replaces what it does not know; that is compat's business.
        if split_scheduler(sampler or "")[0] not in SAMPLERS.labels() or scheduler == "bogus":
            continue
        assert list(resolve(sampler, scheduler)) == expected
        checked += 1
    assert checked >= 50


@pytest.mark.parametrize(("sampler", "scheduler"), [("bogus", None), ("Euler", "bogus"), ("", None)])
def test_unknown_names_are_refused(sampler: str, scheduler: str | None) -> None:
    with pytest.raises(UnknownName):
        resolve(sampler, scheduler)


@pytest.mark.golden
def test_samplers_have_a1111s_names_and_properties(pure: Callable[[str], Any]) -> None:
    rows = pure("samplers_table.json")
    assert [entry.label for entry in SAMPLERS] == [row["name"] for row in rows]
    for row in rows:
        sampler, options = SAMPLERS.get(row["name"]), row["options"]
        assert sampler.label == row["name"]
        assert all(alias in SAMPLERS for alias in row["aliases"])
        assert sampler.default_scheduler == options.get("scheduler")
        assert sampler.second_order == options.get("second_order", False)
        assert sampler.brownian == options.get("brownian_noise", False)
        assert sampler.uses_ensd == options.get("uses_ensd", False)
        assert sampler.discard_penultimate == options.get("discard_next_to_last_sigma", False)
