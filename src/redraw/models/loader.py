"""From a file or folder to a `Model`: networks are built without memory and take the file's own pages."""

from __future__ import annotations

from pathlib import Path

import torch

from redraw.models.model import Model


def load_model(
    path: Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    vae: Path | None = None,
    vae_dtype: torch.dtype | None = None,
    cache: Path | None = None,
) -> Model:
    """Load a checkpoint file or a diffusers folder; `vae` replaces its VAE; `cache` keeps file hashes between runs."""
    raise NotImplementedError
