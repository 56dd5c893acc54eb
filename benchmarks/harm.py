"""Do no harm: what an edit leaves out keeps every bit, over file kinds, sizes, blurs and chains of edits.

The networks are replaced by ones that give random numbers, so that nothing but the pipeline around them can keep what
the mask leaves out. Each edit reads the file the last one wrote. A cell of the grid is one chain of edits; every edit
is compared with the file before it, and what no mask of the chain touched with the first file.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import torch
from PIL import Image, ImageCms
from torch import nn

from redraw.geometry import Size
from redraw.image.encode import Extras, encode_picture
from redraw.image.io import open_picture
from redraw.image.mask import Mask, blur
from redraw.image.picture import Picture, Pixels
from redraw.models.architecture import Architecture, TextShape, UNetShape, VaeShape
from redraw.models.families import FAMILIES
from redraw.models.model import Extras as ModelExtras
from redraw.models.model import Model, ModelFacts
from redraw.models.text import TextEncoder, TextRule
from redraw.pipeline import Result
from redraw.pipeline import run as run_pipeline
from redraw.request import Img2Img, PictureRef

if TYPE_CHECKING:
    from machine import Setting
    from report import Section

KINDS: Final = ("RGB", "RGBA", "L", "RGB 16", "RGBA 16")
AREAS: Final = ("whole", "only masked")
BLURS: Final = (0, 4, 32)
LENGTHS: Final = (1, 10, 50)
SMALLEST, LARGEST = Size(17, 31), Size(1600, 1203)
CANVAS: Final = 128  # side of the close-up with only masked
TEXT: Final = "Füchse, three of them"


class Silent(TextEncoder):
    """A text encoder that says nothing."""

    width = 16

    def __init__(self) -> None:
        network = nn.Module()
        network.final_layer_norm = nn.LayerNorm(self.width)
        super().__init__(TextRule("clip_l"), network)

    def states(self, tokens: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, None]:
        """Return blank vectors."""
        return torch.zeros(*tokens.shape, self.width), None


class RandomModel(Model):
    """A model whose networks give random numbers: fast, and right about nothing."""

    def __init__(self, seed: int = 0) -> None:
        unet = UNetShape(4, 4, (32,) * 4, (1,) * 4, (1, 1, 1, 0), 1, 16, False, 128, (8,) * 4)
        vae = VaeShape((32,) * 4, 1, 4)
        shape = Architecture(unet, vae, TextShape(16, 12, 32, 77, 49408, 2))
        facts = ModelFacts(Path("random.safetensors"), FAMILIES[0], shape, "eps", 64, 0.18215, None)
        alphas = (1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2).cumprod(0)
        super().__init__(facts, nn.Module(), nn.Module(), [Silent()], alphas)
        self._sha256 = "0" * 64
        self.random = np.random.default_rng(seed)

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """Return random latents."""
        return self._numbers(image.shape[0], 4, image.shape[2] // 8, image.shape[3] // 8)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return a random picture that also leaves the range."""
        return self._numbers(latents.shape[0], 3, latents.shape[2] * 8, latents.shape[3] * 8) * 2.6 - 1.3

    def predict(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        context: torch.Tensor,
        extras: ModelExtras | None = None,
        *,
        together: bool = False,
    ) -> torch.Tensor:
        """Return random noise."""
        return self._numbers(*x.shape)

    def _numbers(self, *shape: int) -> torch.Tensor:
        return torch.from_numpy(self.random.random(shape, dtype=np.float32))


@dataclass(frozen=True)
class Cell:
    """One chain of edits.

    Attributes:
        kind: of the first file, one of `KINDS`.
        area: one of `AREAS`.
        blur: of the mask, pixels.
        size: of the picture.
        edits: how many, one after another.
        seed: of pixels and masks.
        options: further fields of the request.
    """

    kind: str
    area: str
    blur: int
    size: Size
    edits: int
    seed: int
    options: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.kind}, {self.area}, blur {self.blur}, {self.size}, {self.edits} edits"


@dataclass(frozen=True)
class Outcome:
    """What came of a chain.

    Attributes:
        edits: how many there were.
        compared: pixels outside of a mask, over all edits, and in the end outside of all masks.
        differing: how many of them differ in any channel.
        changed: the smallest share of wholly masked pixels that an edit changed; 1 if no mask had such.
        lost: what did not survive beside the pixels.
    """

    edits: int
    compared: int
    differing: int
    changed: float
    lost: tuple[str, ...]


def chain(cell: Cell, model: Model, icc: bytes | None = None, lengths: Sequence[int] = ()) -> Iterator[Outcome]:
    """Work through a chain of `cell.edits` edits; yield what came of it after each of `lengths`, or at its end."""
    rng = np.random.default_rng(cell.seed)
    kind = "png" if rng.random() < 0.5 else "tiff"
    data = first_file(cell, rng, kind, icc)
    first = before = open_picture(data)
    touched = np.zeros((cell.size.height, cell.size.width), bool)
    compared = differing = 0
    changed = 1.0
    for edit in range(1, cell.edits + 1):
        mask = random_mask(cell.size, rng)
        soft = blur(mask, cell.blur, cell.blur)
        data, after = edited(cell, model, data, mask, kind, edit)
        differs = difference(before.pixels, after.pixels)
        touched |= soft > 0
        compared += int((soft == 0).sum())
        differing += int((differs & (soft == 0)).sum())
        wholly = soft == 255
        if wholly.any():
            changed = min(changed, float(differs[wholly].mean()))
        before = after
        if edit in (lengths or (cell.edits,)):
            in_all = differing + int((difference(first.pixels, after.pixels) & ~touched).sum())
            lost = tuple(losses(first, after, text=kind == "png"))
            yield Outcome(edit, compared + int((~touched).sum()), in_all, changed, lost)


def edited(cell: Cell, model: Model, data: bytes, mask: Mask, kind: str, edit: int) -> tuple[bytes, Picture]:
    """Redraw the file `data` inside `mask`; return the result's file and that file opened."""
    close = cell.area == "only masked"
    fields: dict[str, Any] = {
        "images": (PictureRef.from_bytes(data, f"source.{kind}"),),
        "mask": PictureRef.from_bytes(as_file(mask), "mask.png"),
        "mask_blur": cell.blur,
        "only_masked": close,
        "width": CANVAS if close else cell.size.width,
        "height": CANVAS if close else cell.size.height,
        "strength": 1,
        "steps": 1,
        "cfg_scale": 1,
        "sampler": "Euler",
        "vae_tile": 0,
        "seed": cell.seed + edit,
        **cell.options,
    }
    result = next(event for event in run_pipeline(Img2Img(**fields), model) if isinstance(event, Result))
    written = encode_picture(result.picture.pixels, format=kind, extras=result.extras).data
    return written, open_picture(written)


def first_file(cell: Cell, rng: np.random.Generator, kind: str, icc: bytes | None = None) -> bytes:
    """Return a colorful picture as a file with everything that must survive; some of it is fully transparent."""
    deep, channels = cell.kind.endswith("16"), {"L": 1, "RGB": 3, "RGBA": 4}[cell.kind.split()[0]]
    coarse = rng.random((cell.size.height // 16 + 2, cell.size.width // 16 + 2, channels), np.float32)
    smooth = cv2.resize(coarse, cell.size, interpolation=cv2.INTER_LINEAR).reshape(cell.size.height, -1, channels)
    pixels: Pixels = (smooth * (65535 if deep else 255)).astype(np.uint16 if deep else np.uint8)
    if channels == 4:
        pixels[: len(pixels) // 3, :, 3] = 0
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    extras = Extras(icc=icc, exif=exif.tobytes()[6:], dpi=(300, 240), text={"Title": TEXT} if kind == "png" else {})
    if channels == 1:
        out = io.BytesIO()
        Image.fromarray(pixels[..., 0]).save(out, kind, dpi=extras.dpi, exif=exif)
        return out.getvalue()
    return encode_picture(pixels, format=kind, extras=extras).data


def losses(first: Picture, last: Picture, *, text: bool) -> Iterator[str]:
    """Name what a chain lost beside the pixels; `text`: whether the format holds text."""
    if (last.pixels.dtype, last.pixels.shape) != (first.pixels.dtype, first.pixels.shape):
        yield "depth, channels or size"
    if last.icc != first.icc:
        yield "profile"
    if first.dpi is not None and not (last.dpi and np.allclose(last.dpi, first.dpi, atol=0.1)):
        yield "DPI"
    if text and last.text.get("Title") != first.text.get("Title"):
        yield "text"
    if b"A camera" in (first.exif or b"") and b"A camera" not in (last.exif or b""):
        yield "EXIF"
    if last.infotext is None or last.recipe is None:
        yield "recipe"
    if first.format != last.format:
        yield "format"


def random_mask(size: Size, rng: np.random.Generator) -> Mask:
    """Return a rectangle or an ellipse somewhere in the left half of a picture."""
    mask = np.zeros((size.height, size.width), np.uint8)
    wide, high = (int(rng.integers(max(4, side // 12), max(5, side // 3))) for side in (size.width // 2, size.height))
    x, y = int(rng.integers(0, max(1, size.width // 2 - wide))), int(rng.integers(0, max(1, size.height - high)))
    if rng.random() < 0.5:
        mask[y : y + high, x : x + wide] = 255
    else:
        middle, axes = (x + wide // 2, y + high // 2), ((wide + 1) // 2, (high + 1) // 2)
        cv2.ellipse(mask, middle, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    return mask


def random_sizes(count: int, seed: int = 3) -> list[Size]:
    """Return sizes from `SMALLEST` to `LARGEST`, both among them, evenly by the logarithm of their sides."""
    rng = np.random.default_rng(seed)
    low, high = np.log(SMALLEST), np.log(LARGEST)
    between = np.exp(rng.uniform(low, high, (count - 2, 2))).round().astype(int)
    return [SMALLEST, LARGEST, *(Size(int(width), int(height)) for width, height in between)]


def difference(one: Pixels, other: Pixels) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return where any channel differs, [h, w]; everywhere if size, depth or channels do."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return np.ones(one.shape[:2], bool)
    return np.asarray((one != other).any(-1))


def as_file(mask: Mask) -> bytes:
    """Return a mask as a PNG."""
    out = io.BytesIO()
    Image.fromarray(mask).save(out, "PNG", compress_level=1)
    return out.getvalue()


def grid(sizes: list[Size], edits: int) -> list[Cell]:
    """Return a cell for every combination."""
    combined = product(KINDS, AREAS, BLURS, sizes)
    return [Cell(*parts, edits, seed, {}) for seed, parts in enumerate(combined)]


def run_cell(cell: Cell) -> tuple[Cell, list[Outcome]]:
    """Return what came of a cell after each of `LENGTHS`."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    icc = None if cell.kind == "L" else ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return cell, list(chain(cell, RandomModel(cell.seed), icc, LENGTHS))


def run(setting: Setting) -> Section:
    """Work through the whole grid, a line for each chain."""
    from report import Goal, Section

    cells = grid(random_sizes(6 if setting.quick else 20), 10 if setting.quick else 50)
    section = Section(
        "harm",
        "Do no harm: pixels outside of the mask",
        ["file", "area", "blur", "chains", "edits", "pixels compared", "pixels that differ", "least changed inside"],
    )
    found: dict[tuple[str, str, int], list[Outcome]] = {}
    with _workers(setting.threads) as work:
        for cell, outcomes in work(run_cell, cells):
            for one in outcomes:
                print(
                    f"{replace(cell, edits=one.edits)}: {one.differing} of {one.compared} differ, "
                    f"{one.changed:.3f} changed inside{''.join(f', lost {what}' for what in one.lost)}",
                    flush=True,
                )
            found.setdefault((cell.kind, cell.area, cell.blur), []).append(outcomes[-1])
    for key, every in found.items():
        edits, compared = sum(one.edits for one in every), sum(one.compared for one in every)
        differing, changed = sum(one.differing for one in every), min(one.changed for one in every)
        section.rows.append([*key, len(every), edits, f"{compared:,}", differing, changed])
    every = [outcome for outcomes in found.values() for outcome in outcomes]
    differing, compared = sum(one.differing for one in every), sum(one.compared for one in every)
    lost = sorted({what for one in every for what in one.lost})
    section.goals = [
        Goal("no pixel outside of the mask differs", f"{differing} of {compared:,}", differing == 0),
        Goal("every edit changes what it masks", f"{min(one.changed for one in every):.3f} at least",
             min(one.changed for one in every) > 0.5),
        Goal("format, depth, alpha, profile, DPI, EXIF, text survive", ", ".join(lost) or "all of it", not lost),
    ]  # fmt: skip
    section.notes.append(f"{len(every)} chains of {cells[0].edits} edits, also looked at on the way, after {LENGTHS}")
    return section


@contextmanager
def _workers(count: int) -> Iterator[Any]:
    """Yield a map over processes; over none of its own for one."""
    if count == 1:
        yield map
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        yield pool.map
