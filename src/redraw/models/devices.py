"""Which device and which number format to compute with."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

import torch

from redraw.errors import RequestError

DTYPES: Final[Mapping[str, torch.dtype]] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


def resolve_device(name: str = "auto") -> torch.device:
    """Return the device for `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.

    `auto` takes the first of CUDA, Apple's MPS and the CPU that is there.

    Raises:
        RequestError: an unknown name, or a device this machine does not have.
    """
    wanted = name.strip().lower()
    has_mps = torch.backends.mps.is_available()
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu")
    if re.fullmatch(r"cpu|mps|cuda(:\d+)?", wanted) is None:
        raise RequestError("device", name, "one of auto, cpu, cuda, cuda:<number>, mps")
    if wanted.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(wanted.partition(":")[2] or 0) >= count:
            there = f"this machine has {count} CUDA devices" if count else "this machine has no usable CUDA device"
            raise RequestError("device", name, f"{there}; try auto or cpu")
    if wanted == "mps" and not has_mps:
        raise RequestError("device", name, "this machine has no usable Apple GPU; try auto or cpu")
    return torch.device(wanted)


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype for `auto`, `fp32`, `bf16` or `fp16` on `device`.

    `auto` is bf16 on CPUs that compute in it (AVX512-BF16, AMX) and fp32 on others; on GPUs it is fp16, which is
    three bits finer than bf16 and what A1111 takes.
    """
    wanted = name.strip().lower()
    if wanted == "auto":
        return _best_dtype(device)
    if wanted not in DTYPES:
        raise RequestError("dtype", name, f"one of auto, {', '.join(DTYPES)}")
    if wanted == "fp16" and device.type == "cpu":
        raise RequestError("dtype", name, "a CPU does not compute in fp16; use bf16 or fp32")
    return DTYPES[wanted]


def dtype_name(dtype: torch.dtype) -> str:
    """Return `fp32`, `bf16` or `fp16`."""
    return next((n for n, d in DTYPES.items() if d == dtype), str(dtype).removeprefix("torch."))


def set_threads(count: int | None = None) -> int:
    """Set the number of CPU threads torch uses (None: one for each core this process may use); return it."""
    if count is not None and count < 1:
        raise RequestError("threads", count, "at least 1")
    threads = count or _usable_cores()
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    return threads


def cpu_has_bf16() -> bool:
    """Return whether this CPU multiplies bf16 numbers itself (AVX512-BF16, AMX or Arm's BF16)."""
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16"))


def _best_dtype(device: torch.device) -> torch.dtype:
    if device.type == "cpu":
        return torch.bfloat16 if cpu_has_bf16() else torch.float32
    return torch.float16


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
