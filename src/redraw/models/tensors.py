"""Where a tensor lies in a file: its number format, shape, first byte and strides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ITEM_SIZE: Final[Mapping[str, int]] = {
    "F64": 8,
    "I64": 8,
    "U64": 8,
    "F32": 4,
    "I32": 4,
    "U32": 4,
    "F16": 2,
    "BF16": 2,
    "I16": 2,
    "U16": 2,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}

TORCH_NAME: Final[Mapping[str, str]] = {
    "F64": "float64",
    "I64": "int64",
    "U64": "uint64",
    "F32": "float32",
    "I32": "int32",
    "U32": "uint32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I16": "int16",
    "U16": "uint16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}

DTYPE_NAMES: Final[Mapping[str, str]] = {torch_name: name for name, torch_name in TORCH_NAME.items()}
"""The other way round: torch's name to safetensors'."""


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a file.

    Attributes:
        dtype: as safetensors spells it (`F16`).
        shape: sizes, outermost first; `()` is a single number.
        start: position of its first item in the file, in bytes.
        stride: in items, or None for a plain row-major tensor.
    """

    dtype: str
    shape: tuple[int, ...]
    start: int
    stride: tuple[int, ...] | None = None

    @property
    def items(self) -> int:
        """Number of items."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Number of bytes its items take."""
        return self.items * ITEM_SIZE[self.dtype]

    @property
    def extent(self) -> int:
        """Number of items from the first to the last one, gaps included."""
        if self.stride is None or not self.items:
            return self.items
        return 1 + sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True))
