"""How long a checkpoint of SD 1.5's size takes to load from a warm cache, beside reading the file.

    python benchmarks/load.py [--quick] [--repeat N] [--json FILE]

The files (random weights; fp32, 4.3 GB, and bf16, 2.1 GB) are written into a temporary folder and deleted afterwards;
--quick takes a slim model, whose time is mostly that of building networks. Loading ends when every page of every weight
has been touched: weights that need no conversion are the file's own pages and cost nothing before. Reading is one pass
over the file into memory that is there already. Both take turns; ratios are of CPU time, which neighbours hardly
change, medians of all turns.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import torch
from report import Goal, Section
from safetensors.torch import load_file, save_file
from sd15 import FULL, SLIM, checkpoint

from redraw.models.devices import dtype_name
from redraw.models.loader import load_model
from redraw.models.model import Model

GOAL: Final = 1.5
PAGE: Final = 4096


def main() -> int:
    """Measure and print; return 1 if the goal was missed."""
    parser = argparse.ArgumentParser(description="Measure loading a checkpoint, beside reading its file.")
    parser.add_argument("--quick", action="store_true", help="a slim model; says nothing about the goal")
    parser.add_argument("--repeat", type=int, default=5, help="times everything is done")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    options = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        load_model(checkpoint(Path(folder), SLIM))  # imports what loading needs
        half = checkpoint(Path(folder), SLIM if options.quick else FULL)
        full = half.with_name("full.safetensors")
        save_file({key: tensor.float() for key, tensor in load_file(half).items()}, full)
        section = measure({"fp32": full, "bf16": half}, options.repeat, options.quick)
    print(section.markdown())
    if options.json:
        options.json.write_text(json.dumps([section.as_json()], indent=1) + "\n", encoding="utf-8")
    return int(any(goal.met is False for goal in section.goals))


def measure(files: dict[str, Path], repeat: int, quick: bool) -> Section:
    """Return how long reading each file and each kind of loading took."""
    buffer = memoryview(bytearray(64 * 2**20))
    calls: dict[tuple[str, str], Callable[[], object]] = {}
    for name, path in files.items():
        calls[name, "read"] = partial(_read, path, buffer)
        for dtype in (torch.float32, torch.bfloat16):
            calls[name, f"load in {dtype_name(dtype)}"] = partial(_loaded, path, dtype)
        _read(path, buffer)
    times: dict[tuple[str, str], list[tuple[float, float]]] = {key: [] for key in calls}
    for turn in range(repeat):
        for key in list(calls) if turn % 2 == 0 else list(calls)[::-1]:
            gc.collect()
            begun = time.process_time(), time.perf_counter()
            calls[key]()
            times[key].append((time.process_time() - begun[0], time.perf_counter() - begun[1]))
    section = Section("load", "Loading from a warm cache", ("file", "GB", "what", "CPU s", "wall s", "times reading"))
    medians = {key: [statistics.median(column) for column in zip(*some, strict=True)] for key, some in times.items()}
    for (name, what), (cpu, wall) in medians.items():
        ratio = cpu / medians[name, "read"][0]
        section.rows.append((name, files[name].stat().st_size / 1e9, what, cpu, wall, ratio))
        if what == f"load in {name}":
            met = None if quick else ratio <= GOAL
            section.goals.append(Goal(f"{name} as it is: at most {GOAL} times reading", f"{ratio:.2f} times", met))
    section.notes.append(f"{torch.get_num_threads()} threads; load average after it: {os.getloadavg()[0]:.1f}")
    section.raw = {" ".join(key): some for key, some in times.items()}
    return section


def _loaded(path: Path, dtype: torch.dtype) -> float:
    return _touched(load_model(path, dtype=dtype))


def _read(path: Path, buffer: memoryview) -> None:
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _touched(model: Model) -> float:
    """Touch every page of every weight, whatever its layout."""
    total = 0.0
    for network in (model.unet, model.vae, *(encoder.network for encoder in model.text_encoders)):
        for weight in network.parameters():
            flat = weight.detach().as_strided((weight.numel(),), (1,))
            total += float(flat[:: PAGE // weight.element_size()].sum())
    return total


if __name__ == "__main__":
    sys.exit(main())
