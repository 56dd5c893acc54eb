"""DPM-Solver with steps of its own choosing: "fast" (a fixed number of evaluations) and "adaptive" (a fixed error).

Lu et al. 2022a, "DPM-Solver: A Fast ODE Solver for Diffusion Probabilistic Model Sampling in Around 10 Steps", in
the variance-exploding form: alpha = 1 and t = lambda = -log sigma. Both end at sigma_min, not at 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from redraw.sampling.denoiser import Denoise
from redraw.sampling.noise import SamplerNoise
from redraw.sampling.sampler import Sampler, Step, level

_END = 1e-5  # how near to the end of its time counts as arrived


class _Solver:
    """The single steps of one interval, which share their evaluations: Lu et al. 2022a, algorithms 1 and 2."""

    def __init__(self, denoise: Denoise, x: Tensor, t: Tensor) -> None:
        self.denoise, self.x, self.t = denoise, x, t
        self.e = self.eps(x, t)
        self.known: dict[float, Tensor] = {}

    def eps(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the predicted noise at time `t`."""
        s = float(_sigma(t))
        return (x - self.denoise(x, level(x, s)).value) / s

    @property
    def denoised(self) -> Tensor:
        """The estimate of the clean latent at the start of the interval."""
        return self.x - _sigma(self.t) * self.e

    def _difference(self, r: float, h: Tensor) -> Tensor:
        """Return how the noise prediction changes up to the share `r` of the step `h`, by a first order step."""
        if r not in self.known:
            s = self.t + r * h
            u = self.x - _sigma(s) * (r * h).expm1() * self.e
            self.known[r] = self.eps(u, s) - self.e
        return self.known[r]

    def first(self, t_next: Tensor) -> Tensor:
        """Take a first order step."""
        return self.x - _sigma(t_next) * (t_next - self.t).expm1() * self.e

    def second(self, t_next: Tensor, r: float = 1 / 2) -> Tensor:
        """Take a second order step with its inner point at the share `r`."""
        h = t_next - self.t
        d = self._difference(r, h)
        return self.first(t_next) - _sigma(t_next) / (2 * r) * h.expm1() * d

    def third(self, t_next: Tensor, r1: float = 1 / 3, r2: float = 2 / 3) -> Tensor:
        """Take a third order step with inner points at the shares `r1` and `r2`."""
        h = t_next - self.t
        d1 = self._difference(r1, h)
        s2 = self.t + r2 * h
        u2 = self.x - _sigma(s2) * (r2 * h).expm1() * self.e
        u2 = u2 - _sigma(s2) * (r2 / r1) * ((r2 * h).expm1() / (r2 * h) - 1) * d1
        d2 = self.eps(u2, s2) - self.e
        return self.first(t_next) - _sigma(t_next) / r2 * (h.expm1() / h - 1) * d2


def _time(sigma: float) -> Tensor:
    """Return t = -log sigma as a single-precision number.

    [Q] Time is kept in single precision as A1111 keeps it: the adaptive solver decides on differences of estimates,
    so the last digits of its times reach the picture.
    """
    return -torch.tensor(sigma, dtype=torch.float32).log()


def _sigma(t: Tensor) -> Tensor:
    """Return the level at time `t`."""
    return (-t).exp()


def _target(t: Tensor, t_next: Tensor, t_end: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """Return where the solver goes, at or beyond `t_next`, and how much noise brings it back up."""
    if not eta:
        return t_next, torch.tensor(0.0)
    s, s_next = _sigma(t), _sigma(t_next)
    up = torch.minimum(s_next, eta * (s_next**2 * (s**2 - s_next**2) / s**2) ** 0.5)
    down: Tensor = (s_next**2 - up**2) ** 0.5
    t_down = torch.minimum(t_end, -down.log())
    added: Tensor = (_sigma(t_next) ** 2 - _sigma(t_down) ** 2).clamp(min=0) ** 0.5
    return t_down, added


def _denoise_once(denoise: Denoise, x: Tensor, sigma: float) -> Step:
    """Take one step to the clean latent: strength 0 leaves a single level, where A1111 raises."""
    D = denoise(x, level(x, sigma)).value
    return Step(0, 1, D, sigma, D)


def dpm_fast(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: SamplerNoise,
    *,
    sigma_min: float,
    sigma_max: float,
    nfe: int,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """`nfe` evaluations in third order steps, the rest in one or two lower ones: Lu et al. 2022a, section 3.4."""
    if sigma_max <= sigma_min:
        yield _denoise_once(denoise, x, sigma_max)
        return
    t_start, t_end = _time(sigma_max), _time(sigma_min)
    m = nfe // 3 + 1
    orders = [3] * (m - 2) + [2, 1] if nfe % 3 == 0 else [3] * (m - 1) + [nfe % 3]
    ts = torch.linspace(float(t_start), float(t_end), m + 1)
    for i, order in enumerate(orders):
        t, t_next = ts[i], ts[i + 1]
        t_down, up = _target(t, t_next, t_end, eta)
        solver = _Solver(denoise, x, t)
        x = (solver.first, solver.second, solver.third)[order - 1](t_down)
        # [Q] A draw is taken also where none is used, as in A1111.
        x = x + noise() * (up * s_noise)
        yield Step(i, len(orders), x, float(_sigma(t)), solver.denoised)


def dpm_adaptive(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: SamplerNoise,
    *,
    sigma_min: float,
    sigma_max: float,
    nfe: int,
    eta: float = 1.0,
    rtol: float = 0.05,
    atol: float = 0.0078,
    h: float = 0.05,
    accept: float = 0.81,
) -> Iterator[Step]:
    """DPM-Solver-12/23 with step size control: Lu et al. 2022a, appendix C, algorithm 5 (orders 2 and 3).

    The number of steps follows from the tolerances, so `sigmas` and `nfe` are ignored. The error is one image's:
    batches are split before they come here (`Sampler.per_image`).

    Args:
        denoise: the model.
        x: [1, c, h, w].
        sigmas: unused.
        noise: fresh noise for `eta`.
        sigma_min: level to end at.
        sigma_max: level of `x`.
        nfe: unused.
        eta: share of fresh noise.
        rtol: error allowed relative to the latent's values.
        atol: error always allowed.
        h: first step in log sigma.
        accept: a step is kept when the controller would not shrink it below this share.
    """
    if sigma_max <= sigma_min:
        yield _denoise_once(denoise, x, sigma_max)
        return
    t, t_end = _time(sigma_max), _time(sigma_min)
    x_prev, index, order = x, 0, 1.5 if eta else 3.0
    while t < t_end - _END:
        t_next = torch.minimum(t_end, t + h)
        t_down, up = _target(t, t_next, t_end, eta)
        # A rejected step evaluates its start again: prompt schedules count evaluations as A1111 does.
        solver = _Solver(denoise, x, t)
        x_low, x_high = solver.second(t_down, r=1 / 3), solver.third(t_down)
        delta = torch.maximum(torch.full_like(x, atol), rtol * torch.maximum(x_low.abs(), x_prev.abs()))
        error = float(((x_low - x_high) / delta).norm()) / x.numel() ** 0.5
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / order) - 1)
        h *= factor
        if factor >= accept:
            x_prev, x = x_low, x_high + noise() * up
            yield Step(index, None, x, float(_sigma(t)), solver.denoised)
            t, index = t_next, index + 1


DPM_FAST = Sampler(
    dpm_fast, "DPM fast", uses_ensd=True, takes=frozenset({"eta", "s_noise"}), needs=frozenset({"range"})
)
DPM_ADAPTIVE = Sampler(
    dpm_adaptive,
    "DPM adaptive",
    uses_ensd=True,
    takes=frozenset({"eta"}),
    needs=frozenset({"range"}),
    per_image=True,
)
