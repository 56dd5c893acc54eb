"""The long form of the kill test, by command:

    python -m tests.kill.long --kills 950 --freezes 20
    python -m tests.kill.long --kills 50 --engine real --pause 2 --models-dir DIR     (DIR holds tiny.safetensors)

It prints one line of figures and ends with 1 if anything is lost, doubled or damaged.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Run it and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill.long")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--engine", choices=("fake", "real"), default="fake")
    parser.add_argument("--models-dir", type=Path, help="with tiny.safetensors, for the real engine; else the starter")
    parser.add_argument("--supervised", action="store_true", help="the server keeps its worker itself")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between two kills, on average")
    parser.add_argument("--freezes", type=int, default=0, help="times a worker is stopped for longer than its lease")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.environ.setdefault("REDRAW_FAKE_STEP", "0.005")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from tests.kill.arena import Plan, fight

    with tempfile.TemporaryDirectory(prefix="redraw-kill-") as folder:
        plan = Plan(
            Path(folder),
            given.kills,
            given.engine,
            given.seed,
            given.models_dir,
            given.supervised,
            given.pause,
            given.freezes,
        )
        tally = fight(plan)
    print(tally)
    for problem in tally.problems[:50]:
        print(problem, file=sys.stderr)
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
