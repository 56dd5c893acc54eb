"""Memory for new weights on a CPU: one block for a whole patch, used again when nothing looks at it any more.

Fresh memory costs more than the arithmetic: the system has to clear every page. numpy asks for large pages, which cost
a fourth of that; a block that was given back costs nothing.
"""

from __future__ import annotations

from typing import Any
from weakref import finalize, ref

import numpy as np
import torch


class Blocks:
    """Hands out blocks and keeps the one that was given back last."""

    def __init__(self) -> None:
        self._spare: np.ndarray[Any, np.dtype[np.uint8]] | None = None

    @property
    def bytes(self) -> int:
        """The size of the spare block."""
        return 0 if self._spare is None else self._spare.nbytes

    def take(self, size: int) -> torch.Tensor:
        """Return a tensor `[size]` of bytes with any content; its memory comes back when its last view is gone."""
        whole, self._spare = self._spare, None
        if whole is None or not size <= whole.nbytes <= 2 * size:
            whole = np.empty(size, np.uint8)
        lent = whole[:size]  # torch holds this view, and lets it go with the last tensor
        finalize(lent, _give_back, ref(self), whole).atexit = False
        return torch.from_numpy(lent)

    def drop(self) -> None:
        """Let the spare block go."""
        self._spare = None


def _give_back(owner: ref[Blocks], whole: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    blocks = owner()
    if blocks is not None:
        blocks._spare = whole
