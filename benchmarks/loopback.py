"""Decay: a picture redrawn again and again, with a mask and without; and the edges of single edits.

The starter model redraws its example picture twenty times, each time from the last result. Outside of a mask nothing
may move; inside, and without a mask, the table says how far picture and mean color have come away from the first one.
A remark compares the edge of inpaints with and without `match_color`, over the same samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

import redraw.starter as starter
from redraw.image.color import color_distance
from redraw.image.edge import Edge
from redraw.image.encode import encode_picture
from redraw.image.io import open_picture
from redraw.image.mask import Mask
from redraw.image.picture import Pixels
from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.pipeline import Result
from redraw.pipeline import run as run_pipeline
from redraw.pipeline.paste import paste
from redraw.request import Generation, Img2Img, PictureRef, Txt2Img

if TYPE_CHECKING:
    from machine import Setting
    from report import Section

PASSES: Final = 20
STRENGTH: Final = 0.3
SHOWN: Final = (1, 2, 5, 10, 20)
SUBJECTS: Final = (
    "a smiling face", "a cat", "a red apple on a table", "a house on a hill", "a tree in a meadow", "a sailing boat",
    "a rocket in the night sky", "a yellow flower", "a fish in the sea", "a cup of coffee",
)  # fmt: skip
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Drift:
    """How far a picture has come away from the first one.

    Attributes:
        inside, outside: mean |difference| of the channels, levels of 8 bits; without a mask all is inside.
        color_inside, color_outside: CIEDE2000 between the mean colors.
    """

    inside: float
    color_inside: float
    outside: float = 0.0
    color_outside: float = 0.0


def loopback(
    model: Model, source: Pixels, mask: Mask | None, passes: int, fields: Mapping[str, Any]
) -> Iterator[tuple[Drift, Result]]:
    """Redraw `source` [h, w, 3] `passes` times, each result the next source; yield the drift after each pass."""
    within = np.ones(source.shape[:2], bool) if mask is None else mask > 0
    layer = {} if mask is None else {"mask": as_ref(np.repeat(mask[..., None], 3, 2))}
    ref = as_ref(source)
    for seed in range(passes):
        request = Img2Img(images=(ref,), seed=seed, **layer, **fields)
        result = only(model, request)
        ref = as_ref(result.picture.pixels)
        shown = within if result.mask is None else result.mask.pixels[..., 0] > 0
        yield drift(source, result.picture.pixels, shown), result


def drift(first: Pixels, last: Pixels, within: Bools) -> Drift:
    """Return how far `last` is away from `first`, both [h, w, 3] uint8."""
    parts = [_apart(first[where], last[where]) for where in (within, ~within) if where.any()]
    return Drift(*(number for part in parts for number in part))


def _apart(first: Pixels, last: Pixels) -> tuple[float, float]:
    means = (pixels.astype(np.float64).mean(0) for pixels in (first, last))
    return float(np.abs(first.astype(np.int16) - last).mean()), float(color_distance(*means))


def seams(model: Model, count: int, fields: Mapping[str, Any]) -> Iterator[tuple[Edge, Edge]]:
    """Yield the edge of `count` inpaints without and with `match_color`, over other subjects, masks and words."""
    side = model.native_size
    pictures = [
        only(model, Txt2Img(prompt=subject, width=side, height=side, seed=i, **fields)).picture.pixels
        for i, subject in enumerate(SUBJECTS)
    ]
    for i, (which, shape) in enumerate(list(product(range(len(SUBJECTS)), range(3)))[:count]):
        words = SUBJECTS[which if i % 2 else (which + 1) % len(SUBJECTS)]
        mask = np.repeat(_shape(side, shape, which)[..., None], 3, 2)
        request = Img2Img(
            images=(as_ref(pictures[which]),), mask=as_ref(mask), prompt=words, seed=100 + i, strength=0.75, **fields
        )
        pasted = only(model, request).pasted
        if pasted is None or pasted.edge is None:
            continue
        source = replace(pasted.scene.source, request=request.changed(match_color=True))
        matched = paste(replace(pasted.scene, source=source), pasted.pixels)
        if matched.edge is not None:
            yield pasted.edge, matched.edge


def _shape(side: int, kind: int, seed: int) -> Mask:
    """Return an ellipse, a box, or one side of a picture, as a mask."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    cx, cy, r = rng.uniform(0.35, 0.65), rng.uniform(0.35, 0.65), rng.uniform(0.15, 0.3)
    ellipse = (x - cx) ** 2 / r**2 + (y - cy) ** 2 / (0.8 * r) ** 2 < 1
    box = (abs(x - cx) < r) & (abs(y - cy) < r)
    return (255 * (ellipse, box, x + 0.3 * y < 0.3 + r)[kind]).astype(np.uint8)


def only(model: Model, request: Generation) -> Result:
    """Return the first picture of a run."""
    return next(event for event in run_pipeline(request, model) if isinstance(event, Result))


def as_ref(pixels: Pixels) -> PictureRef:
    """Return pixels as a PNG of a request."""
    return PictureRef.from_bytes(encode_picture(pixels).data, "picture.png")


def run(setting: Setting) -> Section:
    """Redraw the example picture over and over, and look at the edges of inpaints."""
    from report import Goal, Section

    model = load_model(starter.weights())
    passes, fields = (
        (5 if setting.quick else PASSES),
        {"prompt": "a castle on a meadow", "steps": 20, **starter.DEFAULTS},
    )
    data = files("redraw.starter").joinpath("demo.png").read_bytes()
    source = open_picture(data).pixels[..., :3]
    mask = _shape(len(source), 0, 5)
    section = Section(
        "loopback",
        f"Decay: redrawn {passes} times at strength {STRENGTH:g}, starter model, {len(source)} pixels",
        ["run", "pass", "mean difference outside", "dE2000 outside", "mean difference inside", "dE2000 inside"],
    )
    rows: dict[str, list[Drift]] = {}
    for name, layer, more in (
        ("img2img", None, {}),
        ("inpaint, whole", mask, {}),
        ("inpaint, only masked", mask, {"only_masked": True, "width": 128, "height": 128}),
        ("img2img, strength 0", None, {"strength": 0}),
        ("inpaint, strength 0", mask, {"strength": 0}),
    ):
        found = [at for at, _ in loopback(model, source, layer, passes, {**fields, "strength": STRENGTH, **more})]
        rows[name] = found
        for n in SHOWN:
            if n <= passes:
                at = found[n - 1]
                outside = (None, None) if layer is None else (at.outside, at.color_outside)
                section.rows.append([name, n, *outside, at.inside, at.color_inside])
    worst = max(max(at.outside, at.color_outside) for found in rows.values() for at in found)
    moved = max(at.inside for name, found in rows.items() if name.endswith("0") for at in found)
    section.goals = [
        Goal("nothing moves outside of the mask", f"{worst:g} levels at most", worst == 0),
        Goal("strength 0 gives the source back", f"{moved:g} levels at most", moved == 0),
    ]
    _add_seams(section, list(seams(model, 9 if setting.quick else 30, {"steps": 10, **starter.DEFAULTS})))
    return section


def _add_seams(section: Section, pairs: list[tuple[Edge, Edge]]) -> None:
    """Say in words how match_color did."""
    excess = np.array([[edge.seam - edge.seam_before for edge in pair] for pair in pairs])
    away = np.abs(excess)
    section.notes.append(
        f"match_color, {len(pairs)} inpaints: the step across the edge less the source's own, dE2000: "
        f"{excess[:, 0].mean():.2f} without, {excess[:, 1].mean():.2f} with; its size {away[:, 0].mean():.2f} and "
        f"{away[:, 1].mean():.2f}; the step grew in {int((excess[:, 1] > excess[:, 0] + 0.05).sum())}, fell in "
        f"{int((excess[:, 1] < excess[:, 0] - 0.05).sum())}; largest growth {(excess[:, 1] - excess[:, 0]).max():.2f}"
    )
    section.raw["seams"] = excess.tolist()
