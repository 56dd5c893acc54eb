"""The table of A1111's samplers, against our samplers and against A1111's own answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from redraw.compat import facts
from redraw.compat.flags import flags
from redraw.registry import SAMPLERS


@pytest.mark.parametrize("label", SAMPLERS.labels())
def test_what_is_said_of_a_sampler_is_true_of_ours(label: str) -> None:
    sampler, options = SAMPLERS.get(label), facts.SAMPLER_FACTS[label].options
    assert facts.default_scheduler(label) == sampler.default_scheduler
    assert facts.is_timestep(label) == (sampler.family == "timestep")
    for switch, ours in (
        ("second_order", sampler.second_order),
        ("uses_ensd", sampler.uses_ensd),
        ("discard_next_to_last_sigma", sampler.discard_penultimate),
    ):
        assert (options.get(switch) == "True") == ours, switch


def test_the_table_is_a1111s(goldens: Path) -> None:
    rows = json.loads((goldens / "api" / "get_endpoints.json").read_text())["/sdapi/v1/samplers"]["body"]
    ours = [{"name": n, "aliases": list(f.aliases), "options": dict(f.options)} for n, f in facts.SAMPLER_FACTS.items()]
    assert ours == rows


def test_a_sampler_of_a_plugin_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "SAMPLER_FACTS", {})
    assert facts.default_scheduler("DPM++ 2M") == "karras"
    assert facts.is_timestep("DDIM")
    assert not facts.is_timestep("Euler")


def test_every_flag_of_a1111_is_told_and_no_secret(goldens: Path) -> None:
    theirs = json.loads((goldens / "api" / "get_endpoints.json").read_text())["/sdapi/v1/cmd-flags"]["body"]
    ours = flags(port="7860")
    assert set(ours) == set(theirs)
    for key, value in ours.items():
        assert value is None or theirs[key] is None or type(value) is type(theirs[key]), key
    assert ours["api_auth"] is None
    assert ours["data_dir"] is None
