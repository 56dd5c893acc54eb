"""Checkpoints that see more than noise: inpainting (9 channels) and editing (8 channels), random and tiny."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.pipeline import Result, run
from redraw.request import Txt2Img

Array = np.ndarray[Any, Any]
Make = Callable[..., Array]
Redraw = Callable[..., list[Result]]
ENTRY = "model.diffusion_model.input_blocks.0.0.weight"
GUIDED: dict[str, Any] = {"steps": 2, "cfg_scale": 3}


def widened(checkpoint: Path, folder: Path, channels: int) -> Model:
    """The tiny checkpoint with further input channels of random weights, loaded."""
    state = load_file(checkpoint)
    old = state[ENTRY]
    more = torch.randn(old.shape[0], channels - 4, 3, 3, generator=torch.Generator().manual_seed(1)) * 0.1
    state[ENTRY] = torch.cat([old, more.to(old)], 1).contiguous()
    path = folder / f"tiny-{channels}.safetensors"
    metadata = {"redraw.text_encoder": '{"num_attention_heads": 2}', "redraw.native_size": "64"}
    save_file(state, path, metadata=metadata)
    return load_model(path)


@pytest.fixture(scope="module")
def inpainting(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return widened(tiny_checkpoint, tmp_path_factory.mktemp("nine"), 9)


@pytest.fixture(scope="module")
def editing(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return widened(tiny_checkpoint, tmp_path_factory.mktemp("eight"), 8)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What the UNet got beside the noisy latents, `[1, k, h, w]` for each row it evaluated."""
    plain, rows = Model.predict, list[torch.Tensor]()

    def predict(self: Model, x: torch.Tensor, t: Any, context: Any, extras: Any = None, **options: Any) -> torch.Tensor:
        rows.extend(extras.concat.split(1))
        return plain(self, x, t, context, extras, **options)

    monkeypatch.setattr(Model, "predict", predict)
    return rows


def params(result: Result) -> str:
    return result.infotext.splitlines()[-1]


def test_the_mask_weight_says_how_much_an_inpainting_model_sees_of_the_masked_part(
    inpainting: Model, redrawn: Redraw, colors: Make, part: Make, seen: list[torch.Tensor]
) -> None:
    found = {}
    for weight in (0, 0.5, 1):
        seen.clear()
        (result,) = redrawn(inpainting, colors(48, 32), part(48, 32), mask_weight=weight, mask_blur=0, **GUIDED)
        found[weight] = seen[0]
        assert f"Conditional mask weight: {weight}" in params(result)
        np.testing.assert_array_equal(result.picture.pixels[part(48, 32) == 0], colors(48, 32)[part(48, 32) == 0])
    expected = torch.zeros(1, 1, 4, 6)
    expected[..., 1:3, 2:5] = 1  # nearest neighbors of the mask's box 12..36 x 8..24
    for concat in found.values():
        assert concat.shape == (1, 5, 4, 6)
        torch.testing.assert_close(concat[:, :1], expected)
    source = torch.from_numpy(colors(48, 32) / np.float32(127.5) - 1).movedim(-1, 0)[None]
    hole = torch.from_numpy(part(48, 32) == 255)
    grey = torch.where(hole, torch.zeros(()), source)
    for weight, shown in ((0, source), (0.5, (source + grey) / 2), (1, grey)):
        torch.testing.assert_close(found[weight][:, 1:], inpainting.encode(shown), atol=2e-3, rtol=1e-3)


def test_without_a_mask_an_inpainting_model_sees_nothing_of_the_picture(
    inpainting: Model, redrawn: Redraw, colors: Make, seen: list[torch.Tensor]
) -> None:
    (result,) = redrawn(inpainting, colors(48, 32), **GUIDED)
    assert bool((seen[0][:, 0] == 1).all())
    torch.testing.assert_close(seen[0][:, 1:], inpainting.encode(torch.zeros(1, 3, 32, 48)))
    assert "Conditional mask weight: 1" in params(result)


@pytest.mark.parametrize("rounded", [True, False])
def test_an_inpainting_model_gets_grey_masks_only_without_rounding(
    inpainting: Model, redrawn: Redraw, colors: Make, seen: list[torch.Tensor], rounded: bool
) -> None:
    redrawn(inpainting, colors(48, 32), np.full((32, 48), 100, np.uint8), mask_blur=0, round_mask=rounded)
    assert float(seen[0][0, 0, 1, 1]) == pytest.approx(0 if rounded else 100 / 255, abs=1e-3)


def test_an_inpainting_model_draws_from_words_alone(inpainting: Model, seen: list[torch.Tensor]) -> None:
    request = Txt2Img(width=24, height=16, steps=1, seed=1, vae_tile=0)
    (result,) = (event for event in run(request, inpainting) if isinstance(event, Result))
    assert bool((seen[0][:, 0] == 1).all())
    torch.testing.assert_close(seen[0][:, 1:], inpainting.encode(torch.zeros(1, 3, 16, 24)))
    assert "Conditional mask weight: 1" in params(result)


@pytest.mark.parametrize(("scale", "evaluations"), [(1.5, 3), (3, 3), (1, 2), (None, 2)])
def test_an_image_scale_of_one_costs_no_third_evaluation(
    editing: Model, redrawn: Redraw, colors: Make, seen: list[torch.Tensor], scale: float | None, evaluations: int
) -> None:
    (result,) = redrawn(editing, colors(48, 32), image_cfg_scale=scale, **GUIDED)
    assert len(seen) == 2 * evaluations
    if scale is not None:
        assert f"Image CFG scale: {scale}" in params(result)
    picture = torch.from_numpy(colors(48, 32) / np.float32(127.5) - 1).movedim(-1, 0)[None]
    torch.testing.assert_close(seen[0], editing.encode(picture) / editing.scale_factor, atol=1e-4, rtol=1e-4)
    assert [bool((concat == 0).all()) for concat in seen[:evaluations]] == [False, False, True][:evaluations]


def test_the_image_scale_acts_and_is_seen_in_the_picture(editing: Model, redrawn: Redraw, colors: Make) -> None:
    made = [redrawn(editing, colors(48, 32), image_cfg_scale=s, **GUIDED)[0].picture.pixels for s in (1, 1.5, 3, 1.5)]
    np.testing.assert_array_equal(made[1], made[3])
    assert not np.array_equal(made[0], made[1])
    assert not np.array_equal(made[1], made[2])


def test_an_editing_model_keeps_what_a_mask_leaves_out(
    editing: Model, redrawn: Redraw, colors: Make, part: Make
) -> None:
    (result,) = redrawn(editing, colors(48, 32), part(48, 32), mask_blur=0, **GUIDED)
    differs = (result.picture.pixels != colors(48, 32)).any(-1)
    np.testing.assert_array_equal(differs & (part(48, 32) == 0), False)
    assert differs[part(48, 32) == 255].mean() > 0.9


@pytest.mark.parametrize("key", ["Conditional mask weight", "Image CFG scale"])
def test_an_ordinary_model_says_nothing_of_either(
    tiny_model: Model, redrawn: Redraw, colors: Make, part: Make, key: str
) -> None:
    (result,) = redrawn(tiny_model, colors(48, 32), part(48, 32), mask_weight=0.5, image_cfg_scale=2)
    assert key not in result.infotext


@pytest.mark.parametrize("size", [(24, 16), (40, 24), (52, 37)])
@pytest.mark.parametrize("mode", ["just-resize", "latent-upscale"])
def test_what_such_models_are_shown_has_the_canvas_size(
    inpainting: Model, editing: Model, redrawn: Redraw, colors: Make, part: Make, seen: list[torch.Tensor], mode: str,
    size: tuple[int, int],
) -> None:  # fmt: skip
    for model in (inpainting, editing):
        fields = {"width": size[0], "height": size[1], "resize_mode": mode}
        (result,) = redrawn(model, colors(41, 29), part(41, 29), **fields)
        assert result.picture.size == size
        assert seen[-1].shape[-2:] == (-(-size[1] // 8), -(-size[0] // 8))
