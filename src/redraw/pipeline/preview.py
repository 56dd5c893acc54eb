"""Cheap previews: latents to colours by one small matrix, or by TAESD where the model has one at hand.

A latent's channels are, to first order, a linear code of the colour of the 8x8 pixels they stand for. A model may carry
the matrix in its metadata; for one that does not, it is fitted once, by least squares, from colours the model's own VAE
has encoded.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from redraw.models.model import Model

_CHART_SIDE: Final = 16  # patches along one side of the colour chart
_PATCH: Final = 16  # pixels along one side of a patch: two latents, so that one corner is clear of its neighbours
_CPU_CELLS: Final = 32
_fitted: WeakKeyDictionary[Model, torch.Tensor] = WeakKeyDictionary()


def preview_matrix(model: Model) -> torch.Tensor:
    """Return the matrix `[channels + 1, 3]` from scaled latents (and a constant 1) to RGB in [-1, 1]."""
    if model.preview is not None:
        return model.preview
    found = _fitted.get(model)
    if found is None:
        found = _fitted[model] = _fit(model)
    return found


def preview_picture(model: Model, latent: torch.Tensor) -> NDArray[np.uint8]:
    """Return a latent `[c, h, w]` as a picture `[h', w', 3]` of 8 bits, by TAESD if the model has one at hand.

    Without, a pixel stands for each cell of the latent. With it the picture has its full size; on a CPU, where that
    would take as long as a step of the sampler, at most 256 pixels a side.
    """
    if model.taesd is None or not model.taesd.decodes:
        return preview_pixels(latent, preview_matrix(model))
    small = latent.detach()[None].float()
    longest = max(latent.shape[-2:])
    if model.taesd.device.type == "cpu" and longest > _CPU_CELLS:
        height, width = (max(1, side * _CPU_CELLS // longest) for side in latent.shape[-2:])
        small = torch.nn.functional.adaptive_avg_pool2d(small, (height, width))
    return _bits(model.taesd.decode(small)[0].movedim(0, -1))


def preview_pixels(latent: torch.Tensor, matrix: torch.Tensor) -> NDArray[np.uint8]:
    """Return a latent `[c, h, w]` as a picture `[h, w, 3]` of 8 bits."""
    flat = latent.detach().float().cpu().movedim(0, -1)
    rgb = flat @ matrix[:-1] + matrix[-1]
    return _bits(rgb)


def _bits(rgb: torch.Tensor) -> NDArray[np.uint8]:
    return ((rgb + 1) * 127.5).clamp(0, 255).to(torch.uint8).cpu().numpy()


def _fit(model: Model) -> torch.Tensor:
    """Encode a chart of random colours and solve for the matrix that gives them back."""
    colours = torch.rand(3, _CHART_SIDE, _CHART_SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    chart = colours.repeat_interleave(_PATCH, 1).repeat_interleave(_PATCH, 2)[None]
    latents = model.encode(chart)[0].float().cpu()
    target = torch.nn.functional.avg_pool2d(chart, chart.shape[-1] // latents.shape[-1])[0]
    rows = latents.reshape(latents.shape[0], -1).T
    rows = torch.cat([rows, torch.ones(len(rows), 1)], 1)
    matrix: torch.Tensor = torch.linalg.lstsq(rows, target.reshape(3, -1).T).solution
    return matrix
