"""The canvas in Chromium: what a stroke costs, beside a Konva stage with one line for each stroke, in the same run.

    python benchmarks/canvas.py [--quick] [--json FILE]

Strokes of 60 points with a 48 px brush on a 2048x2048 mask, one pointer move a frame; a move's time is its
handler, what it draws in its frame, and the drawing that the browser had put off; medians. Needs Chromium, and the
page's npm packages (`make web`).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, Route, sync_playwright
from report import Goal, Section

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from scripts import build_web  # noqa: E402  (the path is set above)

HERE: Final = ROOT / "benchmarks" / "canvas"
ORIGIN: Final = "http://localhost:1"
SWITCHES: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-precise-memory-info"]
MOVE, COMMIT, MEMORY = 1.0, 16.0, 1.5e6


def main() -> int:
    """Measure and print; return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description="Measure the canvas in Chromium, beside Konva.")
    parser.add_argument("--quick", action="store_true", help="50 strokes instead of 200")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    options = parser.parse_args()
    last = 50 if options.quick else 200
    with tempfile.TemporaryDirectory() as folder:
        bundle(Path(folder))
        found = measure(Path(folder), last)
    sections = [strokes(found, last), large(found)]
    for section in sections:
        section.notes.append(f"load average after it: {os.getloadavg()[0]:.1f}; {found['browser']}, no GPU")
        print(f"{section.markdown()}", flush=True)
    if options.json:
        options.json.write_text(
            json.dumps([section.as_json() for section in sections], indent=1) + "\n", encoding="utf-8"
        )
    return int(any(goal.met is False for section in sections for goal in section.goals))


def bundle(folder: Path) -> None:
    """Build the engine and Konva, each as one module."""
    vite = ROOT / "web" / "node_modules" / "vite" / "bin" / "vite.js"
    command = [str(vite), "build", "--config", str(HERE / "vite.config.mjs"), "--outDir", str(folder)]
    done = build_web.node(command, ROOT / "web")
    if done.returncode:
        raise SystemExit(f"vite failed:\n{done.stdout}\n{done.stderr}")


def measure(folder: Path, last: int) -> dict[str, Any]:
    """Run everything in one browser, each part in a page of its own."""
    looked = [1, last]
    mask = {"target": "mask", "last": last, "looked": looked}
    parts: dict[str, tuple[str, Any]] = {
        "mask": ("ours", mask),
        "sketch": ("ours", {**mask, "target": "sketch"}),
        "mask on 4096x4096": ("ours", {**mask, "side": 4096}),
        "konva": ("konvas", {"last": last, "looked": looked, "full": True}),
        "konva, pixels of the screen": ("konvas", {"last": last, "looked": looked, "full": False}),
        "large": ("large", 4096),
    }
    program = os.environ.get("REDRAW_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        found: dict[str, Any] = {"browser": f"Chromium {browser.version}"}
        for name, (function, argument) in parts.items():
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            opened(page, folder)
            found[name] = page.evaluate(f"(argument) => bench.{function}(argument)", argument)
            page.close()
        browser.close()
    return found


def opened(page: Page, folder: Path) -> None:
    """Show the benchmark's page; its files come from here, there is no server."""

    def serve(route: Route) -> None:
        name = route.request.url.removeprefix(f"{ORIGIN}/") or "page.html"
        place = HERE if (HERE / name).is_file() else folder
        route.fulfill(path=place / name, content_type="text/html" if name.endswith("html") else "text/javascript")

    page.route(f"{ORIGIN}/**", serve)
    page.goto(f"{ORIGIN}/")
    page.wait_for_function("document.title === 'ready'")


def strokes(found: dict[str, Any], last: int) -> Section:
    """Say what strokes cost, ours and Konva's."""
    header = (
        "canvas",
        "move, stroke 1, ms",
        f"move, stroke {last}, ms",
        f"worst, stroke {last}, ms",
        "commit, ms",
        "undo, MB a stroke",
    )
    section = Section("canvas", "Strokes on a canvas in Chromium", header, raw=found)
    for name in ("mask", "sketch", "mask on 4096x4096", "konva", "konva, pixels of the screen"):
        part = found[name]
        first, end = part["strokes"]["1"], part["strokes"][str(last)]
        memory = round(part["bytes"] / 1e6, 2) if "bytes" in part else None
        section.rows.append((name, first["move"], end["move"], end["worst"], part["strokes"]["commit"], memory))
    ends = {name: found[name]["strokes"][str(last)] for name in ("mask", "konva")}
    times = ends["konva"]["move"] / max(ends["mask"]["move"], 0.01)
    section.notes.append(f"at stroke {last} a move with Konva takes {times:.1f} times as long")
    section.notes.append(
        f"the handler of a move alone: {ends['mask']['event']:.2f} ms; undo of a stroke: {found['mask']['undo']:.1f} ms"
    )
    for name in ("mask", "sketch"):
        part = found[name]
        for number in ("1", str(last)):
            move = part["strokes"][number]["move"]
            section.goals.append(goal(f"{name}, move of stroke {number}: at most {MOVE:.0f} ms", move, MOVE, "ms"))
        commit, memory = part["strokes"]["commit"], part["bytes"] / 1e6
        section.goals.append(goal(f"{name}, commit: at most {COMMIT:.0f} ms", commit, COMMIT, "ms"))
        section.goals.append(goal(f"{name}, undo memory: at most {MEMORY / 1e6} MB", memory, MEMORY / 1e6, "MB"))
    return section


def large(found: dict[str, Any]) -> Section:
    """Say what a picture of 4096x4096 costs."""
    part = found["large"]
    section = Section("canvas-large", "4096x4096 on a canvas of 1440x900", ("what", "ms"))
    section.rows = [("decode the PNG (the browser)", part["decode"]), ("from the bitmap to the screen", part["load"])]
    section.rows += [(f"a frame of a pan, {name}", time) for name, time in part["pans"].items()]
    return section


def goal(what: str, seen: float, most: float, unit: str) -> Goal:
    """Hold a figure against its limit."""
    return Goal(what, f"{seen:.2f} {unit}", seen <= most)


if __name__ == "__main__":
    sys.exit(main())
