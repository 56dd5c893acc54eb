"""J12: one UNet forward, one VAE encoding and one decoding on a model of SD 1.5's size, and their share of the peak.

Contenders, taking turns over the very same weights:

* Redraw as it is when it is not told anything (bf16 on a CPU that computes in it, else fp32);
* diffusers in its best CPU setting: the same format, SDPA, channels-last;
* diffusers in its default: fp32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import peers
import sd15
import torch
from machine import Setting
from report import Goal, Section
from timing import Samples, interleave, ratio
from torch.utils.flop_counter import FlopCounterMode

from redraw.models.architecture import Architecture
from redraw.models.configs import unet_config, vae_config
from redraw.models.devices import cpu_has_bf16
from redraw.models.loader import load_model
from redraw.models.networks import quietly

OURS: Final = "Redraw"
BEST: Final = "diffusers, best"
DEFAULT: Final = "diffusers, default"
GOAL: Final = 1.25
Call = Callable[[torch.Tensor], torch.Tensor]
Contenders = dict[str, tuple[Call, Call, Call]]


def run(setting: Setting) -> Section:
    """Measure the three calls and hold the UNet's ratio against the goal."""
    size = 32 if setting.quick else 64
    path = sd15.checkpoint(setting.build)
    contenders = build(path, setting)
    clock = setting.clock
    section = Section(
        "unet_vae",
        f"J12: networks of SD 1.5's size, batch 1, {size * 8} x {size * 8} pixels",
        ["call", "path", "TFLOP", "min s", "median s", "GFLOP/s", "share of peak", "time against Redraw"],
    )
    width = sd15.FULL.text.width
    calls = (
        ("UNet forward", 0, torch.randn(1, 4, size, size), 3),
        ("VAE encode", 1, torch.rand(1, 3, size * 8, size * 8) * 2 - 1, 2),
        ("VAE decode", 2, torch.randn(1, 4, size, size), 2),
    )
    for name, part, given, passes in calls:
        work = flop(sd15.FULL, name, size, width)
        small = given[..., : given.shape[-2] // 4, : given.shape[-1] // 4].contiguous()
        with torch.inference_mode():
            for contender in contenders.values():
                contender[part](small)  # wakes every weight; the first full turn still counts
            timed = {key: _bound(contender[part], given) for key, contender in contenders.items()}
            samples = interleave(timed, max(2, passes - 1) if setting.quick else passes)
        _rows(section, setting, name, work, samples)
        if part == 0:
            setting.unet_seconds = None if setting.quick else samples[OURS].median(clock)
            section.goals.append(_goal(samples, setting))
        section.raw[name] = {key: {"wall": s.wall, "cpu": s.cpu} for key, s in samples.items()}
    section.notes.append(
        f"{setting.threads} thread(s), {clock} time; Redraw and diffusers' best in {setting.dtype_name}, diffusers' "
        "default in fp32; a share is of the fp32 or bf16 peak measured in this run; ratios are turn by turn"
    )
    return section


def build(path: Any, setting: Setting) -> Contenders:
    """Return each contender's three calls, all fp32 in and out."""
    ours = load_model(path, dtype=setting.dtype)
    exact = ours if setting.dtype == torch.float32 else load_model(path)
    context = torch.randn(1, 77, sd15.FULL.text.width)
    time = torch.tensor([500.0])
    out: Contenders = {OURS: (lambda x: ours.predict(x, time, context), ours.encode, ours.decode)}
    for name, dtype, channels_last in ((BEST, setting.dtype, True), (DEFAULT, torch.float32, False)):
        unet, vae = peers.networks(exact, dtype, channels_last=channels_last)
        out[name] = peer_calls(unet, vae, dtype, channels_last, time, context, exact.scale_factor)
    return out


def peer_calls(
    unet: Any,
    vae: Any,
    dtype: torch.dtype,
    channels_last: bool,
    time: torch.Tensor,
    context: torch.Tensor,
    factor: float,
) -> tuple[Call, Call, Call]:
    """Return the three calls of diffusers' networks, as its pipeline makes them."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    text = context.to(dtype)

    def cast(x: torch.Tensor) -> torch.Tensor:
        return x.to(dtype, memory_format=layout)

    def predict(x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = unet(cast(x), time, encoder_hidden_states=text, return_dict=False)[0]
        return out.float()

    def encode(x: torch.Tensor) -> torch.Tensor:
        mean: torch.Tensor = vae.encode(cast(x), return_dict=False)[0].mode()
        return mean.float() * factor

    def decode(x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = vae.decode(cast(x / factor), return_dict=False)[0]
        return out.float()

    return predict, encode, decode


def flop(shape: Architecture, call: str, size: int, width: int) -> float:
    """Return the TFLOP of one call, counted on tensors without memory; attention's products are in it."""
    with quietly():
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    counter = FlopCounterMode(display=False)
    with torch.device("meta"), torch.no_grad():
        if call == "UNet forward":
            unet = UNet2DConditionModel(**unet_config(shape.unet))
            with counter:
                unet(torch.empty(1, 4, size, size), torch.empty(1), torch.empty(1, 77, width))
        else:
            vae = AutoencoderKL(**vae_config(shape.vae))
            with counter:
                if call == "VAE encode":
                    vae.encode(torch.empty(1, 3, size * 8, size * 8))
                else:
                    vae.decode(torch.empty(1, 4, size, size))
    return float(counter.get_total_flops()) / 1e12


def _bound(call: Call, given: torch.Tensor) -> Callable[[], object]:
    return lambda: call(given)


def _rows(section: Section, setting: Setting, name: str, work: float, samples: dict[str, Samples]) -> None:
    for key, sample in samples.items():
        rate = work * 1000 / sample.best(setting.clock)
        peak = setting.peaks["fp32" if key == DEFAULT else setting.dtype_name]
        against = None if key == OURS else str(ratio(sample, samples[OURS], setting.clock))
        times = (sample.best(setting.clock), sample.median(setting.clock))
        section.rows.append([name, key, work, *times, rate, f"{rate / peak:.0%}", against])


def _goal(samples: dict[str, Samples], setting: Setting) -> Goal:
    """The promise is about bf16; on a CPU without it there is nothing to compare."""
    seen = ratio(samples[BEST], samples[OURS], setting.clock)
    what = f"the UNet is {GOAL} times as fast as diffusers in bf16"
    if not cpu_has_bf16():
        return Goal(what, f"this CPU has no bf16 instructions; in fp32 the ratio is {seen}", None)
    return Goal(what, f"{seen}", seen.median >= GOAL)
