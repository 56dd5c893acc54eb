"""Classifier-free guidance: from prompts to one denoiser.

Ho & Salimans 2022, "Classifier-Free Diffusion Guidance", equation 6, with several positive prompts (Liu et al.
2022, "Compositional Visual Generation", equation 11) and the ways of A1111 to leave out the negative prompt. Models
that edit by instruction also steer towards their picture: Brooks et al. 2023, "InstructPix2Pix", equation 3.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from redraw.errors import RequestError
from redraw.sampling.denoiser import Cond, Conditioned, Denoised, Denoiser

Weight = float | Tensor
Positive = Callable[[int], Sequence[tuple[Cond, Weight]]]
"""`evaluations so far -> the sub-prompts joined by AND, each with its weight`: a number, or `[1, 1, h, w]` by place."""
Negative = Callable[[int], Cond]
"""`evaluations so far -> the negative prompt`."""


@dataclass(frozen=True)
class Skips:
    """When the negative prompt is left out to save time.

    Attributes:
        ngms: below this sigma (0: never): A1111's "negative guidance minimum sigma".
        ngms_all_steps: leave it out every time instead of every second time.
        early: during this first share of the evaluations, 0..1 (0: never): A1111's "skip early CFG".
        total: how many evaluations `early` is a share of (`Plan.total_evaluations`).
        by_timestep: [Q] compare `ngms` with the timestep instead of sigma. A1111 hands its DDIM, PLMS and UniPC the
            timestep where others get sigma, so for them the option nearly never acts; kept for equal pictures.
    """

    ngms: float = 0.0
    ngms_all_steps: bool = False
    early: float = 0.0
    total: int = 0
    by_timestep: bool = False

    def now(self, count: int, sigma: Tensor, t: Tensor | None) -> bool:
        """Say whether evaluation number `count` (from 0) at levels `sigma` [b] goes without the negative prompt."""
        if self.early > 0 and self.total > 0 and count / self.total <= self.early:
            return True
        # [Q] Only every second evaluation, the odd ones, is skipped unless asked otherwise: A1111's compromise.
        if self.ngms <= 0 or not (count % 2 == 1 or self.ngms_all_steps):
            return False
        level = t if self.by_timestep and t is not None else sigma
        return float(level[0]) < self.ngms


@dataclass
class Guided:
    """A denoiser that steers towards its positive prompts and away from the negative one.

    D = U + sum_k (C_k - U) * weight_k * scale, where weights are not normalised and may be negative.

    With an image scale other than 1 (editing models) it is D = U + (C - C_I) * scale + (C_I - U) * image_scale instead:
    C has prompt and picture, C_I the negative prompt and the picture, U the negative prompt and no picture. There is
    one prompt then; [Q] its weight has no effect, and `Skips.ngms` does not act, as in A1111.

    Attributes:
        conditioned: the network as a denoiser.
        positive: the sub-prompts by count of evaluations.
        negative: the negative prompt by count of evaluations.
        scale: CFG scale; 1 leaves the negative prompt without effect.
        together: evaluate prompts of equal length in one batch (faster, more memory) instead of one after another.
        needs_uncond: the sampler reads `Denoised.uncond`, so it is computed even where it would not matter.
        skips: when to leave the negative prompt out.
        image_scale: how strongly an editing model follows its picture; None or 1 is ordinary guidance with C and C_I.
        blank: the negative prompt with a zero picture, by count of evaluations; needed where `image_scale` acts.
        count: evaluations so far; prompt schedules count these, from 0 at the start of a run.
    """

    conditioned: Conditioned
    positive: Positive
    negative: Negative
    scale: float = 7.0
    together: bool = True
    needs_uncond: bool = False
    skips: Skips = field(default_factory=Skips)
    image_scale: float | None = None
    blank: Negative | None = None
    count: int = 0

    def __call__(self, x: Tensor, sigma: Tensor, *, t: Tensor | None = None) -> Denoised:
        """Denoise `x` [b, c, h, w] at levels `sigma` [b], and count one evaluation.

        Raises:
            RequestError: prompts joined by AND where `image_scale` acts.
            ValueError: `image_scale` acts, but there is no `blank`.
        """
        n, self.count = self.count, self.count + 1
        prompts = self.positive(n)
        if self.image_scale is not None and self.image_scale != 1:
            return self._edit(x, sigma, t, n, prompts, self.image_scale)
        skipped = self.skips.now(n, sigma, t)
        # A1111 evaluates the negative prompt at scale 1 too; U + (C - U) * 1 is C, so that is time for nothing.
        idle = len(prompts) == 1 and _is_one(prompts[0][1], self.scale) and not self.needs_uncond
        conds = [cond for cond, _ in prompts]
        if skipped or idle:
            C = self._evaluate(x, sigma, t, conds)
            # [Q] Where it is skipped, the first sub-prompt stands in for it and the scale is 1.
            U, scale = C[0], 1.0
        else:
            *C, U = self._evaluate(x, sigma, t, [*conds, self.negative(n)])
            scale = self.scale
        D = U
        for C_k, (_, weight) in zip(C, prompts, strict=True):
            if C_k is not U:
                D = D + (C_k - U) * (weight * scale)
        return Denoised(D, U)

    def image(self, i: int) -> Guided:
        """Return a fresh denoiser for image `i` alone, its count at 0."""
        return replace(
            self,
            positive=lambda n: [(cond.image(i), weight) for cond, weight in self.positive(n)],
            negative=_of_image(self.negative, i),
            blank=None if self.blank is None else _of_image(self.blank, i),
            count=0,
        )

    def _edit(
        self,
        x: Tensor,
        sigma: Tensor,
        t: Tensor | None,
        n: int,
        prompts: Sequence[tuple[Cond, Weight]],
        image_scale: float,
    ) -> Denoised:
        """Return evaluation `n` guided by prompt and picture."""
        if len(prompts) != 1:
            raise RequestError("prompt", "AND", "a model that edits by instruction takes one prompt without AND")
        if self.blank is None:
            raise ValueError("an image scale needs the conditioning without a picture")
        cond = prompts[0][0]
        if replace(self.skips, ngms=0.0).now(n, sigma, t):
            (C,) = self._evaluate(x, sigma, t, [cond])
            return Denoised(C, C)
        C, C_I, U = self._evaluate(x, sigma, t, [cond, self.negative(n), self.blank(n)])
        return Denoised(U + (C - C_I) * self.scale + (C_I - U) * image_scale, U)

    def _evaluate(self, x: Tensor, sigma: Tensor, t: Tensor | None, conds: Sequence[Cond]) -> list[Tensor]:
        """Return D under each of `conds`, evaluating equal lengths and networks together where asked to."""
        if not self.together:
            return [self.conditioned(x, sigma, cond, t) for cond in conds]
        b, alike = x.shape[0], dict[Hashable, list[int]]()
        for k, cond in enumerate(conds):
            alike.setdefault((cond.tokens, cond.worn), []).append(k)
        out: list[Tensor] = [x] * len(conds)
        for ks in alike.values():
            m = len(ks)
            joint = self.conditioned(
                torch.cat([x] * m),
                torch.cat([sigma] * m),
                Cond.join([conds[k] for k in ks], b),
                None if t is None else torch.cat([t] * m),
            )
            for k, part in zip(ks, torch.split(joint, b), strict=True):
                out[k] = part
        return out


@dataclass(frozen=True)
class PerImage:
    """One denoiser per image of a batch, called one after another.

    For images whose prompts differ in structure, and for the CPU, where an image must get the same bits whatever
    its neighbours are.
    """

    denoisers: Sequence[Denoiser]

    def __call__(self, x: Tensor, sigma: Tensor, *, t: Tensor | None = None) -> Denoised:
        """Denoise each image of `x` [b, c, h, w] with its own denoiser."""
        parts = [
            denoise(x[i : i + 1], sigma[i : i + 1], t=None if t is None else t[i : i + 1])
            for i, denoise in enumerate(self.denoisers)
        ]
        return Denoised(torch.cat([p.value for p in parts]), torch.cat([p.uncond for p in parts]))

    def image(self, i: int) -> Denoiser:
        """Return a fresh denoiser for image `i` alone."""
        return self.denoisers[i].image(0)


def _is_one(weight: Weight, scale: float) -> bool:
    """Say whether a prompt of this weight leaves the negative prompt without effect."""
    return not isinstance(weight, Tensor) and weight * scale == 1


def _of_image(negative: Negative, i: int) -> Negative:
    """Return `negative` for image `i` alone."""
    return lambda n: negative(n).image(i)
