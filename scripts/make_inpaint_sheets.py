"""Draw docs/images: the pictures docs/inpainting.md works on, and the sheets of what its commands make of them.

`python scripts/make_inpaint_sheets.py [FOLDER]` runs the commands below, as they stand on the page, with the starter
model; about two minutes on two CPU cores, offline.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from redraw.cli.app import app

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "images"
FINE: Final = 4  # inputs are drawn at this many times their size and reduced
GAP, HEAD = 12, 34  # pixels between pictures, and above them for a label
INK: Final = "#402a32"
Shape = tuple[float, ...]

MOUTH: Final = 'redraw inpaint face.png "a smiling face on a light blue background" --mask face-mouth.png'
ROCKET: Final = (
    'redraw inpaint hills.png "a rocket on a light blue background" --mask hills-sun.png --only-masked --padding 10'
    ' --masked-content fill --strength 1 --sampler "Euler a" --seed 1'
)
AROUND: Final = '--strength 1 --sampler "Euler a" --seed 1'
NIGHT: Final = f'redraw inpaint face.png "a smiling face in the night sky" {AROUND}'
GLASSES: Final = '"a face with sunglasses on a light blue background" --paint face-glasses.png --strength 0.5 --seed 1'
COMMANDS: Final[Mapping[str, str]] = {
    "mouth": f'{MOUTH} --sampler "Euler a" --seed 1 -o mouth.png',
    "rocket": f"{ROCKET} -o rocket.png",
    "beach": f'redraw inpaint face.png "a smiling face at the beach" {AROUND} --mask face-around.png -o beach.png',
    "outline": f"{NIGHT} --mask face-outline.png --invert-mask -o outline.png",
    "inward": f"{NIGHT} --mask face-around.png -o inward.png",
    "soft": f"{NIGHT} --mask face-around.png --soft -o soft.png",
    "corrected": f"{ROCKET} --color-correction -o corrected.png",
    "matched": f"{ROCKET} --match-color -o matched.png",
    **{
        content: f"{MOUTH} --masked-content {content} --strength 0.01 --seed 1 -o {content}.png"
        for content in ("original", "fill", "latent-noise", "latent-nothing")
    },
    "sketch": f"redraw sketch face.png {GLASSES} -o sketch.png",
    "inpaint-sketch": f"redraw inpaint-sketch face.png {GLASSES} -o inpaint-sketch.png",
}
"""What makes each picture; the page shows the same lines."""


@dataclass(frozen=True)
class Sheet:
    """Pictures side by side: a label and a picture each, enlarged so many times; `box` shows only a part of them."""

    columns: Sequence[tuple[str, str]]
    factor: int = 3
    box: tuple[int, int, int, int] | None = None


SHEETS: Final[Mapping[str, Sheet]] = {
    "mouth-sheet": Sheet((("before", "face"), ("mask", "face-mouth"), ("after", "mouth"))),
    "rocket-sheet": Sheet((("before", "hills"), ("mask", "hills-sun"), ("after", "rocket")), factor=2),
    "beach-sheet": Sheet((("before", "face"), ("mask", "face-around"), ("after", "beach"))),
    "content-sheet": Sheet(
        tuple((name, name) for name in ("original", "fill", "latent-noise", "latent-nothing")), factor=2
    ),
    "outline-sheet": Sheet(
        (("mask ends at the outline", "outline"), ("mask reaches 4 pixels in", "inward"), ("the same, soft", "soft")),
    ),
    "color-sheet": Sheet(
        (("nothing", "rocket"), ("match color", "matched"), ("color correction", "corrected")), box=(186, 0, 314, 128)
    ),
    "paint-sheet": Sheet(
        (("before", "face"), ("paint", "face-glasses"), ("sketch", "sketch"), ("inpaint sketch", "inpaint-sketch")),
        factor=2,
    ),
}


def draw(width: int, height: int, background: str, shapes: Sequence[tuple[str, Shape, str]]) -> Image.Image:
    """Return a flat drawing: each shape is ellipse, rectangle or polygon, its corners in pixels, and its color."""
    mode = "RGBA" if len(background) == len("#rrggbbaa") else "RGB"
    image = Image.new(mode, (width * FINE, height * FINE), background)
    pen = ImageDraw.Draw(image)
    kinds: dict[str, Callable[..., None]] = {
        "ellipse": pen.ellipse,
        "rectangle": pen.rectangle,
        "polygon": pen.polygon,
    }
    for kind, corners, color in shapes:
        kinds[kind](tuple(corner * FINE for corner in corners), fill=color)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def inputs() -> dict[str, Image.Image]:
    """Return the pictures, masks and paint the commands take, by name."""
    head = ("ellipse", (14, 14, 114, 114), "#fdb233")
    eyes = [("ellipse", (x - 8, 40, x + 8, 60), INK) for x in (46, 82)]
    sad = [
        ("ellipse", (46, 78, 82, 108), INK),
        ("ellipse", (52, 84, 76, 104), "#fdb233"),
        ("rectangle", (45, 94, 83, 109), "#fdb233"),
    ]
    lenses = [("ellipse", (x - 20, 34, x + 20, 64), "#2b1b52") for x in (42, 86)]
    hills = [
        ("ellipse", (-60, 110, 200, 300), "#6cc04a"),
        ("rectangle", (0, 150, 320, 200), "#57ab3f"),
        ("ellipse", (150, 130, 400, 280), "#57ab3f"),
        ("rectangle", (20, 90, 90, 160), "#eccf96"),
        ("polygon", (8, 92, 55, 48, 102, 92), "#c0392b"),
        ("rectangle", (60, 118, 80, 160), "#71452d"),
        ("rectangle", (32, 104, 50, 122), "#5b97d3"),
        ("rectangle", (151, 110, 163, 160), "#71452d"),
        ("ellipse", (126, 56, 188, 124), "#2f8f46"),
        ("ellipse", (228, 40, 272, 84), "#ffd34d"),
    ]
    return {
        "face": draw(128, 128, "#8ccdf5", [head, *eyes, *sad]),
        "face-mouth": draw(128, 128, "#000000", [("ellipse", (28, 64, 100, 108), "#ffffff")]),
        "face-around": draw(128, 128, "#ffffff", [("ellipse", (18, 18, 110, 110), "#000000")]),
        "face-outline": draw(128, 128, "#000000", [("ellipse", (14, 14, 114, 114), "#ffffff")]),
        "face-glasses": draw(128, 128, "#2b1b5200", [*lenses, ("rectangle", (56, 42, 72, 48), "#2b1b52")]),
        "hills": draw(320, 200, "#8ccdf5", hills),
        "hills-sun": draw(320, 200, "#000000", [("ellipse", (206, 18, 294, 106), "#ffffff")]),
    }


def run(command: str, folder: Path) -> None:
    """Run a command of the page in `folder`; its errors end the script. What it says is printed."""
    print(command, flush=True)
    with chdir(folder):
        app.main(shlex.split(command)[1:], prog_name="redraw", standalone_mode=False)


def compose(sheet: Sheet, folder: Path) -> Image.Image:
    """Return a sheet of the pictures in `folder`."""
    pictures = [_shown(folder / f"{name}.png", sheet) for _, name in sheet.columns]
    width, height = (max(picture.size[i] for picture in pictures) for i in (0, 1))
    result = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height + HEAD), "white")
    pen, font = ImageDraw.Draw(result), ImageFont.load_default(20)
    for i, ((label, _), picture) in enumerate(zip(sheet.columns, pictures, strict=True)):
        left = i * (width + GAP)
        pen.text((left + 2, 4), label, fill="black", font=font)
        result.paste(picture, (left, HEAD))
    return result


def _shown(path: Path, sheet: Sheet) -> Image.Image:
    """Return a picture over white, cut and enlarged as its sheet says."""
    with Image.open(path) as opened:
        image = opened.convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB").crop(sheet.box)
    size = (image.width * sheet.factor, image.height * sheet.factor)
    return image.resize(size, Image.Resampling.LANCZOS)


def main(target: Path) -> None:
    """Write inputs and sheets to `target`."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stem, image in inputs().items():
            image.save(folder / f"{stem}.png", optimize=True)
            shutil.copy(folder / f"{stem}.png", target)
        for command in COMMANDS.values():
            run(command, folder)
        for stem, sheet in SHEETS.items():
            compose(sheet, folder).save(target / f"{stem}.webp", quality=85, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
