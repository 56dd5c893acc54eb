"""A single-file checkpoint as the original code would have written it, whatever its author's program did to it.

* A file with averaged weights alone (`model_ema.*`) becomes one with plain weights; of a file with both, the plain ones
  are used, as A1111 does.
* fp8 weights with a scale beside them (`x.scale_weight`, `x.weight_scale`, `x.scale`) become their product.

Nothing is read but names and shapes; tensors stay on disk until they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from redraw.models.checkpoint import Checkpoint
from redraw.models.ema import EMA, averages
from redraw.models.shards import Joined

if TYPE_CHECKING:
    import torch

_UNET: Final = "model.diffusion_model."
_FP8: Final = ("F8_E4M3", "F8_E5M2")
_SCALES: Final = ("scale_weight", "weight_scale", "scale")
_INPUT_SCALES: Final = ("scale_input", "input_scale")  # for hardware that multiplies in fp8; of no use here


class _Scaled(Joined):
    """A file some of whose weights are to be multiplied by a scale."""

    def __init__(self, source: Checkpoint, names: Mapping[str, str], scales: Mapping[str, str]) -> None:
        entries = {name: (source, key) for name, key in names.items()}
        super().__init__(source.path, entries, source.metadata, source.skipped, source.notes)
        self._scales = {name: scales[key] for name, key in names.items() if key in scales}

    def tensor(self, key: str) -> torch.Tensor:
        """Return the tensor `key`; a scaled one as its product, in fp32."""
        stored = super().tensor(key)
        scale = self._scales.get(key)
        if scale is None:
            return stored
        factor = self._entries[key][0].tensor(scale).float()
        if factor.numel() > 1:  # one for each row
            factor = factor.reshape(-1, *(1,) * (stored.ndim - 1))
        return stored.float() * factor.reshape(() if factor.numel() == 1 else factor.shape)


def standard(checkpoint: Checkpoint, *, ema: bool = False) -> Checkpoint:
    """Return `checkpoint` with the names of the original code; itself where it has them.

    Args:
        checkpoint: any file.
        ema: use the averaged weights where the file has both kinds.
    """
    averaged, scales = averages(checkpoint), _scales(checkpoint)
    if not averaged and not scales:
        return checkpoint
    needless = {*scales.values(), "scaled_fp8"}
    needless |= {key.removesuffix("weight") + ending for key in scales for ending in _INPUT_SCALES}
    names = {key: key for key in checkpoint if key not in needless}
    note = None
    if averaged:
        plain = any(key.startswith(_UNET) for key in checkpoint)
        names = {key: key for key in names if not key.startswith(EMA)}
        if ema or not plain:
            names |= averaged
            note = "the averaged (EMA) weights of the file are used" + ("" if plain else "; it has no others")
        else:
            note = "the file also has averaged (EMA) weights; the plain ones are used"
    done = _Scaled(checkpoint, names, scales)
    done.notes = (*checkpoint.notes, note) if note else checkpoint.notes
    return done


def _scales(checkpoint: Checkpoint) -> dict[str, str]:
    """Return weight to scale for the fp8 weights that have one of a fitting shape."""
    found = {}
    for key, spec in checkpoint.items():
        if spec.dtype not in _FP8 or not key.endswith("weight"):
            continue
        base = key.removesuffix("weight")
        for ending in _SCALES:
            scale = checkpoint.get(base + ending)
            if scale is not None and scale.dtype not in _FP8 and scale.items in (1, spec.shape[0] if spec.shape else 1):
                found[key] = base + ending
                break
    return found
