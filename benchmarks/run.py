"""Redraw's benchmarks: ratios against diffusers in the same run, never bare times.

    python benchmarks/run.py [--quick] [--only NAME]... [--threads N] [--json FILE] [--build FOLDER]

NAME is peak, unet_vae, job, overhead, start, drift or lora; or harm or loopback, which run only when they are named. A
whole run takes about a quarter of an hour on two small cores, harm about as long by itself; --quick takes smaller
pictures and fewer repetitions. The generated models (2.2 GB) stay in the build folder. On a machine that others use at
the same time, take --threads 1: ratios are then of CPU time, which neighbours hardly change.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from machine import Setting
    from report import Section

ROOT: Final = Path(__file__).resolve().parents[1]
NAMES: Final = ("peak", "unet_vae", "job", "overhead", "start", "drift", "lora")
APART: Final = ("harm", "loopback")
"""Benchmarks of what comes out, not of time; they need no diffusers."""


def main() -> int:
    """Run what was asked for; return 1 if a goal was missed."""
    options = arguments()
    os.environ["HF_HUB_OFFLINE"] = "1"
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    import torch  # after the number of threads is known
    from machine import Setting, describe, load_average

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    setting = Setting(quick=options.quick, threads=options.threads, build=options.build)
    about = describe(setting)
    print("\n".join(f"* {key}: {value}" for key, value in about.items()), flush=True)
    if options.threads > 1 and os.getloadavg()[0] > 0.5:
        print("* WARNING: the machine is busy; take --threads 1, or wait", flush=True)
    chosen = options.only or NAMES
    missed, sections = 0, []
    for name, call in benchmarks().items():
        if name not in chosen and not (name == "peak" and "unet_vae" in chosen):
            continue
        begun = time.perf_counter()
        section = call(setting)
        seconds = time.perf_counter() - begun
        section.notes.append(f"took {seconds:.0f} s; load average after it: {load_average()}")
        print(f"\n{section.markdown()}", flush=True)
        sections.append(section.as_json())
        missed += sum(goal.met is False for goal in section.goals)
        gc.collect()
    if options.json:
        report = {"machine": about, "sections": sections}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


def benchmarks() -> dict[str, Callable[[Setting], Section]]:
    """Return every benchmark by name, in the order they run."""
    import drift
    import first_picture
    import harm
    import job
    import loopback
    import lora
    import overhead
    import peak
    import unet_vae

    usual = (peak.run, unet_vae.run, job.run, overhead.run, first_picture.run, drift.run, lora.run)
    calls = (*usual, harm.run, loopback.run)
    return dict(zip(NAMES + APART, calls, strict=True))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure Redraw against diffusers, in turns, in one run.")
    parser.add_argument("--quick", action="store_true", help="smaller pictures, fewer repetitions")
    parser.add_argument("--only", action="append", choices=NAMES + APART, help="only this benchmark; may be repeated")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: every usable core")
    parser.add_argument("--json", type=Path, help="write everything, with single repetitions, to this file")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "benchmarks", help="where generated models go")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
