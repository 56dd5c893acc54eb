"""UniPC: a predictor and a corrector of one family, at one evaluation a step.

Zhao et al. 2023, "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models", in its data
prediction form (appendix A) on the variance-preserving schedule: x = alpha x0 + sigma eps, lambda = log(alpha/sigma).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.levels import NoiseLevels
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step, level

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class _Schedule:
    """Continuous time 0 < t <= 1 over the table: entry i is t = (i + 1) / n, log alpha is linear between entries.

    [Q] This differs from the table's own interpolation, which is linear in log sigma; UniPC's reference code has it.
    """

    levels: NoiseLevels

    @property
    def _table(self) -> tuple[Vector, Vector]:
        """Return (t, log alpha), each rising in t."""
        n = len(self.levels)
        return np.arange(1, n + 1) / n, 0.5 * np.log(self.levels.alphas_cumprod.double().numpy())

    def at(self, t: float) -> _Point:
        """Return the schedule at `t`."""
        log_alpha = float(np.interp(t, *self._table))
        return _Point(t, math.exp(log_alpha), math.sqrt(1 - math.exp(2 * log_alpha)))

    def inverse(self, lam: Vector) -> Vector:
        """Return the t of each lambda."""
        t, log_alpha = self._table
        wanted = -0.5 * np.logaddexp(0.0, -2.0 * lam)
        return np.interp(wanted, log_alpha[::-1], t[::-1])


class _Point(NamedTuple):
    """A moment of the schedule."""

    t: float
    alpha: float
    sigma: float

    @property
    def lam(self) -> float:
        """Half the log signal-to-noise ratio."""
        return math.log(self.alpha / self.sigma)


class _Update(NamedTuple):
    """One step in numbers: x_t = base_x x - base_m m_0 - sum(predict_k D_k), or the corrector's weights instead.

    D_k are the differences (m_k - m_0) / r_k to older evaluations; the corrector's last weight is for the new one.
    """

    base_x: float
    base_m: float
    predict: Sequence[float]
    correct: Sequence[float]


def _bh_weights(r: Vector, hh: float, variant: str) -> tuple[Sequence[float], Sequence[float]]:
    """Return the predictor's and the corrector's weights (without alpha) for B(h) = hh ("bh1") or e^hh - 1 ("bh2").

    UniPC theorem 3.1: R_p(h) a_p(h) = phi_p(h) / B(h), with R the Vandermonde matrix of the shares `r`.
    """
    p = len(r)
    B = hh if variant == "bh1" else math.expm1(hh)
    phi, b = math.expm1(hh) / hh - 1, []
    for i in range(1, p + 1):
        b.append(phi * math.factorial(i) / B)
        phi = phi / hh - 1 / math.factorial(i + 1)
    R = np.vander(r, p, increasing=True).T
    # [Q] The orders with one unknown use 1/2, the limit for small steps, instead of solving for it.
    predict: Sequence[float] = [0.5] if p == 2 else np.linalg.solve(R[:-1, :-1], b[:-1]).tolist()
    correct: Sequence[float] = [0.5] if p == 1 else np.linalg.solve(R, b).tolist()
    return [B * w for w in predict], [B * w for w in correct]


def _varying_weights(r: Vector, hh: float) -> tuple[Sequence[float], Sequence[float]]:
    """Return the predictor's and the corrector's weights (without alpha) with coefficients that vary with the step.

    UniPC appendix C (UniPC_v): the Taylor terms of the model are solved from the differences and integrated.
    """
    p = len(r)
    phi = [math.expm1(hh)]
    for k in range(1, p + 1):
        phi.append(phi[-1] / hh - 1 / math.factorial(k))
    C = np.stack([r ** (k - 1) / math.factorial(k) for k in range(1, p + 1)], axis=1)
    A_predict = np.linalg.inv(C[:-1, :-1]) if p > 1 else np.zeros((0, 0))
    A = np.linalg.inv(C)
    predict = [sum(phi[k + 1] * A_predict[k, m] for k in range(p - 1)) for m in range(p - 1)]
    # [Q] The reference code applies only the first p - 1 rows to the older differences, and to the new one a single
    # entry of the row before last; that costs it accuracy, and pictures made with this variant depend on it.
    correct = [sum(phi[k + 1] * A[k, m] for k in range(p - 1)) for m in range(p - 1)]
    return predict, [*correct, phi[p] * A[max(p - 2, 0), p - 1]]


def _update(points: Sequence[_Point], to: _Point, variant: str) -> tuple[_Update, Vector]:
    """Return the step from points[0] (newest; the others older) to `to`, and the shares r of the older points."""
    now = points[0]
    h = to.lam - now.lam
    hh = -h
    shares = np.array([(p.lam - now.lam) / h for p in points[1:]])
    r = np.append(shares, 1.0)
    predict, correct = _varying_weights(r, hh) if variant == "vary_coeff" else _bh_weights(r, hh, variant)
    scaled = [to.alpha * w for w in predict], [to.alpha * w for w in correct]
    return _Update(to.sigma / now.sigma, to.alpha * math.expm1(hh), *scaled), shares


def _moments(schedule: _Schedule, start: float, end: float, n: int, skip: str) -> list[_Point]:
    """Return the n + 1 moments of a run."""
    if skip == "time_uniform":
        t = np.linspace(start, end, n + 1)
    elif skip == "time_quadratic":
        t = np.linspace(math.sqrt(start), math.sqrt(end), n + 1) ** 2
    else:
        t = schedule.inverse(np.linspace(schedule.at(start).lam, schedule.at(end).lam, n + 1))
    return [schedule.at(float(x)) for x in t]


def _order(i: int, n: int, highest: int, lower_final: bool) -> int:
    """Return the order of step `i` of `n`: it ramps up at the start, and down again at the end if asked to."""
    # A1111 raises where there are fewer steps than the order; the order is lowered instead.
    highest = max(min(highest, n), 1)
    if i < highest - 1:
        return i + 1
    return min(highest, n - i) if lower_final else highest


def unipc(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: SamplerNoise,
    *,
    timesteps: Tensor,
    levels: NoiseLevels,
    unipc_variant: str = "bh1",
    unipc_skip: str = "time_uniform",
    unipc_order: int = 3,
    unipc_lower_order_final: bool = True,
) -> Iterator[Step]:
    """Multistep UniPC from the first of `timesteps` to the table's lowest level, in len(timesteps) steps.

    `x` is scaled as in DDPM. `sigmas` only count; the moments between are UniPC's own.
    """
    schedule, count = _Schedule(levels), len(levels)
    n = len(timesteps)
    moments = _moments(schedule, (int(timesteps[0]) + 1) / count, 1 / count, n, unipc_skip)
    model = _model(denoise, count)
    past: list[tuple[_Point, Tensor]] = []
    m_0 = model(x, moments[0])
    for i, to in enumerate(moments[1:]):
        past = [(moments[i], m_0), *past][: max(unipc_order, 1)]
        order = _order(i, n, unipc_order, unipc_lower_order_final)
        update, shares = _update([p for p, _ in past[:order]], to, unipc_variant)
        D = [(m - m_0) / float(r) for (_, m), r in zip(past[1:order], shares, strict=True)]
        base = update.base_x * x - update.base_m * m_0
        x = base - _combine(update.predict, D)
        estimate, s = m_0, moments[i].sigma / moments[i].alpha
        if i < n - 1:
            # The prediction's evaluation serves the corrector now and the next step after.
            m = model(x, to)
            x = base - _combine(update.correct, [*D, m - m_0])
            m_0 = m
        yield Step(i, n, x, s, estimate)


def _model(denoise: Denoise, count: int) -> Callable[[Tensor, _Point], Tensor]:
    """Return the model as data prediction on latents scaled as in DDPM."""

    def m(x: Tensor, p: _Point) -> Tensor:
        return denoise(x / p.alpha, level(x, p.sigma / p.alpha), t=level(x, p.t * count - 1)).value

    return m


def _combine(weights: Sequence[float], D: Sequence[Tensor]) -> Tensor | float:
    """Return sum(w_k D_k)."""
    return sum((w * d for w, d in zip(weights, D, strict=True)), start=0.0)


UNIPC = Sampler(
    unipc,
    "UniPC",
    family="timestep",
    takes=frozenset({"unipc_variant", "unipc_skip", "unipc_order", "unipc_lower_order_final"}),
    needs=frozenset({"timesteps", "levels"}),
    own_grid=True,
)
