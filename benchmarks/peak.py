"""The machine's peak: the fastest matrix product torch makes here, in fp32 and in bf16.

Shares of the peak elsewhere are shares of this number, measured in the same run with the same threads. It is what the
installed libraries reach in a large product, not the processor's data sheet.
"""

from __future__ import annotations

import time
from typing import Final

import torch
from machine import Setting
from report import Section
from timing import Samples, interleave, measure

from redraw.models.devices import dtype_name

_SIDES: Final = (512, 1024, 2048)
_SLOW: Final = 10e9  # FLOP/s below which a format counts as not supported, and no larger product is tried


def run(setting: Setting) -> Section:
    """Measure both formats and keep the result in `setting.peaks`."""
    section = Section("peak", "Peak: the fastest matrix product", ["dtype", "side", "GFLOP/s best", "GFLOP/s median"])
    seconds = 1.0 if setting.quick else 3.0
    for dtype in (torch.float32, torch.bfloat16):
        name = dtype_name(dtype)
        found = _sides(dtype, seconds)
        best = 0.0
        for side, samples in found.items():
            work = 2.0 * side**3 / 1e9
            section.rows.append([name, side, work / samples.best(setting.clock), work / samples.median(setting.clock)])
            best = max(best, work / samples.best(setting.clock))
        setting.peaks[name] = best
        section.raw[name] = best
    section.notes.append(f"of {setting.threads} thread(s), by {setting.clock} time")
    if setting.peaks["bf16"] < setting.peaks["fp32"]:
        section.notes.append("this CPU has no bf16 instructions: bf16 is emulated, and Redraw takes fp32 by itself")
    return section


def _sides(dtype: torch.dtype, seconds: float) -> dict[int, Samples]:
    """Return the repetitions for each side of a square product, each for about `seconds`."""
    out: dict[int, Samples] = {}
    for side in _SIDES:
        a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
        c = torch.empty(side, side, dtype=dtype)

        def product(a: torch.Tensor = a, b: torch.Tensor = b, c: torch.Tensor = c) -> torch.Tensor:
            return torch.mm(a, b, out=c)

        first = measure(product)[0]
        until, samples = time.perf_counter() + seconds, Samples()
        while not samples.wall or (time.perf_counter() < until and len(samples.wall) < 200):
            once = interleave({"mm": product}, 1)["mm"]
            samples.add(once.wall[0], once.cpu[0])
        out[side] = samples
        if 2.0 * side**3 / first < _SLOW:
            break
    return out
