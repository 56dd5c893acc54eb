"""Writing files: whole or not at all, over nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from redraw.errors import OutputError
from redraw.image.io import open_picture
from redraw.image.save import save_bytes, save_picture, write_picture

Noise = Callable[..., NDArray[Any]]


def test_an_existing_file_is_never_replaced(tmp_path: Path, noise: Noise) -> None:
    paths = [save_picture(noise(), tmp_path / "a.png").path.name for _ in range(3)]
    assert paths == ["a.png", "a-1.png", "a-2.png"]
    first = (tmp_path / "a.png").read_bytes()
    assert save_picture(noise(8, 8), tmp_path / "a.png", overwrite=True).path.name == "a.png"
    assert (tmp_path / "a.png").read_bytes() != first
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-1.png", "a-2.png", "a.png"]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("a", None, "a.png"),
        ("a.jpeg", None, "a.jpeg"),
        ("a.png", "webp", "a.webp"),
        ("v1.5", None, "v1.5.png"),
        ("v1.5", "avif", "v1.5.avif"),
        ("a.TIF", None, "a.TIF"),
    ],
)
def test_the_name_gets_the_suffix_of_its_format(
    tmp_path: Path, noise: Noise, name: str, kind: str | None, expected: str
) -> None:
    saved = save_picture(noise(), tmp_path / name, format=kind)
    assert saved.path.name == expected
    open_picture(saved.path)


def test_an_unknown_suffix_is_refused(tmp_path: Path, noise: Noise) -> None:
    with pytest.raises(OutputError, match="gif"):
        save_picture(noise(), tmp_path / "a.gif")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_said(tmp_path: Path, noise: Noise) -> None:
    with pytest.raises(OutputError, match="no such folder"):
        save_picture(noise(), tmp_path / "none" / "a.png")


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_nothing_is_left_behind_when_writing_fails(
    tmp_path: Path, noise: Noise, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    if step == "link":
        monkeypatch.setattr(os, "open", full)
    with pytest.raises(OutputError, match="No space left"):
        save_picture(noise(), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_file_systems_without_links_work_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert [save_bytes(b"x", tmp_path / "a.png").name for _ in range(2)] == ["a.png", "a-1.png"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-1.png", "a.png"]


def test_writers_at_the_same_time_all_keep_their_file(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        paths = list(pool.map(lambda i: save_bytes(str(i).encode(), tmp_path / "a.png"), range(64)))
    assert len(set(paths)) == 64
    assert {p.read_bytes() for p in paths} == {str(i).encode() for i in range(64)}


def test_two_processes_never_share_a_name(tmp_path: Path) -> None:
    code = "import sys; from redraw.image.save import save_bytes\nfor i in range(40): save_bytes(b'x', sys.argv[1])"
    workers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "a.png")]) for _ in range(2)]
    assert [w.wait() for w in workers] == [0, 0]
    assert len(list(tmp_path.iterdir())) == 80


def test_a_folder_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        save_bytes(b"x", tmp_path / "a.png", overwrite=True)
    assert save_bytes(b"x", tmp_path / "a.png").name == "a-1.png"


def test_a_name_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="too long"):
        save_bytes(b"x", tmp_path / ("a" * 300 + ".png"))
    assert list(tmp_path.iterdir()) == []


def test_a_picture_goes_to_a_stream(noise: Noise) -> None:
    out = io.BytesIO()
    assert write_picture(noise(), out) == ()
    assert np.array_equal(open_picture(out.getvalue()).pixels, noise())


def test_a_closed_pipe_is_an_output_error(noise: Noise) -> None:
    class Closed(io.BytesIO):
        def write(self, _: object) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(OutputError, match="Broken pipe"):
        write_picture(noise(), Closed())


def test_a_read_only_folder_is_said(noise: Noise) -> None:
    """Root ignores mode bits, so this needs a folder nobody can write to."""
    folder = Path("/proc/self/fdinfo")
    if not folder.is_dir():
        pytest.skip("this system has no folder that root cannot write to")
    with pytest.raises(OutputError, match="cannot be written") as caught:
        save_picture(noise(), folder / "a.png")
    assert "\n" not in str(caught.value)
