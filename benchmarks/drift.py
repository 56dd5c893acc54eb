"""How far half precision leads away from fp32, for Redraw's bf16 path and for diffusers', over the same weights.

The reference is diffusers' own fp32. Nothing here is timed. On a CPU with bf16 instructions the model has SD 1.5's
size; elsewhere bf16 is emulated, tens of times slower, and a slim model of the same depth stands in.
"""

from __future__ import annotations

import math

import peers
import sd15
import torch
import unet_vae
from machine import Setting
from report import Goal, Section

from redraw.models.devices import cpu_has_bf16
from redraw.models.loader import load_model

TOLERANCE = 1.02  # two drifts this close are equal: another seed moves them as much


def run(setting: Setting) -> Section:
    """Compare both bf16 paths with fp32."""
    real = cpu_has_bf16()
    shape, size, pixels = (sd15.FULL, 32, 256) if real else (sd15.SLIM, 16 if setting.quick else 32, 96)
    section = Section(
        "drift",
        f"Drift of bf16 from fp32 ({'SD 1.5 size' if real else 'slim model, emulated bf16'})",
        ["call", "path", "relative L2", "PSNR dB"],
    )
    torch.manual_seed(0)
    time, context = torch.tensor([500.0]), torch.randn(1, 77, shape.text.width)
    path = sd15.checkpoint(setting.build, shape)
    exact, half = load_model(path), load_model(path, dtype=torch.bfloat16)
    reference, default = (
        unet_vae.peer_calls(
            *peers.networks(exact, dtype, channels_last=False), dtype, False, time, context, exact.scale_factor
        )
        for dtype in (torch.float32, torch.bfloat16)
    )
    ours = (lambda x: half.predict(x, time, context), half.encode, half.decode)
    control = (lambda x: exact.predict(x, time, context), exact.encode, exact.decode)
    inputs = (
        ("UNet forward", torch.randn(1, 4, size, size)),
        ("VAE encode", torch.rand(1, 3, pixels, pixels) * 2 - 1),
        ("VAE decode", torch.randn(1, 4, pixels // 8, pixels // 8)),
    )
    for i, (name, given) in enumerate(inputs):
        with torch.inference_mode():
            truth = reference[i](given)
            errors = {"Redraw bf16": ours[i](given), "diffusers bf16": default[i](given)}
            errors["Redraw fp32"] = control[i](given)
        for key, value in errors.items():
            section.rows.append([name, key, relative(value, truth), psnr(value, truth)])
        a, b = relative(errors["Redraw bf16"], truth), relative(errors["diffusers bf16"], truth)
        section.goals.append(
            Goal(f"{name}: no more drift than diffusers' bf16", f"{a:.2e} / {b:.2e}", a <= b * TOLERANCE)
        )
    section.notes.append(f"PSNR is over the reference's own range; latents {size} x {size}, pictures {pixels} pixels")
    return section


def relative(value: torch.Tensor, truth: torch.Tensor) -> float:
    """Return |value - truth| / |truth|."""
    return float((value - truth).norm() / truth.norm())


def psnr(value: torch.Tensor, truth: torch.Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB over the range of `truth`."""
    error = float((value - truth).square().mean())
    span = float(truth.max() - truth.min())
    return math.inf if error == 0 else 10 * math.log10(span * span / error)
