"""Linear multistep: Adams-Bashforth on uneven levels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.polynomial import Polynomial
from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step, level

ORDER = 4


def _weights(s: Sequence[float], i: int, order: int) -> list[float]:
    """Return the weights of the slopes at s[i], s[i-1], ...: integrals of their Lagrange basis from s[i] to s[i+1].

    The basis is a polynomial, so it is integrated exactly, about s[i] to keep the digits.
    """
    nodes = [s[i - j] - s[i] for j in range(order)]
    end = s[i + 1] - s[i]
    weights = []
    for j, node in enumerate(nodes):
        others = [other for k, other in enumerate(nodes) if k != j]
        basis = Polynomial.fromroots(others) if others else Polynomial([1.0])
        weights.append(float(basis.integ()(end) / np.prod([node - other for other in others])))
    return weights


def lms(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: SamplerNoise) -> Iterator[Step]:
    """Steps of order up to 4 from one evaluation each: Hairer, Norsett, Wanner 1993, section III.5."""
    s = sigmas.tolist()
    n = len(s) - 1
    slopes: deque[Tensor] = deque(maxlen=ORDER)
    for i in range(n):
        D = denoise(x, level(x, s[i])).value
        slopes.appendleft((x - D) / s[i])
        for w, d in zip(_weights(s, i, len(slopes)), slopes, strict=True):
            x = x + d * w
        yield Step(i, n, x, s[i], D)


LMS = Sampler(lms, "LMS")
