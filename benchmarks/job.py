"""A whole img2img job, from picture in to PNG written: Redraw against diffusers' pipeline, with equal UNet work.

Both run the same model of SD 1.5's size, Euler, CFG 7, half of an eight-step schedule. The rows that go through the
UNet are counted by a hook and must be equal: Redraw on a CPU makes two calls of one row for each step, diffusers one
call of two. Prompt and seed are new each time, so that nobody's caches help.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import peers
import sd15
import torch
from machine import Setting
from PIL import Image
from report import Section
from timing import interleave, ratio

from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.pipeline import Result
from redraw.pipeline import run as run_pipeline
from redraw.request import Img2Img, PictureRef

STEPS: Final = 4
STRENGTH: Final = 0.5


def run(setting: Setting) -> Section:
    """Time the job in turns A B B A."""
    side = 128 if setting.quick else 256
    path = sd15.checkpoint(setting.build)
    ours = load_model(path, dtype=setting.dtype)
    exact = ours if setting.dtype == torch.float32 else load_model(path)
    unet, vae = peers.networks(exact, setting.dtype, channels_last=True)
    pipe = peers.pipeline(exact, unet, vae)
    picture = source(side)
    folder = setting.build / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    jobs = {
        "Redraw": _Counted(ours.unet, lambda n: redraw_job(ours, picture, n).save(folder / "a.png", overwrite=True)),
        "diffusers, best": _Counted(unet, lambda n: diffusers_job(pipe, picture, n).save(folder / "b.png")),
    }
    for job in jobs.values():
        job.warm_up()
    samples = interleave(jobs, 2)
    rows = {key: sorted(set(job.rows)) for key, job in jobs.items()}
    if len({tuple(r) for r in rows.values()}) != 1:
        raise RuntimeError(f"unequal work: {rows}")
    section = Section(
        "job",
        f"img2img job, {side} x {side}, {STEPS} steps with CFG, in {setting.dtype_name}",
        ["path", "UNet rows", "min s", "median s", "time against Redraw"],
    )
    for key, sample in samples.items():
        against = None if key == "Redraw" else str(ratio(sample, samples["Redraw"], setting.clock))
        times = (sample.best(setting.clock), sample.median(setting.clock))
        section.rows.append([key, rows[key][0], *times, against])
        section.raw[key] = {"wall": sample.wall, "cpu": sample.cpu}
    section.notes.append(f"{setting.threads} thread(s), {setting.clock} time; turns A B B A after a warm-up each")
    return section


def source(side: int) -> Image.Image:
    """Return a picture of soft colours to redraw."""
    y, x = np.mgrid[0:side, 0:side] / side
    pixels = np.stack([x, y, 0.5 + 0.5 * np.sin(9 * x * y)], axis=-1)
    return Image.fromarray((pixels * 255).astype(np.uint8))


def redraw_job(model: Model, picture: Image.Image, number: int, steps: int = STEPS) -> Result:
    """Return Redraw's result for job number `number`."""
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    request = Img2Img(
        images=(PictureRef.from_bytes(stream.getvalue(), name="source.png"),),
        prompt=f"a house by the sea, number {number}",
        steps=steps,
        exact_steps=True,
        strength=STRENGTH,
        sampler="Euler",
        cfg_scale=7,
        seed=number,
    )
    results = [event for event in run_pipeline(request, model) if isinstance(event, Result)]
    return results[0]


def diffusers_job(pipe: Any, picture: Image.Image, number: int, steps: int = STEPS) -> Image.Image:
    """Return diffusers' result for job number `number`: it runs int(steps * strength) of its steps."""
    with torch.inference_mode():
        result: Image.Image = pipe(
            prompt=f"a house by the sea, number {number}",
            negative_prompt="",
            image=picture,
            strength=STRENGTH,
            num_inference_steps=int(steps / STRENGTH),
            guidance_scale=7.0,
            generator=torch.Generator().manual_seed(number),
        ).images[0]
    return result


class _Counted:
    """A job that is given a new number each time and notes how many rows its UNet saw."""

    def __init__(self, unet: Any, job: Callable[[int], object]) -> None:
        self.unet, self.job, self.number = unet, job, 0
        self.rows: list[int] = []

    def __call__(self) -> None:
        self.number += 1
        with peers.counting(self.unet) as rows:
            self.job(self.number)
        self.rows.append(rows.count)

    def warm_up(self) -> None:
        """Run once without noting anything."""
        self.job(0)
