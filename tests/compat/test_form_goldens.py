"""The same pictures as A1111's img2img form: inpaint, inpaint sketch, resize by, variations, batch from a folder.

The goldens were made by calling the form's own function (see ../shared/goldens/README.md, "Notes for use"), so there is
no API request to translate: the fields are spelled out here. Tolerance as in test_a1111_goldens.py.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from redraw.pipeline import Result
from redraw.request import Img2Img
from redraw.settings import Settings
from redraw.studio import Studio
from redraw.workflows.batch import BatchItem, BatchOptions, plan_batch

GOLDENS = Path(__file__).resolve().parents[3] / "shared" / "goldens"
# How A1111's form differs from our own requests.
FORM: dict[str, Any] = {
    "prompt": "a red circle on a blue background",
    "negative_prompt": "green",
    "model": "tiny-sd1",
    "sampler": "Euler",
    "steps": 8,
    "cfg_scale": 7,
    "seed": 1234,
    "strength": 0.6,
    "rng": "gpu",
    "size_rule": "floor-8",
    "reading": "plain",
    "keep_alpha": False,
    "mask_rules": "loose",
    "zero_strength": "step",
}
SQUARE = {"width": 64, "height": 64}
SKETCH = {**SQUARE, "paint": "img64x64_painted.png", "paint_is_mask": True}
# case -> its picture and its own fields; the values of the last two are read off their infotexts
SINGLE: dict[str, tuple[str, dict[str, Any]]] = {
    "img2img": ("img64x64.png", SQUARE),
    "inpaint": ("img64x64.png", {**SQUARE, "mask": "mask64_ellipse.png"}),
    "inpaint_only": ("img64x64.png", {**SQUARE, "mask": "mask64_ellipse.png", "only_masked": True, "padding": 8}),
    "inpaint_sketch_a0_b0": ("img64x64.png", {**SKETCH, "mask_blur": 0}),
    "inpaint_sketch_a0_b4": ("img64x64.png", SKETCH),
    "inpaint_sketch_a50_b0": ("img64x64.png", {**SKETCH, "mask_blur": 0, "mask_transparency": 50}),
    "inpaint_sketch_a50_b4": ("img64x64.png", {**SKETCH, "mask_transparency": 50}),
    "inpaint_sketch_a90_b4": ("img64x64.png", {**SKETCH, "mask_transparency": 90}),
    "inpaint_sketch_fill": ("img64x64.png", {**SKETCH, "masked_content": "fill"}),
    "scale_by": ("img96x64.png", {"scale": 1.5}),
    "seed_extras": (
        "img64x64.png",
        {**SQUARE, "variation_seed": 7, "variation_strength": 0.3, "seed_resize_from": (32, 48)},
    ),
    "override_texts": ("img64x64.png", {**SQUARE, "sampler": "Euler a", "clip_skip": 2, "ensd": 5}),
    "batch2_grid": ("img64x64.png", {**SQUARE, "batch_size": 2}),
    "n2_grid": ("img64x64.png", {**SQUARE, "batch_count": 2}),
}

pytestmark = pytest.mark.golden


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """The tiny checkpoint on the CPU in fp32."""
    if not GOLDENS.is_dir():
        pytest.skip("../shared/goldens is not beside this checkout")
    settings = Settings(models_dirs=(GOLDENS / "model",), data_dir=tmp_path_factory.mktemp("data"))
    return Studio(settings=settings, device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def forms() -> dict[str, dict[str, Any]]:
    """Every recorded case by its name."""
    if not GOLDENS.is_dir():
        pytest.skip("../shared/goldens is not beside this checkout")
    cases = json.loads((GOLDENS / "cases" / "ui_modes.json").read_text())
    return {case["id"].removeprefix("ui_modes/"): case for case in cases}


def inputs(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with file names as paths."""
    return {name: GOLDENS / "inputs" / value if name in ("mask", "paint") else value for name, value in fields.items()}


def assert_same(results: list[Result], case: dict[str, Any]) -> None:
    """Fail where a picture is off by more than a level, or an infotext differs; grids (the form's first) are left."""
    grids = len(case["images"]) - len(results)
    for result, golden in zip(results, case["images"][grids:], strict=True):
        wanted = np.asarray(Image.open(GOLDENS / golden["file"]).convert("RGB")).astype(int)
        off = np.abs(np.asarray(result.image).astype(int) - wanted)
        assert off.max() <= 1, f"off by up to {off.max()}, {(off > 1).mean():.2%} of values"
    texts = case.get("infotexts")
    for result, text in zip(results, texts[grids:] if texts else (), strict=False):
        assert re.sub(r", Version: .*", "", result.infotext) == re.sub(r", Version: .*", "", text)


@pytest.mark.parametrize("name", SINGLE)
def test_the_forms_picture_is_a1111s(name: str, studio: Studio, forms: dict[str, dict[str, Any]]) -> None:
    picture, fields = SINGLE[name]
    request = Img2Img(images=GOLDENS / "inputs" / picture, **{**FORM, **inputs(fields)})
    assert_same(studio.run(request).results(), forms[name])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The batch folder of the goldens."""
    sources = tmp_path / "in"
    sources.mkdir()
    for name in ("img64x64", "img70x100", "img96x64"):
        shutil.copy(GOLDENS / "inputs" / f"{name}.png", sources)
    return sources


def run_form_batch(
    studio: Studio, folder: Path, fields: dict[str, Any], options: dict[str, Any]
) -> tuple[list[Result], list[str]]:
    """The results of a batch, and the names A1111 would give them in an empty output folder."""
    plan = plan_batch(folder, {**FORM, **fields}, BatchOptions(**options))
    results, names = [], []
    for item in (step for step in plan if isinstance(step, BatchItem)):
        for result in studio.run(item.request):
            if isinstance(result, Result):
                names.append(f"{item.name(result.index, number=len(names))}.png")
                results.append(result)
    return results, names


BATCHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "batch_dir": (SQUARE, {}),
    "batch_dir_n2": ({**SQUARE, "batch_count": 2}, {}),
    "batch_dir_scale": ({"scale": 1.25}, {}),
    "batch_dir_mask": (SQUARE, {"mask_folder": "masks"}),
    "batch_dir_png": (
        SQUARE,
        {"png_info_folder": "infos", "png_info_props": "Prompt,Negative prompt,Seed,CFG scale,Sampler,Steps"},
    ),
}


@pytest.mark.parametrize("name", BATCHES)
def test_the_forms_batch_is_a1111s(name: str, studio: Studio, forms: dict[str, dict[str, Any]], folder: Path) -> None:
    fields, options = BATCHES[name]
    options = dict(options)
    if "mask_folder" in options:
        options["mask_folder"] = masks_beside(folder)
    if "png_info_folder" in options:
        options["png_info_folder"] = infos_beside(folder)
    results, names = run_form_batch(studio, folder, fields, options)
    case = forms[name]
    assert names == case["output_dir_files"]
    per_source = len(results) // len({item.rsplit("-", 1)[0] for item in names}) if "n2" in name else 0
    if per_source:  # the form shows a grid before the two pictures of each source
        case = {key: [v for i, v in enumerate(case[key]) if i % 3] for key in ("images", "infotexts")}
    assert_same(results, case)


def masks_beside(folder: Path) -> Path:
    """Masks for two of the three pictures; which ones the goldens do not say, but only these give their pictures."""
    masks = folder.parent / "masks"
    masks.mkdir()
    for name, mask in (("img64x64", "mask64_ellipse"), ("img96x64", "mask64_gradient")):
        shutil.copy(GOLDENS / "inputs" / f"{mask}.png", masks / f"{name}.png")
    return masks


def infos_beside(folder: Path) -> Path:
    """Pictures of the same names that carry the infotext the goldens were made with."""
    infos = folder.parent / "infos"
    infos.mkdir()
    for source in sorted(folder.iterdir()):
        text = (
            f"a blue square {source.stem}\nNegative prompt: red\n"
            "Steps: 5, Sampler: Euler a, CFG scale: 4, Seed: 4321, Size: 64x64"
        )
        info = PngInfo()
        info.add_text("parameters", text)
        Image.new("RGB", (8, 8)).save(infos / source.name, pnginfo=info)
    return infos
