"""The shelves: names without imports, one door for built-ins and plugins."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

import redraw.registry as room
from redraw.errors import UnknownName
from redraw.registry import SAMPLERS, SCHEDULERS, SHELVES, Registry


def test_built_ins_arrive_in_the_menus_order() -> None:
    assert SAMPLERS.labels()[:3] == ["DPM++ 2M", "DPM++ SDE", "DPM++ 2M SDE"]
    assert len(SAMPLERS) == 20
    assert len(SCHEDULERS) == 12


@pytest.mark.parametrize("shelf", ["sampler", "scheduler", "upscaler"])
def test_every_entry_can_be_imported(shelf: str) -> None:
    for entry in SHELVES[shelf]:
        assert entry.loaded is not None, entry.label


def test_names_are_known_without_torch() -> None:
    script = "import sys; from redraw.registry import SAMPLERS; print(len(SAMPLERS), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["20", "False"]


def test_a_spelling_belongs_to_one_entry() -> None:
    shelf: Registry[Any] = Registry("thing")
    shelf.add("a", "Alpha", "x:y", ("first",))
    with pytest.raises(ValueError, match="already taken"):
        shelf.add("b", "FIRST", "x:y")


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(UnknownName, match="did you mean Karras"):
        SCHEDULERS.entry("karas")


def test_a_plugin_adds_a_sampler_and_a_broken_one_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def good(shelves: Any) -> None:
        shelves["sampler"].add("mine", "Mine", "math:pi")

    def bad(shelves: Any) -> None:
        raise RuntimeError("I am broken")

    points = [
        SimpleNamespace(name="bad", value="bad:register", load=lambda: bad),
        SimpleNamespace(name="good", value="good:register", load=lambda: good),
    ]
    shelf: Registry[Any] = Registry("sampler")
    monkeypatch.setattr(room, "entry_points", lambda group: points)
    monkeypatch.setattr(room, "SHELVES", {"sampler": shelf})
    monkeypatch.setattr(room, "_state", {"begun": False, "done": False})
    monkeypatch.setattr(room, "_loaded", set())
    with caplog.at_level(logging.WARNING):
        assert shelf.labels() == ["Mine"]
    assert "bad was left out: I am broken" in caplog.text


def test_no_thread_sees_a_half_filled_shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived = threading.Event()

    def slow(shelves: Any) -> None:
        shelves["sampler"].add("first", "First", "math:pi")
        assert shelves["sampler"].labels() == ["First"]  # a plugin may look around
        arrived.wait(0.3)  # nobody gets past it: that is the point
        shelves["sampler"].add("second", "Second", "math:e")

    def look() -> list[str]:
        found = shelf.labels()
        arrived.set()
        return found

    shelf: Registry[Any] = Registry("sampler")
    point = SimpleNamespace(name="slow", value="slow:register", load=lambda: slow)
    monkeypatch.setattr(room, "entry_points", lambda group: [point])
    monkeypatch.setattr(room, "SHELVES", {"sampler": shelf})
    monkeypatch.setattr(room, "_state", {"begun": False, "done": False})
    monkeypatch.setattr(room, "_loaded", set())
    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(lambda _: look(), range(4)))
    assert seen == [["First", "Second"]] * 4
