"""Prompts to context tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from redraw.models.model import Model


def encode(model: Model, prompts: Sequence[str], clip_skip: int = 1) -> list[torch.Tensor]:
    """Return one context `[1, 77*k, width]` fp32 for each prompt; k grows with the prompt's length."""
    raise NotImplementedError
