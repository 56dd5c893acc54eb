"""The machine and the versions, in words, and what all benchmarks of one run share."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import torch
from timing import Clock

from redraw.models.devices import cpu_has_bf16, dtype_name, resolve_dtype

_PACKAGES: Final = ("torch", "diffusers", "transformers", "numpy", "redraw-studio")
_FEATURES: Final = ("avx2", "avx512_f", "avx512_bf16", "avx512_vnni", "amx_bf16")


@dataclass
class Setting:
    """How this run measures.

    Attributes:
        quick: smaller pictures and fewer repetitions.
        threads: of torch, in this process and in those it starts.
        build: folder for generated models and pictures.
        peaks: GFLOP/s of the best matrix product by dtype name, from `peak`.
        unet_seconds: one UNet forward of ours at 64 x 64 latents, if it was measured.
    """

    quick: bool
    threads: int
    build: Path
    peaks: dict[str, float] = field(default_factory=dict)
    unet_seconds: float | None = None

    @property
    def clock(self) -> Clock:
        """CPU time for one thread, which neighbours on the machine hardly change; wall time for more."""
        return "cpu" if self.threads == 1 else "wall"

    @property
    def dtype(self) -> torch.dtype:
        """What Redraw takes on this CPU when it is not told."""
        return resolve_dtype("auto", torch.device("cpu"))

    @property
    def dtype_name(self) -> str:
        """`bf16` or `fp32`."""
        return dtype_name(self.dtype)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of processes: these threads, nothing fetched, bytecode kept as an installation keeps it."""
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(self.threads))
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, **threads, "HF_HUB_OFFLINE": "1", "REDRAW_DATA_DIR": str(self.build / "data")}


def load_average() -> str:
    """The load average of one, five and fifteen minutes."""
    return ", ".join(f"{value:.2f}" for value in os.getloadavg())


def describe(setting: Setting) -> dict[str, Any]:
    """Return the machine, the versions and the way of measuring as plain data."""
    capabilities = torch.cpu.get_capabilities()
    features = [name for name in _FEATURES if capabilities.get(name)]
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "features": ", ".join(features) or "none of " + ", ".join(_FEATURES),
        "bf16 in hardware": cpu_has_bf16(),
        "memory GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
        "threads": setting.threads,
        "clock of ratios": f"{setting.clock} time",
        "dtype": setting.dtype_name,
        "load average before": load_average(),
    }


def _cpu_name() -> str:
    """The processor's name, family and model as the kernel says them."""
    fields: dict[str, str] = {}
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    for line in text.split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    name = fields.get("model name", platform.machine())
    return f"{name} (family {fields.get('cpu family', '?')}, model {fields.get('model', '?')})"
