"""Scripts of A1111: which are known, which work, which are refused and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from redraw.compat.refusals import Refusal
from redraw.compat.scripts import SELECTABLE, check_script, script_info, script_titles, usable_scripts


@pytest.mark.parametrize(
    ("name", "endpoint", "status"),
    [
        ("nope", "img2img", 422),
        ("sd upscale", "img2img", 501),
        ("SD Upscale", "img2img", 501),
        ("sd upscale", "txt2img", 422),
        ("x/y/z plot", "txt2img", 501),
    ],
)
def test_a_selectable_script_is_refused(name: str, endpoint: str, status: int) -> None:
    with pytest.raises(Refusal, match=name) as caught:
        check_script(name, endpoint)
    assert caught.value.status == status


@pytest.mark.parametrize("name", [None, ""])
def test_no_script_is_no_matter(name: str | None) -> None:
    check_script(name, "img2img")


@pytest.mark.parametrize(
    ("scripts", "endpoint", "status", "words"),
    [
        ({"nope": {"args": []}}, "img2img", 422, "Script 'nope' not found"),
        ({"SD upscale": {"args": []}}, "img2img", 422, "Cannot have a selectable script"),
        ({"Soft Inpainting": {"args": [True]}}, "txt2img", 422, "not found"),
        ({"refiner": {"args": 5}}, "img2img", 422, "are a list"),
        ({"ControlNet": {"args": [{"enabled": True}]}}, "img2img", 501, "ControlNet"),
        ({"controlnet": {"args": [{"module": "canny"}]}}, "txt2img", 501, "ControlNet"),
    ],
)
def test_an_always_on_script_is_refused(scripts: dict[str, Any], endpoint: str, status: int, words: str) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        usable_scripts(scripts, endpoint, [])
    assert caught.value.status == status


def test_scripts_that_do_nothing_are_tolerated_and_others_listed() -> None:
    said: list[str] = []
    given: dict[str, Any] = {
        "Sampler": {"args": [20, "Euler", "Karras"]},
        "seed": {},
        "extra options": None,
        "ControlNet": {"args": [{"enabled": False}, None]},
        "Refiner": {"args": [True, "other", 0.5]},
        "Hypertile": {"args": []},
        "Soft Inpainting": {"args": [True, 2]},
    }
    assert usable_scripts(given, "img2img", said) == {"Soft Inpainting": {"args": [True, 2]}}
    assert said == ["alwayson_scripts.Refiner: not available yet"]


def test_the_titles_and_arguments_are_a1111s(goldens: Path) -> None:
    table = json.loads((goldens / "api" / "get_endpoints.json").read_text())
    theirs = table["/sdapi/v1/scripts"]["body"]
    known = {(s["name"], s["is_img2img"]): s for s in table["/sdapi/v1/script-info"]["body"]}
    for endpoint, titles in script_titles().items():
        assert [title for title in theirs[endpoint] if title in titles] == titles
        always_on = {name for (name, img2img), s in known.items() if s["is_alwayson"]}
        assert set(SELECTABLE[endpoint]) == {t for t in theirs[endpoint] if t.lower() not in always_on} - {"Hypertile"}
    for ours in script_info():
        args = known[ours["name"], ours["is_img2img"]]["args"]
        assert len(ours["args"]) == len(args)
        assert [set(arg) for arg in ours["args"]] == [set(arg) for arg in args]
        for name in ("label", "value", "minimum", "maximum", "step"):
            assert [arg[name] for arg in ours["args"]] == [arg[name] for arg in args], name
