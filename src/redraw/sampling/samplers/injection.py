"""Noise that a step adds on purpose, and how it is paid for."""

from __future__ import annotations

import math

from torch import Tensor

from redraw.sampling.noise import SamplerNoise


def ancestral(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """Split a step into a deterministic one down to `sigma_down` and noise `sigma_up` back up to `sigma_next`.

    Song et al. 2021 (score SDE), ancestral sampling of the variance-exploding SDE; `eta` 0 adds no noise, 1 all of it.

    Returns:
        (sigma_down, sigma_up) with sigma_down^2 + sigma_up^2 = sigma_next^2.
    """
    if not eta:
        return sigma_next, 0.0
    up = min(sigma_next, eta * math.sqrt(sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2))
    return math.sqrt(max(sigma_next**2 - up**2, 0.0)), up


def churned(
    x: Tensor,
    sigma: float,
    steps: int,
    noise: SamplerNoise,
    s_churn: float,
    s_tmin: float,
    s_tmax: float,
    s_noise: float,
) -> tuple[Tensor, float]:
    """Raise the level of `x` a little by adding noise: Karras et al. 2022, algorithm 2, lines 4-6.

    Returns:
        The noisier latent and its level sigma-hat.
    """
    gamma = min(s_churn / steps, math.sqrt(2) - 1) if s_tmin <= sigma <= s_tmax else 0.0
    # [Q] A draw is taken even where none is used: the images' generators must stay where A1111's are.
    eps = noise()
    if gamma == 0:
        return x, sigma
    sigma_hat = sigma * (1 + gamma)
    return x + eps * (s_noise * math.sqrt(sigma_hat**2 - sigma**2)), sigma_hat
