"""A second model that takes over near the end of a run (SDXL's refiner; Podell et al. 2023, section 2.5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from redraw.sampling.denoiser import Denoised
from redraw.sampling.guidance import Guided
from redraw.sampling.levels import NoiseLevels


@dataclass(frozen=True)
class Handover:
    """When the second model takes over.

    Attributes:
        at: the share that is done by then, 0..1; 1 is never.
        levels: what shares of the noise are measured by.
        by_steps: the share is that of the evaluations, not of the noise.
        total: how many evaluations there are.
    """

    at: float
    levels: NoiseLevels
    by_steps: bool = False
    total: int = 0

    def due(self, sigma: Tensor, t: Tensor | None, count: int) -> bool:
        """Say whether evaluation number `count` (from 0), at levels `sigma` [b] or times `t` [b], is the second's."""
        if self.at >= 1:
            return False
        if self.by_steps:
            return self.total > 0 and count / self.total >= self.at
        last = len(self.levels) - 1
        now = float(t.max()) if t is not None else float(self.levels.t(sigma.max()[None], True)[0])
        return (last - now) / (last + 1) >= self.at


@dataclass
class Refined:
    """A denoiser whose model changes once.

    Attributes:
        base: the first model.
        refiner: the second; its count of evaluations goes on where that of the first ends.
        handover: when.
        handed: whether the second is at work.
    """

    base: Guided
    refiner: Guided
    handover: Handover
    handed: bool = False

    def __call__(self, x: Tensor, sigma: Tensor, *, t: Tensor | None = None) -> Denoised:
        """Denoise `x` [b, c, h, w] at levels `sigma` [b] with the model whose turn it is."""
        if not self.handed and self.handover.due(sigma, t, self.base.count):
            self.handed = True
            self.refiner.count = self.base.count
        return (self.refiner if self.handed else self.base)(x, sigma, t=t)

    def image(self, i: int) -> Refined:
        """Return a fresh denoiser for image `i` alone."""
        return replace(self, base=self.base.image(i), refiner=self.refiner.image(i), handed=False)
