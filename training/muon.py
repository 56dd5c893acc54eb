"""Muon: momentum whose matrices are orthogonalised, which needs far fewer steps than Adam on small convolutions.

After Keller Jordan's Muon (2024): the update of every weight matrix is replaced by the nearest semi-orthogonal one,
found with five Newton-Schulz iterations of an odd quintic polynomial. They run on the small Gram matrix, of which all
factors are polynomials and so commute. Vectors and tables use AdamW.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """The matrix [m, n] with its singular values moved close to one (0.7 to 1.2)."""
    flipped = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if flipped else matrix
    x = x / (x.norm() + 1e-7)
    gram = x @ x.T
    unit = torch.eye(len(gram))
    total = unit
    for _ in range(steps):
        factor = 3.4445 * unit - 4.775 * gram + 2.0315 * gram @ gram
        total, gram = factor @ total, factor @ gram @ factor
    done: Tensor = total @ x
    return done.T if flipped else done


class Muon(torch.optim.Optimizer):
    """Nesterov momentum with orthogonalised updates for weights of two or more dimensions."""

    def __init__(self, weights: list[nn.Parameter], momentum: float = 0.95) -> None:
        super().__init__(weights, {"lr": 0.02, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every weight that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["velocity"] = torch.zeros_like(weight)
                velocity: Tensor = state["velocity"]
                velocity.lerp_(weight.grad, 1 - group["momentum"])
                update = weight.grad.lerp(velocity, group["momentum"]).flatten(1)
                rows, columns = update.shape
                scale = max(1.0, rows / columns) ** 0.5
                weight.add_(orthogonal(update).view_as(weight), alpha=-group["lr"] * scale)


def optimizers(model: nn.Module, adam_rate: float, inner: tuple[str, ...]) -> tuple[Muon, torch.optim.AdamW]:
    """Muon for the weights whose name contains one of `inner` and AdamW for everything else."""
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        chosen = name.endswith("weight") and weight.ndim > 1 and any(part in name for part in inner)
        (matrices if chosen else rest).append(weight)
    return Muon(matrices), torch.optim.AdamW(rest, lr=adam_rate, betas=(0.9, 0.97), weight_decay=0.0)
