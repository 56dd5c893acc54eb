"""What is known about a model besides its weights, and what its UNet may be told besides text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from redraw.models.advice import Advice
from redraw.models.architecture import Architecture
from redraw.models.families import Family, Prediction


@dataclass(frozen=True)
class Extras:
    """What a UNet call may get besides latents, time and text.

    Attributes:
        concat: channels put behind the noisy latents, `[b, c, h, w]` (inpainting: mask, then masked picture's latents).
        pooled: the sentences as a whole, `[b, p]` (SDXL).
        sizes: numbers about the picture, `[b, n]` (SDXL, in this order: height, width, top, left, then the height and
            width aimed at, or for a refiner the aesthetic score).
        guidance: guidance scales `[b]`, for UNets that were trained to take one (LCM); see `Model.takes_guidance`.
    """

    concat: torch.Tensor | None = None
    pooled: torch.Tensor | None = None
    sizes: torch.Tensor | None = None
    guidance: torch.Tensor | None = None


@dataclass(frozen=True)
class ModelFacts:
    """What is known about a model besides its weights.

    Attributes:
        path: the file or folder it came from.
        family: what it is one of.
        shape: its widths and depths.
        prediction: `eps` or `v`.
        native_size: side in pixels of the pictures it was trained on.
        scale_factor: VAE output times this is a latent.
        preview: a row [r, g, b] per latent channel, and maybe one more row to add; see `Model.preview`.
        vae_path: the file its VAE came from, if that was another.
        zero_terminal_snr: it was trained down to pure noise, so its schedule is stretched (Lin et al. 2023).
        prediction_from: who said what it predicts.
        zeros_for_empty: an empty negative prompt is a context of zeros, and so is its pooled sentence.
        vae_overflows: its VAE is likely to give NaN in fp16; it computes in fp32 unless told otherwise.
        advice: what it wants if it is a few-step model, to be shown.
    """

    path: Path
    family: Family
    shape: Architecture
    prediction: Prediction
    native_size: int
    scale_factor: float
    preview: tuple[tuple[float, ...], ...] | None
    vae_path: Path | None = None
    zero_terminal_snr: bool = False
    prediction_from: str = "the family"
    zeros_for_empty: bool = False
    vae_overflows: bool = False
    advice: Advice | None = None


class Known:
    """Something with `facts`, which can be asked for each.

    Attributes:
        facts: what is known about it.
    """

    facts: ModelFacts

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.name if self.path.is_dir() else self.path.stem

    @property
    def path(self) -> Path:
        """The file or folder it came from."""
        return self.facts.path

    @property
    def family(self) -> Family:
        """What it is one of."""
        return self.facts.family

    @property
    def prediction(self) -> Prediction:
        """What the UNet predicts: `eps` or `v`."""
        return self.facts.prediction

    @property
    def native_size(self) -> int:
        """Side in pixels of the square pictures it was trained on."""
        return self.facts.native_size

    @property
    def in_channels(self) -> int:
        """Channels the UNet takes: 4, or 9 (inpainting) or 8 (editing) with `Extras.concat`."""
        return self.facts.shape.unet.in_channels

    @property
    def sizes(self) -> int:
        """How many numbers about the picture `Extras.sizes` must have: 6 (SDXL), 5 (its refiner), 0 (the others)."""
        return self.family.sizes

    @property
    def pooled_width(self) -> int:
        """Width of `Extras.pooled`; 0 where the UNet takes none."""
        return sum(text.projection for text in self.facts.shape.texts)

    @property
    def takes_guidance(self) -> bool:
        """Whether the UNet was trained to take a guidance scale (`Extras.guidance`) instead of a negative prompt."""
        return self.facts.shape.unet.guidance > 0

    @property
    def latent_channels(self) -> int:
        """Channels of a latent."""
        return self.facts.shape.vae.latent_channels

    @property
    def factor(self) -> int:
        """Pixels per latent cell along a side (8)."""
        return self.facts.shape.vae.factor

    @property
    def scale_factor(self) -> float:
        """VAE output times this is a latent."""
        return self.facts.scale_factor

    @property
    def preview(self) -> torch.Tensor | None:
        """A matrix `[c + 1, 3]` fp32, or None: latents times its first c rows, plus its last, are about the picture.

        The picture is in [-1, 1]. None where neither the file nor the family has one for this VAE.
        """
        if self.facts.preview is None:
            return None
        matrix = torch.tensor(self.facts.preview, dtype=torch.float32)
        return matrix if len(matrix) > self.latent_channels else torch.cat([matrix, torch.zeros(1, 3)])

    @property
    def vae_name(self) -> str | None:
        """The file name of a VAE that came from another file, else None."""
        return self.facts.vae_path.name if self.facts.vae_path else None
