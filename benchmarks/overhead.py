"""What the loop around the network costs: sampler, guidance and pipeline, for each evaluation of the guided model.

The networks are replaced by ones that do nothing, at SD 1.5's 64 x 64 latents, and every call notes the clock. From the
start of the first evaluation to the start of the last one, less the time inside the calls, divided by the evaluations
between them: that is the cost of everything that is not the model. Redraw's whole pipeline with its progress events
meets diffusers' whole pipeline with the scheduler that comes closest; some samplers have none.
"""

from __future__ import annotations

import statistics
import time
import warnings
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import job
import peers
import sd15
import torch
from machine import Setting
from report import Section
from torch import nn

from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.models.networks import quietly
from redraw.pipeline import run as run_pipeline
from redraw.registry import SAMPLERS
from redraw.request import Txt2Img

STEPS: Final = 20
SIDE: Final = 512
# Redraw's sampler -> diffusers' scheduler and its options.
COUNTERPARTS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "dpm_2": ("KDPM2DiscreteScheduler", {}),
    "dpm_2_a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True}),
    "dpmpp_2m_sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "dpmpp_sde": ("DPMSolverSDEScheduler", {"use_karras_sigmas": True}),
    "ddim": ("DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": False}),
    "plms": ("PNDMScheduler", {"skip_prk_steps": True}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "lcm": ("LCMScheduler", {}),
}


@dataclass
class Stamps:
    """Wall clock and CPU clock around every call of a network that does nothing."""

    starts: list[tuple[float, float]] = field(default_factory=list)
    ends: list[tuple[float, float]] = field(default_factory=list)

    def overhead(self, calls: int) -> tuple[float, float]:
        """Return wall and CPU seconds an evaluation of `calls` calls costs beyond them."""
        evaluations = len(self.starts) // calls
        last = (evaluations - 1) * calls
        if last < 1:
            return 0.0, 0.0
        wall, cpu = (
            (self.starts[last][i] - self.starts[0][i] - sum(self.ends[k][i] - self.starts[k][i] for k in range(last)))
            / (evaluations - 1)
            for i in (0, 1)
        )
        return wall, cpu


class Idle(nn.Module):
    """A UNet that answers a share of its input and notes the clock."""

    def __init__(self, config: Any = None) -> None:
        super().__init__()
        self.stamps = Stamps()
        self.config = config
        self.dtype, self.device = torch.float32, torch.device("cpu")
        self.add_module("none", None)

    def forward(self, x: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor]:
        """Return half of the input as the prediction: finite for every sampler."""
        self.stamps.starts.append((time.perf_counter(), time.process_time()))
        out = x * 0.5
        self.stamps.ends.append((time.perf_counter(), time.process_time()))
        return (out,)


class IdleVae(nn.Module):
    """A VAE that answers zeros of the right size."""

    def encode(self, x: torch.Tensor, return_dict: bool = False) -> tuple[Any]:
        """Return latents of zeros."""
        return (SimpleNamespace(mean=torch.zeros(x.shape[0], 4, x.shape[2] // 8, x.shape[3] // 8)),)

    def decode(self, x: torch.Tensor, return_dict: bool = False) -> tuple[torch.Tensor]:
        """Return a grey picture."""
        return (torch.zeros(x.shape[0], 3, x.shape[2] * 8, x.shape[3] * 8),)


def run(setting: Setting) -> Section:
    """Measure every sampler on the shelf."""
    model = load_model(sd15.checkpoint(setting.build, sd15.SLIM))
    pipe = peers.pipeline(model, *peers.networks(model, torch.float32, channels_last=False))
    config = pipe.unet.config
    context = torch.zeros(1, 77, sd15.SLIM.text.width)
    model.vae = IdleVae()
    section = Section(
        "overhead",
        f"Overhead of sampler and pipeline for each evaluation, {SIDE // 8} x {SIDE // 8} latents, CFG",
        ["sampler", "Redraw ms", "CPU ms", "diffusers ms", "CPU ms ", "diffusers / Redraw", "diffusers' scheduler"],
    )
    warnings.filterwarnings("ignore", module="torchsde")
    repeats = 2 if setting.quick else 4
    for name in (entry.name for entry in SAMPLERS):
        scheduler = _scheduler(name)
        ours: list[tuple[float, float]] = []
        theirs: list[tuple[float, float]] = []
        for turn in range(-1, repeats):
            if turn % 2 == 0:
                ours.append(_redraw(model, name))
            if scheduler is not None:
                theirs.append(_diffusers(pipe, config, scheduler, context))
            if turn % 2:
                ours.append(_redraw(model, name))
        ours, theirs = ours[1:], theirs[1:]  # the first turn warms up
        _row(section, name, scheduler, ours, theirs)
    if setting.unet_seconds is not None:
        worst = max(row[2] for row in section.rows)
        share = worst / 1000 / (2 * setting.unet_seconds)
        section.notes.append(
            f"the dearest sampler's {worst:.1f} ms are {share:.2%} of the UNet's time for an evaluation"
        )
    section.notes.append(
        f"{setting.threads} thread(s), fp32, {STEPS} steps, medians of {repeats} runs; an evaluation is one guided "
        "call (prompt and negative prompt); progress events of Redraw are made and thrown away, diffusers' bar is off"
    )
    return section


def _row(section: Section, name: str, scheduler: Any, ours: list[Any], theirs: list[Any]) -> None:
    a, a_cpu = (statistics.median(pair[i] for pair in ours) * 1000 for i in (0, 1))
    row: list[Any] = [SAMPLERS.entry(name).label, a, a_cpu]
    section.raw[name] = {"redraw": ours, "diffusers": theirs}
    if not theirs:
        section.rows.append([*row, None, None, None, "none"])
        return
    b, b_cpu = (statistics.median(pair[i] for pair in theirs) * 1000 for i in (0, 1))
    section.rows.append([*row, b, b_cpu, f"{b / a:.2f}x", type(scheduler).__name__.removesuffix("Scheduler")])


def _scheduler(name: str) -> Any:
    """Return diffusers' counterpart of a sampler, or None."""
    if name not in COUNTERPARTS:
        return None
    with quietly():
        import diffusers

        kind, options = COUNTERPARTS[name]
        return getattr(diffusers, kind)(**peers.scheduler_config(), **options)


def _redraw(model: Model, sampler: str) -> tuple[float, float]:
    idle = Idle()
    model.unet = idle
    request = Txt2Img(prompt="a house", steps=STEPS, sampler=sampler, width=SIDE, height=SIDE, seed=1, cfg_scale=7)
    for _ in run_pipeline(request, model):
        pass
    return idle.stamps.overhead(calls=2)


def _diffusers(pipe: Any, config: Any, scheduler: Any, context: torch.Tensor) -> tuple[float, float]:
    idle = Idle(config)
    pipe.unet, pipe.scheduler = idle, scheduler
    with torch.inference_mode():
        pipe(
            prompt_embeds=context,
            negative_prompt_embeds=context,
            image=torch.zeros(1, 4, SIDE // 8, SIDE // 8),
            strength=job.STRENGTH,
            num_inference_steps=int(STEPS / job.STRENGTH),
            guidance_scale=7.0,
            output_type="latent",
            generator=torch.Generator().manual_seed(1),
        )
    return idle.stamps.overhead(calls=1)
