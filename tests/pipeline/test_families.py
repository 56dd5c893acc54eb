"""Every family runs through the whole pipeline, with and without a mask."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from redraw.models.loader import load_model
from redraw.models.model import Extras, Model
from redraw.pipeline import Result, run
from redraw.request import Txt2Img

if TYPE_CHECKING:
    from tests.conftest import TinyFamily

Array = np.ndarray[Any, Any]
Make = Callable[[str], "TinyFamily"]
Redraw = Callable[..., list[Result]]
ALL = ("sd2", "sd2-v", "sd2-inpainting", "sdxl", "sdxl-v", "sdxl-inpainting", "sdxl-edit", "sdxl-refiner")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Extras]:
    """What the UNet was told besides text, for each evaluation."""
    plain, seen = Model.predict, list[Extras]()

    def predict(self: Model, x: torch.Tensor, t: Any, context: Any, extras: Any = None, **options: Any) -> torch.Tensor:
        seen.append(extras)
        return plain(self, x, t, context, extras, **options)

    monkeypatch.setattr(Model, "predict", predict)
    return seen


@pytest.mark.parametrize("name", ALL)
def test_a_picture_is_redrawn_by_every_family(
    tiny_family: Make, name: str, redrawn: Redraw, colors: Callable[..., Array], told: list[Extras]
) -> None:
    model = load_model(tiny_family(name).file)
    (plain,) = redrawn(model, colors(48, 40), prompt="a (red:1.2) house", steps=2, cfg_scale=4, strength=0.8)
    assert plain.image.size == (48, 40)
    assert np.isfinite(plain.picture.pixels).all()
    if not model.sizes:
        assert all(extras.pooled is None and extras.sizes is None for extras in told)
        return
    for extras in told:
        assert extras.pooled is not None
        assert extras.sizes is not None
        assert extras.pooled.shape[-1] == 24
        ends = {(40.0, 48.0)} if model.sizes == 6 else {(6.0,), (2.5,)}
        for row in extras.sizes.tolist():
            assert row[:4] == [40, 48, 0, 0]
            assert tuple(row[4:]) in ends


@pytest.mark.parametrize("name", ["sd2-v", "sdxl"])
def test_words_alone_make_a_picture(tiny_family: Make, name: str) -> None:
    model = load_model(tiny_family(name).file)
    request = Txt2Img(prompt="a house", width=64, height=64, steps=2, seed=1)
    (result,) = (event for event in run(request, model) if isinstance(event, Result))
    assert result.image.size == (64, 64)


def test_an_empty_negative_prompt_is_all_zeros_for_sdxl_only(
    tiny_family: Make, redrawn: Redraw, colors: Callable[..., Array], told: list[Extras]
) -> None:
    redrawn(load_model(tiny_family("sdxl").file), colors(48, 40), prompt="x", steps=1, cfg_scale=4)
    pooled = torch.cat([extras.pooled for extras in told if extras.pooled is not None])
    assert (pooled.abs().sum(1) == 0).sum() == len(pooled) // 2


def test_a_unet_that_was_taught_the_guidance_scale_gets_it_and_no_negative_prompt(
    tiny_family: Make, redrawn: Redraw, colors: Callable[..., Array], told: list[Extras], tmp_path: Path
) -> None:
    made = tiny_family("sd2")
    folder = shutil.copytree(made.folder, tmp_path / "lcm")
    config = {k: v for k, v in made.parts["unet"].config.items() if not k.startswith("_")}
    torch.manual_seed(3)
    type(made.parts["unet"])(**{**config, "time_cond_proj_dim": 16}).save_pretrained(folder / "unet")
    model = load_model(folder)

    def latents(**fields: Any) -> Array:
        (result,) = redrawn(model, colors(48, 40), prompt="a house", **fields)
        return np.asarray(result.picture.pixels)

    first = latents(cfg_scale=4)
    (extras,) = told
    assert extras.guidance is not None
    assert extras.guidance.tolist() == [4.0]
    assert np.array_equal(latents(cfg_scale=4, negative_prompt="trees"), first)
    assert not np.array_equal(latents(cfg_scale=9), first)
