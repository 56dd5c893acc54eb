"""A Brownian path that any step size sees alike.

The virtual Brownian tree of Li et al. 2020, "Scalable Gradients for Stochastic Differential Equations", section 4:
an interval is halved until a queried point is reached, and every half is filled in by a Brownian bridge whose normal
number comes from a seed of its own. The layout of the tree and of its seeds is that of torchsde 0.2.6's
`BrownianTree`, so the path is the one A1111 draws; it is written here because torchsde offers no way to choose where
the normal numbers come from, except by replacing a function for every thread of the process.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

_DIGITS = 6  # points are rounded to this many decimals, which also ends the halving
_POOL_SIZE = 24
_CACHE = 64


@dataclass(frozen=True)
class _Node:
    """One interval of the tree; `path` numbers its position among the intervals of its depth."""

    start: float
    end: float
    path: int = 0
    depth: int = 0

    @property
    def middle(self) -> float:
        """The rounded halfway point, where this interval is split."""
        return round(0.5 * (self.end + self.start), _DIGITS)

    def halves(self) -> tuple[_Node, _Node]:
        """Return the left and the right half."""
        path, depth = 2 * self.path, self.depth + 1
        return _Node(self.start, self.middle, path, depth), _Node(self.middle, self.end, path + 1, depth)


class BrownianPath:
    """One path W on [start, end], fixed by `seed`.

    Args:
        start: the lowest point that will be asked for.
        end: the highest; may equal `start`.
        seed: a non-negative integer.
        normal: `seed -> standard normal tensor`, the same for the same seed; its shape is the shape of W.
    """

    def __init__(self, start: float, end: float, seed: int, normal: Callable[[int], Tensor]) -> None:
        self._seed, self._normal = seed, normal
        self._root = _Node(round(start, _DIGITS), round(end, _DIGITS))
        (first,) = np.random.SeedSequence(seed, pool_size=_POOL_SIZE).generate_state(1)
        self._whole = normal(int(first)) * math.sqrt(end - start)
        self._known: OrderedDict[_Node, Tensor] = OrderedDict()

    def increment(self, a: float, b: float) -> Tensor:
        """Return W(b) - W(a) for a <= b; points outside the interval count as its nearest end."""
        a = round(min(max(a, self._root.start), self._root.end), _DIGITS)
        b = round(min(max(b, self._root.start), self._root.end), _DIGITS)
        if a == b:
            return self._whole.new_zeros(self._whole.shape)
        parts = list(self._tiles(self._root, self._whole, a, b))
        W = parts[0]
        for part in parts[1:]:
            W = W + part
        return W

    def _tiles(self, node: _Node, W: Tensor, a: float, b: float) -> list[Tensor]:
        """Return the increments of the largest tree intervals that tile [a, b] within `node`, left to right."""
        if a == node.start and b == node.end:
            return [W]
        left, right = node.halves()
        W_left = self._left(node, left, W)
        tiles = []
        if a < node.middle:
            tiles += self._tiles(left, W_left, a, min(b, node.middle))
        if b > node.middle:
            tiles += self._tiles(right, W - W_left, max(a, node.middle), b)
        return tiles

    def _left(self, node: _Node, left: _Node, W: Tensor) -> Tensor:
        """Return the left half's increment, given `W` of the whole `node`: a Brownian bridge's middle."""
        known = self._known.get(left)
        if known is not None:
            self._known.move_to_end(left)
            return known
        key = (node.path, node.depth)
        (seed, *_) = np.random.SeedSequence(self._seed, spawn_key=key, pool_size=_POOL_SIZE).generate_state(4)
        to_left, to_right, per_length = node.middle - node.start, node.end - node.middle, 1 / (node.end - node.start)
        mean = to_left * W * per_length
        W_left = mean + math.sqrt(to_left * to_right * per_length) * self._normal(int(seed))
        self._known[left] = W_left
        if len(self._known) > _CACHE:
            self._known.popitem(last=False)
        return W_left
