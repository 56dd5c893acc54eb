"""J10: from the start of a process to `import redraw`, to `redraw --help`, and to the first picture.

Everything runs as a whole, fresh process. The picture is made with the starter model (a slim model with random weights
where there is none) by the command `redraw img2img`, and by the shortest diffusers script that does the same job
(`diffusers_script.py`) from a diffusers folder of the same weights; both write a PNG.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import job
import peers
import sd15
from machine import Setting
from report import Goal, Section
from timing import Samples, interleave_processes, ratio

from redraw.models.loader import load_model
from redraw.starter import weights

IMPORT_LIMIT: Final = 0.2
STEPS: Final = 10
SIDE: Final = 128


def run(setting: Setting) -> Section:
    """Time the small starts and the first picture."""
    section = Section(
        "start",
        "J10: from the start of a process",
        ["process", "wall s min", "wall s median", "CPU s min", "CPU s median"],
    )
    python = sys.executable
    small = {
        "python -c pass": [python, "-c", "pass"],
        "import redraw": [python, "-c", "import redraw"],
        "redraw --help": [python, "-m", "redraw", "--help"],
        "redraw samplers": [python, "-m", "redraw", "samplers"],
        "import diffusers' img2img pipeline": [
            python, "-c", "from diffusers import StableDiffusionImg2ImgPipeline",
        ],
    }  # fmt: skip
    samples = interleave_processes(small, 3 if setting.quick else 5, setting.environment)
    _rows(section, samples)
    whole = samples["import redraw"].median("wall")
    own = whole - samples["python -c pass"].median("wall")
    section.goals.append(
        Goal(
            f"`import redraw` under {IMPORT_LIMIT} s",
            f"{whole:.3f} s with Python's own start, {own:.3f} s without",
            whole < IMPORT_LIMIT,
        )
    )
    pictures = interleave_processes(_pictures(setting, section), 2 if setting.quick else 3, setting.environment)
    _rows(section, pictures)
    ours, theirs = pictures.values()
    section.notes.append(
        f"first picture: diffusers takes {ratio(theirs, ours, 'wall')} of Redraw's wall time and "
        f"{ratio(theirs, ours, 'cpu')} of its CPU time"
    )
    section.raw = {key: {"wall": s.wall, "cpu": s.cpu} for key, s in (samples | pictures).items()}
    return section


def _pictures(setting: Setting, section: Section) -> dict[str, list[str]]:
    """Return the two commands that make the first picture, after checking that they do the same work."""
    path = weights() or sd15.checkpoint(setting.build, sd15.SLIM)
    model = load_model(path)
    folder = peers.write_folder(model, setting.build / f"diffusers-{path.stem}")
    _check_equal_work(path)
    source, out = setting.build / "source.png", setting.build / "pictures"
    out.mkdir(parents=True, exist_ok=True)
    job.source(SIDE).save(source)
    section.notes.append(
        f"first picture: {path.stem}, {SIDE} x {SIDE}, Euler, {STEPS} steps with CFG ({2 * STEPS} UNet rows each), "
        f"{setting.dtype_name}, {setting.threads} thread(s)"
    )
    script = Path(__file__).with_name("diffusers_script.py")
    return {
        "first picture, redraw img2img": [
            *(sys.executable, "-m", "redraw", "img2img", str(source), "a red house", "--model", str(path)),
            *("--steps", str(STEPS), "--exact-steps", "--strength", str(job.STRENGTH), "--sampler", "Euler"),
            *("--width", str(SIDE), "--height", str(SIDE), "--seed", "1", "-o", str(out / "first.png"), "--overwrite"),
        ],
        "first picture, diffusers script": [
            *(sys.executable, str(script), str(folder), str(source), str(out / "peer.png")),
            *("a red house", str(int(STEPS / job.STRENGTH)), str(job.STRENGTH), setting.dtype_name),
        ],
    }


def _check_equal_work(path: Path) -> None:
    """Run both jobs once here and compare the rows their UNets saw."""
    model = load_model(path)
    unet, vae = peers.networks(model, model.dtype, channels_last=False)
    pipe = peers.pipeline(model, unet, vae)
    picture = job.source(SIDE)
    with peers.counting(model.unet) as ours:
        job.redraw_job(model, picture, 1, STEPS)
    with peers.counting(unet) as theirs:
        job.diffusers_job(pipe, picture, 1, STEPS)
    if ours.count != theirs.count:
        raise RuntimeError(f"unequal work: {ours.count} and {theirs.count} UNet rows")


def _rows(section: Section, samples: dict[str, Samples]) -> None:
    for name, sample in samples.items():
        times = [pick(clock) for clock in ("wall", "cpu") for pick in (sample.best, sample.median)]
        section.rows.append([name, *times])
