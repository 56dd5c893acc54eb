"""Recipes of masked runs: what stands in them, and that they make the same picture again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redraw.errors import RequestError
from redraw.image.save import save_picture
from redraw.replay import replay_recipe
from redraw.settings import Settings
from redraw.studio import Studio

Array = np.ndarray[Any, Any]
Make = Callable[..., Array]
FAST: dict[str, Any] = {"model": "tiny", "steps": 2, "sampler": "Euler a", "seed": 11, "mask_blur": 2, "strength": 0.8}
WHOLE: dict[str, Any] = {"width": 48, "height": 40}
CASES: dict[str, dict[str, Any]] = {
    "mask": {"mask": True, **WHOLE},
    "inverted, blurred apart": {"mask": True, "invert_mask": True, "mask_blur_x": 6, "mask_blur_y": 0, **WHOLE},
    "only masked": {"mask": True, "only_masked": True, "padding": 5, "width": 24, "height": 32},
    "only masked by the model's size": {"mask": True, "only_masked": True},
    "latent noise in a batch": {"mask": True, "masked_content": "latent-noise", "batch_size": 2, **WHOLE},
    "latent noise, loose, in batches": {
        "mask": True, "masked_content": "latent-noise", "batch_count": 2, "mask_rules": "loose", **WHOLE,
    },
    "latent noise with variations": {
        "mask": True, "masked_content": "latent-noise", "batch_count": 2, "variation_strength": 0.3, **WHOLE,
    },
    "soft": {"mask": True, "soft": True, "soft_bias": 2, **WHOLE},
    "paint": {"paint": True, **WHOLE},
    "paint as mask": {"paint": True, "paint_is_mask": True, "mask_transparency": 30, **WHOLE},
    "paint and mask": {"paint": True, "mask": True, "match_color": True, "color_correction": True, **WHOLE},
    "alpha": {"mask": "alpha", **WHOLE},
    "resized": {"mask": True, "width": 37, "height": 53, "resize_mode": "latent-upscale"},
    "strength 0": {"mask": True, "strength": 0, "scale": 1.5},
    "tiles": {"mask": True, "vae_tile": 24, **WHOLE},
}  # fmt: skip


@pytest.fixture(scope="module")
def studio(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    settings = Settings(models_dirs=(tiny_checkpoint.parent,), data_dir=tmp_path_factory.mktemp("data"))
    return Studio(settings=settings, device="cpu", dtype="fp32")


@pytest.fixture
def files(tmp_path: Path, colors: Make, part: Make) -> dict[str, Path]:
    """A transparent source, a mask and a layer of paint, in three folders."""
    source, paint = colors(48, 40, 4), np.zeros((40, 48, 4), np.uint8)
    source[..., 3] = np.where(part(48, 40) > 0, 0, 255)
    paint[12:28, 10:30] = (200, 30, 30, 255)
    marked = np.repeat(part(48, 40)[..., None], 3, 2)
    found = {}
    for name, pixels in (("source", source), ("mask", marked), ("paint", paint)):
        (tmp_path / name).mkdir()
        found[name] = save_picture(pixels, tmp_path / name / f"{name}.png").path
    return found


@pytest.mark.parametrize("options", CASES.values(), ids=CASES.keys())
def test_a_replay_makes_identical_pixels(
    studio: Studio, files: dict[str, Path], tmp_path: Path, options: dict[str, Any]
) -> None:
    layers = {name: files[name] for name in ("mask", "paint") if options.get(name) is True}
    results = studio.img2img(files["source"], "x", **{**FAST, **options, **layers}).results()
    for result in results:
        saved = result.save(tmp_path / "result.png").path
        outcome = replay_recipe(studio, result.recipe, beside=saved, inputs=[path.parent for path in files.values()])
        assert outcome.identical, outcome.sentence
        assert outcome.worst == 0
        assert outcome.differences == ()
        assert outcome.result.infotext == result.infotext


def test_mask_and_paint_stand_in_the_inputs_by_role_name_and_hash(studio: Studio, files: dict[str, Path]) -> None:
    from hashlib import sha256

    result = studio.img2img(
        files["source"], "x", **FAST, **WHOLE, mask=files["mask"], paint=files["paint"]
    ).result()  # fmt: skip
    assert result.recipe["inputs"] == [
        {"name": f"{name}.png", "sha256": sha256(files[name].read_bytes()).hexdigest(), "role": role}
        for name, role in (("source", "image"), ("mask", "mask"), ("paint", "paint"))
    ]
    assert str(files["mask"].parent) not in str(result.recipe)


@pytest.mark.parametrize("name", ["source", "mask", "paint"])
def test_an_input_that_is_not_at_hand_is_named_with_its_hash(
    studio: Studio, files: dict[str, Path], tmp_path: Path, name: str
) -> None:
    result = studio.img2img(files["source"], "x", **FAST, **WHOLE, mask=files["mask"], paint=files["paint"]).result()
    others = [path.parent for other, path in files.items() if other != name]
    with pytest.raises(RequestError, match=rf"{name}\.png.*SHA-256 [0-9a-f]{{64}}"):
        replay_recipe(studio, result.recipe, beside=tmp_path / "result.png", inputs=others)
