"""How long a checkpoint of SD 1.5's size takes to load from a warm cache, beside reading the file.

    python benchmarks/load.py [--quick] [--repeat N] [--json FILE]

The file (random weights, bf16, 2.1 GB) is written into a temporary folder and deleted afterwards; --quick takes a slim
model, whose time is mostly that of building networks. Loading ends when every page of every weight has been touched:
weights that need no conversion are the file's own pages and cost nothing before. Reading is one pass over the file
into memory that is there already. Times are medians, and both take turns.
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
from pathlib import Path
from typing import Final

import torch
from report import Goal, Section
from sd15 import FULL, SLIM, checkpoint

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
        section = measure(checkpoint(Path(folder), SLIM if options.quick else FULL), options.repeat, options.quick)
    print(section.markdown())
    if options.json:
        options.json.write_text(json.dumps([section.as_json()], indent=1) + "\n", encoding="utf-8")
    return int(any(goal.met is False for goal in section.goals))


def measure(path: Path, repeat: int, quick: bool) -> Section:
    """Return how long reading and each kind of loading took."""
    size = path.stat().st_size
    buffer = memoryview(bytearray(64 * 2**20))
    calls: dict[str, Callable[[], object]] = {
        "read the file": lambda: _read(path, buffer),
        "load in bf16, as it is": lambda: _touched(load_model(path, dtype=torch.bfloat16)),
        "load in fp32, converted": lambda: _touched(load_model(path, dtype=torch.float32)),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    _read(path, buffer)
    for turn in range(repeat):
        for name in list(calls) if turn % 2 == 0 else list(calls)[::-1]:
            gc.collect()
            begun = time.perf_counter()
            calls[name]()
            times[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    reading = medians["read the file"]
    section = Section("load", f"Loading {size / 1e9:.2f} GB from a warm cache", ("what", "s", "GB/s", "times reading"))
    for name, seconds in medians.items():
        section.rows.append((name, seconds, size / 1e9 / seconds, seconds / reading))
    ratio = medians["load in bf16, as it is"] / reading
    met = None if quick else ratio <= GOAL
    section.goals.append(Goal(f"loading takes at most {GOAL} times as long as reading", f"{ratio:.2f} times", met))
    section.notes.append(f"{torch.get_num_threads()} threads; load average after it: {os.getloadavg()[0]:.1f}")
    section.raw = {name: list(seconds) for name, seconds in times.items()}
    return section


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
