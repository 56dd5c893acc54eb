"""`redraw submit`: ids at once, or what became of everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Cli = Callable[..., Any]


@pytest.fixture(autouse=True)
def _here(fake_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    """Two pictures and a mask at hand, the server in the environment."""
    monkeypatch.setenv("REDRAW_SERVER", fake_server)
    for seed, name in enumerate(("a", "b", "mask")):
        pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")


def test_it_prints_one_id_for_each_picture_and_goes(cli: Cli) -> None:
    done = cli("submit", "[ab].png", "a fox", "--steps", "2", "--seed", "3")
    assert done.code == 0, done.err
    ids = done.out.split()
    assert len(set(ids)) == 2
    waited = cli("jobs", "wait", *ids)
    assert waited.out.split() == [ids[0], "done", ids[1], "done"]
    facts = json.loads(cli("jobs", "show", ids[1], "--json").out)
    assert facts["source"] == "cli"
    assert [one["name"] for one in facts["request"]["images"]] == ["b.png"]
    assert [result["seed"] for result in facts["results"]] == [3]


def test_it_takes_masks_priorities_and_no_prompt(cli: Cli) -> None:
    done = cli("submit", "a.png", "--mask", "mask.png", "--priority", "5", "--steps", "1", "--wait", "--json")
    assert done.code == 0, done.err
    (line,) = json.loads(done.out)
    assert line["state"] == "done"
    facts = json.loads(cli("jobs", "show", line["id"], "--json").out)
    assert (facts["priority"], facts["request"]["mask"]["name"]) == (5, "mask.png")


def test_waiting_tells_what_failed(cli: Cli) -> None:
    done = cli("submit", "a.png", "fail: no luck", "--wait")
    id = done.out.split()[0]
    assert (done.code, done.out) == (2, f"{id}  failed\n")
    assert done.err == f"redraw: error: {id}: no luck\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.png", "a fox"), "none.png"),
        (("a.png",), "redraw submit cat.png"),
        (("a.png", "a fox", "--sampler", "Oiler"), "did you mean Euler"),
        (("a.png", "a fox", "--server", "http://127.0.0.1:9"), "no server answers"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_sent(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    before = len(json.loads(cli("jobs", "list", "--json", "--limit", "1000").out))
    done = cli("submit", *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert len(json.loads(cli("jobs", "list", "--json", "--limit", "1000").out)) == before
