"""The noise of NVIDIA GPUs, computed anywhere: Philox4x32-10 with Box-Muller.

Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3", section 3.3. The counter's words are
(offset, 0, element, 0) and the key is the seed, as CUDA's generator lays them out, so that a seed gives on the CPU
the numbers `torch.randn(..., device="cuda")` gives on a GPU.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

_M0: Final = np.uint64(0xD2511F53)
_M1: Final = np.uint64(0xCD9E8D57)
_W0: Final = 0x9E3779B9
_W1: Final = 0xBB67AE85
_WORD: Final = np.uint64(0xFFFFFFFF)
_HALF: Final = np.uint64(32)
_TO_UNIT: Final = float(np.float32(2.3283064e-10))  # 2^-32, as a single-precision constant
_TO_ANGLE: Final = float(np.float32(2.3283064e-10 * 6.2831855))  # 2 pi / 2^32, likewise

Words = NDArray[np.uint64]


class Philox:
    """A continuing stream of standard normal numbers from one 64-bit seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed & 0xFFFFFFFFFFFFFFFF
        self.offset = 0

    def normal(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the next draw: fp32 of `shape`, elements numbered in C order."""
        n = math.prod(shape)
        element = np.arange(n, dtype=np.uint64)
        zero = np.zeros(n, dtype=np.uint64)
        g0, g1 = _rounds(zero + np.uint64(self.offset), zero, element, zero, self.seed)
        self.offset += 1
        u = g0 * _TO_UNIT + _TO_UNIT / 2
        v = g1 * _TO_ANGLE + _TO_ANGLE / 2
        normal: NDArray[np.float64] = np.sqrt(-2.0 * np.log(u)) * np.sin(v)
        return normal.astype(np.float32).reshape(shape)


def _rounds(c0: Words, c1: Words, c2: Words, c3: Words, seed: int) -> tuple[Words, Words]:
    """Return the first two output words of ten Philox rounds on the counters (c0, c1, c2, c3)."""
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = c0 * _M0, c2 * _M1
        c0, c1, c2, c3 = (
            (p1 >> _HALF) ^ c1 ^ np.uint64(k0),
            p1 & _WORD,
            (p0 >> _HALF) ^ c3 ^ np.uint64(k1),
            p0 & _WORD,
        )
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return c0, c1
