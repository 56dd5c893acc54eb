"""What a run yields: progress while it works, a result for each picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from redraw.image.color import ColorMatch
from redraw.image.edge import Edge
from redraw.image.picture import Picture
from redraw.image.profile import to_eight_bits
from redraw.image.save import Extras, Saved, save_picture
from redraw.pipeline.paste import Pasted

Preview = Callable[[], NDArray[np.uint8]]


@dataclass
class Control:
    """What somebody asks of a run while it works; it is looked at after every step.

    Attributes:
        wish: "interrupt": finish the pictures at work from their current state, then end; "skip": the same, then go on
            with the next ones; "" nothing.
    """

    wish: Literal["", "interrupt", "skip"] = ""


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        stage: "encode", "sample" or "decode".
        image, images: 0-based index of the picture at work, and how many there are.
        step, steps: sampler steps done and in all, over all pictures of the run.
        fraction: 0..1 over the whole run.
        elapsed, remaining: seconds since the start, and an estimate of what is left (None before the first step).
        preview: gives the picture as it looks now, `[h, w, 3]` uint8 at one eighth of its size, cheaply; None outside
            of sampling.
    """

    stage: str
    image: int
    images: int
    step: int
    steps: int
    fraction: float
    elapsed: float
    remaining: float | None
    preview: Preview | None = None


@dataclass(frozen=True, eq=False)
class Result:
    """One finished picture.

    Attributes:
        index: 0-based place in the run.
        picture: the pixels, in the source's profile, with what the source carried.
        infotext: its recipe as A1111 writes it.
        recipe: its whole recipe; `redraw replay` makes the picture again from it.
        seed, variation_seed: what it was made from.
        notes: plain sentences about what was decided or went wrong on the way.
        pasted: how the new part went into its source; None for txt2img.
    """

    index: int
    picture: Picture
    infotext: str
    recipe: Mapping[str, Any]
    seed: int
    variation_seed: int
    notes: tuple[str, ...] = ()
    pasted: Pasted | None = None

    @property
    def mask(self) -> Picture | None:
        """The mask as it was used, 255 = new; None without one."""
        return self.pasted.mask if self.pasted else None

    @property
    def cutout(self) -> Picture | None:
        """The new part alone, RGBA; None without a mask."""
        return self.pasted.cutout if self.pasted else None

    @property
    def edge(self) -> Edge | None:
        """How well the new part meets what surrounds it; None without a mask."""
        return self.pasted.edge if self.pasted else None

    @property
    def color(self) -> ColorMatch | None:
        """What color matching found; None where it did not run."""
        return self.pasted.color if self.pasted else None

    @property
    def image(self) -> Image.Image:
        """The picture as a Pillow image of 8 bits, for display."""
        return Image.fromarray(to_eight_bits(self.picture.pixels))

    @property
    def extras(self) -> Extras:
        """What is written into the file beside the pixels."""
        return Extras.of(self.picture, infotext=self.infotext, recipe=self.recipe)

    def save(self, path: str | Path, *, overwrite: bool = False, quality: int = 80) -> Saved:
        """Write the picture with its recipe; the format follows the file's ending (png if it has none).

        An existing file is never replaced unless `overwrite`: a number is appended. Raises `OutputError`.
        """
        return save_picture(self.picture.pixels, path, extras=self.extras, overwrite=overwrite, quality=quality)
