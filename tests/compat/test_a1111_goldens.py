"""The same pictures and infotexts as A1111 v1.10.1 from the same requests.

Made by A1111 on a tiny checkpoint (see ../shared/goldens/README.md for versions and settings). Everything is computed
in fp32. One level of difference is allowed because another order of float additions may move a value over the edge of
truncation (measured by A1111 itself under other attention code: at most 1 level on 0.1 % of values); DPM adaptive takes
other steps then and is given 8.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from redraw.compat import a1111
from redraw.compat.names import resolve_sampler
from redraw.compat.styles import apply_styles, parse_styles
from redraw.errors import RequestError
from redraw.pipeline import Result
from redraw.settings import Settings
from redraw.studio import Studio

GOLDENS = Path(__file__).resolve().parents[3] / "shared" / "goldens"
GROUPS = (
    *("a_samplers", "a2_samplers_txt2img", "a3_samplers_20steps", "b_denoise", "d_resize", "f_seeds"),
    *("c_inpaint", "l_inpaintmodel", "e_prompts"),
)
# What A1111 answers depends on what ran before it (README of the goldens, quirk 2), or needs hires fix.
LATER = re.compile(r"f_seeds/(zsnr_first_|b2_nodet)|l_inpaintmodel/hires")

pytestmark = pytest.mark.golden


def cases() -> Iterator[Any]:
    """Every case of the groups, or one that skips where the goldens are absent."""
    if not GOLDENS.is_dir():
        yield pytest.param({}, marks=pytest.mark.skip(reason="../shared/goldens is not beside this checkout"))
        return
    for group in GROUPS:
        for case in json.loads((GOLDENS / "cases" / f"{group}.json").read_text()):
            if not LATER.match(case["id"]):
                yield pytest.param(case, id=case["id"])


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """The tiny checkpoints on the CPU in fp32; the inpainting one is merged from its difference."""
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(GOLDENS / "model", models, dirs_exist_ok=True)
    subprocess.run([sys.executable, str(GOLDENS / "merge_inpainting.py"), str(models)], check=True)
    settings = Settings(models_dirs=(models,), data_dir=tmp_path_factory.mktemp("data"))
    return Studio(settings=settings, device="cpu", dtype="fp32")


def body(request: dict[str, Any]) -> dict[str, Any]:
    """The request with its files inlined as base64, and the model named."""
    inlined = dict(request)
    styles = parse_styles((GOLDENS / "model" / "styles.csv").read_bytes())
    texts = (str(inlined.get(name, "")) for name in ("prompt", "negative_prompt"))
    inlined["prompt"], inlined["negative_prompt"], _ = apply_styles(*texts, inlined.pop("styles", ()), styles)
    if "init_images" in inlined:
        inlined["init_images"] = [encoded(name) for name in inlined["init_images"]]
    if "mask" in inlined:
        inlined["mask"] = encoded(inlined["mask"])
    return inlined


def encoded(name: str) -> str:
    """A file of the goldens as base64."""
    return base64.b64encode((GOLDENS / name.removeprefix("@")).read_bytes()).decode()


def normal(text: str) -> str:
    """An infotext without the program's version and the hash of the checkpoint that is merged on the spot."""
    text = re.sub(r"Model hash: \w+, (?=Model: tiny-sd1-inpainting)", "", text)
    return re.sub(r",? ?Version: [^,\n]*", "", text).strip()


@pytest.mark.parametrize("case", list(cases()))
def test_the_picture_is_a1111s(case: dict[str, Any], studio: Studio) -> None:
    translation = getattr(a1111, case["endpoint"])(body(case["request"]), {"sd_model_checkpoint": "tiny-sd1"})
    results = studio.run(translation.request).results()
    if case.get("error"):  # A1111 raises here; we must give a picture
        assert all(np.isfinite(result.picture.pixels).all() for result in results)
        return
    tolerance = 8 if case["request"]["sampler_name"] == "DPM adaptive" else 1
    pictures = [picture for result in results for picture in shown(result, translation.outputs)]
    for picture, golden in zip(pictures, case["images"], strict=True):
        assert_same(picture, GOLDENS / golden["file"], tolerance)
    for result, text in zip(results, case["infotexts"], strict=True):
        assert normal(result.infotext) == normal(text)


def shown(result: Result, outputs: tuple[str, ...]) -> list[np.ndarray]:
    """The pixels of a result and of what A1111 appends to it."""
    return [np.asarray(result.image), *(getattr(result, name).pixels for name in outputs)]


def assert_same(pixels: np.ndarray, golden: Path, tolerance: int) -> None:
    """Fail where a channel is off by more than the tolerance."""
    wanted = np.asarray(Image.open(golden).convert("RGBA")).astype(int)
    got = np.asarray(Image.fromarray(pixels).convert("RGBA")).astype(int)
    assert got.shape == wanted.shape
    off = np.abs(got - wanted)
    assert off.max() <= tolerance, f"off by up to {off.max()}, {(off > tolerance).mean():.2%} of values"


def resolutions() -> list[Any]:
    """A1111's own table of sampler and scheduler names."""
    file = GOLDENS / "pure" / "sampler_scheduler_resolve.json"
    if not file.is_file():
        return [
            pytest.param("", None, [], marks=pytest.mark.skip(reason="../shared/goldens is not beside this checkout"))
        ]
    return [pytest.param(*row, id=f"{row[0]}/{row[1]}") for row in json.loads(file.read_text())]


@pytest.mark.parametrize(("sampler", "scheduler", "resolved"), resolutions())
def test_names_resolve_as_in_a1111(sampler: str, scheduler: str | None, resolved: list[str]) -> None:
    assert list(resolve_sampler(sampler or "", scheduler, [])) == resolved


def test_a_replaced_name_and_an_unknown_field_are_listed() -> None:
    translation = a1111.txt2img(
        {"sampler_name": "bogus", "scheduler": "nonsense", "frobnicate": 1, "override_settings": {"no_such_setting": 2}}
    )
    text = "\n".join(translation.not_honoured)
    for word in ("bogus", "nonsense", "frobnicate", "no_such_setting"):
        assert word in text


@pytest.mark.parametrize("images", [None, [], ["not base64!"], [5]])
def test_a_body_without_a_usable_picture_is_refused(images: Any) -> None:
    with pytest.raises(RequestError, match="init_images"):
        a1111.img2img({"init_images": images})


@pytest.mark.parametrize(
    "body",
    [{"steps": "many"}, {"cfg_scale": [7]}, {"override_settings": {"sigma_min": "low"}}, {"width": "wide"}],
)
def test_a_number_that_is_none_is_refused_by_name(body: dict[str, Any]) -> None:
    name = next(iter(body.get("override_settings", body)))
    with pytest.raises(RequestError, match=name):
        a1111.txt2img(body)


def test_the_bodys_defaults_are_the_apis_not_the_forms() -> None:
    request = a1111.txt2img({}).request
    assert (request.steps, request.sampler, request.width) == (50, "Euler", 512)
    assert (request.rng, request.size_rule) == ("gpu", "floor-8")
