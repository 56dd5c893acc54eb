"""Which device and which number format to compute with."""

from __future__ import annotations

import torch


def resolve_device(name: str = "auto") -> torch.device:
    """Return the device for `auto`, `cpu`, `cuda`, `cuda:1` or `mps`; one that is absent raises `RequestError`."""
    raise NotImplementedError


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype for `auto`, `fp32`, `bf16` or `fp16` on `device`."""
    raise NotImplementedError


def dtype_name(dtype: torch.dtype) -> str:
    """Return `fp32`, `bf16` or `fp16`."""
    raise NotImplementedError


def set_threads(count: int | None = None) -> int:
    """Set the number of CPU threads (None: one for each core this process may use); return it."""
    raise NotImplementedError
