"""Memory is planned by arithmetic that a measured peak confirms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch

from redraw.models.loader import load_model
from redraw.models.memory import available, container_free, tile_for, tiled_bytes, vae_bytes
from redraw.models.model import Model

# What a VAE call of this size adds to the process's memory at its largest, after a small one that wakes everything.
MEASURE = """
import sys
from pathlib import Path
import psutil, torch
from redraw.models.loader import load_model
path, part, tile, width, height = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
model = load_model(Path(path))
def call(width, height):
    if part == "decode":
        model.decode(torch.ones(1, 4, height // 8, width // 8))
    else:
        model.encode(torch.zeros(1, 3, height, width))
call(64, 64)
model.vae_tile = tile or None
before = psutil.Process().memory_info().rss
Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here: it would begin with the test process's own
call(width, height)
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) * 1024 - before)
"""


def _measured(path: Path, part: str, tile: int, width: int, height: int) -> int:
    command = [sys.executable, "-W", "ignore", "-c", MEASURE, str(path), part, *map(str, (tile, width, height))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return int(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
@pytest.mark.parametrize("part", ["decode", "encode"])
@pytest.mark.parametrize(("width", "height"), [(640, 512), (768, 640)])  # above 32 MiB a tensor is freed at once
def test_the_estimate_lies_above_the_measured_peak_by_a_factor_of_two_at_most(
    tiny: Model, tiny_checkpoint: Path, part: str, width: int, height: int
) -> None:
    peak = _measured(tiny_checkpoint, part, 0, width, height)
    estimate = vae_bytes(tiny, width, height, decode=part == "decode")
    assert peak <= estimate * 1.05  # pages of the allocator
    assert estimate <= 2 * peak


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
def test_tiles_stay_below_their_estimate_and_below_the_whole_picture(tiny: Model, tiny_checkpoint: Path) -> None:
    peak = _measured(tiny_checkpoint, "decode", 128, 512, 512)
    assert peak <= tiled_bytes(tiny, 512, 512, 128, decode=True) < vae_bytes(tiny, 512, 512, decode=True)


def test_memory_at_hand_decides_about_tiles(tiny: Model) -> None:
    size = (2048, 1536)
    whole = max(vae_bytes(tiny, *size, decode=d) for d in (False, True))
    assert tile_for(tiny, *size, 2 * whole) is None
    assert tile_for(tiny, *size, 2 * whole - 2) == 1024
    tiles = [tile_for(tiny, *size, 2 * whole * i // 200) for i in range(200)]
    numbers = [t for t in tiles if t is not None]
    assert numbers == sorted(numbers)
    assert {256, 1024} <= set(numbers) <= {256, 384, 512, 768, 1024}
    for share, tile in enumerate(tiles):
        if tile is not None and tile > 256:
            need = max(tiled_bytes(tiny, *size, tile, decode=d) for d in (False, True))
            assert need <= 2 * whole * share // 200 // 2


def test_a_tile_is_smaller_than_the_picture_and_never_below_256(tiny: Model) -> None:
    assert tile_for(tiny, 640, 512, vae_bytes(tiny, 640, 512, decode=True)) in (256, 384, 512)
    assert tile_for(tiny, 640, 512, 0) == 256
    assert tile_for(tiny, 64, 64, 0) == 256


def test_half_precision_is_counted_as_it_is_computed(tiny_checkpoint: Path) -> None:
    model = load_model(tiny_checkpoint)
    full = vae_bytes(model, 512, 512, decode=True)
    model.vae_dtype = torch.bfloat16
    assert vae_bytes(model, 512, 512, decode=True) == 2 * full
    model.device = torch.device("cuda")
    assert vae_bytes(model, 512, 512, decode=True) == full // 2


def test_available_memory_is_what_the_system_or_the_container_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < available("cpu") <= psutil.virtual_memory().total
    monkeypatch.setattr("redraw.models.memory.container_free", lambda root: 12345)
    assert available(torch.device("cpu")) == 12345
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (678, 1000))
    assert available("cuda:1") == 678


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({"memory.max": "1000", "memory.current": "700", "memory.stat": "anon 5\ninactive_file 100\n"}, 400),
        ({"memory.max": "max", "memory.current": "700", "memory.stat": "inactive_file 100\n"}, None),
        ({"memory.max": "1000", "memory.current": "1200", "memory.stat": ""}, 0),
        (
            {
                "memory/memory.limit_in_bytes": "500",
                "memory/memory.usage_in_bytes": "100",
                "memory/memory.stat": "total_inactive_file 20",
            },
            420,
        ),
        ({"memory.max": "1000", "memory.current": "?"}, None),
        ({}, None),
    ],
)
def test_a_containers_limit_is_read_from_its_cgroup(tmp_path: Path, files: dict[str, str], free: int | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert container_free(tmp_path) == free
