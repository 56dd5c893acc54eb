"""Fixtures for whole runs: a model of random numbers, one that gives back what it was given, pictures and masks."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from redraw.models.loader import load_model
from redraw.models.model import Model
from redraw.pipeline import Result, run
from redraw.request import Img2Img, PictureRef

Array = np.ndarray[Any, Any]
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
FAST: dict[str, Any] = {"steps": 1, "sampler": "Euler", "cfg_scale": 1, "strength": 1, "seed": 7, "vae_tile": 0}


@pytest.fixture(scope="session")
def harm() -> ModuleType:
    """The benchmark `harm`: its grid, its chains, its model of random numbers."""
    spec = importlib.util.spec_from_file_location("benchmarks_harm", BENCHMARKS / "harm.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def random_model(harm: ModuleType) -> Model:
    """A model whose networks give random numbers."""
    model: Model = harm.RandomModel(5)
    return model


@pytest.fixture
def mirror_model(harm: ModuleType) -> Model:
    """A model that decodes to the picture it encoded last, moved and stretched as its latents were.

    Two channels of its latents say where they are. It predicts no noise, so none may be added (`STILL`).
    """

    class Mirror(harm.RandomModel):  # type: ignore[misc, name-defined]
        def encode(self, image: torch.Tensor) -> torch.Tensor:
            latents: torch.Tensor = super().encode(image)
            y, x = ((torch.arange(side) + 0.5) * 2 / side - 1 for side in latents.shape[-2:])
            latents[:, :2] = torch.stack(torch.meshgrid(x, y, indexing="xy"))
            self.seen, self.given = image, latents
            return latents

        def predict(self, x: torch.Tensor, t: Any, context: Any, extras: Any = None, **_: Any) -> torch.Tensor:
            return torch.zeros_like(x)

        def decode(self, latents: torch.Tensor) -> torch.Tensor:
            if latents.shape == self.given.shape and torch.allclose(latents, self.given, atol=1e-5):
                return self.seen
            places = torch.nn.functional.interpolate(latents[:, :2], scale_factor=8, mode="bilinear")
            return torch.nn.functional.grid_sample(
                self.seen, places.movedim(1, -1), mode="bilinear", padding_mode="border", align_corners=False
            )

    model: Model = Mirror(5)
    return model


@pytest.fixture(scope="session")
def tiny_model(tiny_checkpoint: Path) -> Model:
    """The tiny random Stable Diffusion in fp32; shared, so leave it as it is."""
    return load_model(tiny_checkpoint)


@pytest.fixture(scope="session")
def colors() -> Callable[..., Array]:
    """`colors(width, height, channels=3, depth=8)`: a picture without flat parts and without symmetry."""

    def make(width: int = 40, height: int = 32, channels: int = 3, depth: int = 8) -> Array:
        y, x = np.mgrid[0:height, 0:width]
        planes = [x / width, y / height, ((3 * x + 5 * y) % 64) / 64, 0.25 + 0.5 * (x > width // 2)][:channels]
        return (np.stack(planes, -1) * (2**depth - 1)).astype(np.uint16 if depth == 16 else np.uint8)

    return make


@pytest.fixture(scope="session")
def part() -> Callable[..., Array]:
    """`part(width, height)`: a mask of the middle quarter, [h, w] uint8."""

    def make(width: int = 40, height: int = 32) -> Array:
        mask = np.zeros((height, width), np.uint8)
        mask[height // 4 : height - height // 4, width // 4 : width - width // 4] = 255
        return mask

    return make


@pytest.fixture(scope="session")
def as_ref() -> Callable[..., PictureRef]:
    """`as_ref(pixels, name)`: an array [h, w] or [h, w, 3|4] as a PNG of a request."""
    from redraw.image.encode import encode_picture

    def make(pixels: Array, name: str = "picture.png") -> PictureRef:
        if pixels.ndim == 3:
            return PictureRef.from_bytes(encode_picture(pixels).data, name)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        return PictureRef.from_bytes(stream.getvalue(), name)

    return make


@pytest.fixture(scope="session")
def redrawn(as_ref: Callable[..., PictureRef]) -> Callable[..., list[Result]]:
    """`redrawn(model, source or sources, mask=None, paint=None, **fields)`: the results of a fast run.

    Pictures are arrays or references.
    """

    def ref(picture: Any, name: str) -> Any:
        return as_ref(picture, name) if isinstance(picture, np.ndarray) else picture

    def make(model: Model, sources: Any, mask: Any = None, paint: Any = None, **fields: Any) -> list[Result]:
        many = sources if isinstance(sources, list) else [sources]
        images = tuple(ref(one, f"source-{i}.png") for i, one in enumerate(many))
        size = {} if "scale" in fields or "width" in fields or fields.get("only_masked") else _size_of(many[0])
        layers = {"mask": ref(mask, "mask.png"), "paint": ref(paint, "paint.png")}
        given = {name: layer for name, layer in layers.items() if layer is not None}
        request = Img2Img(images=images, **{**FAST, **size, **given, **fields})
        return [event for event in run(request, model) if isinstance(event, Result)]

    return make


def _size_of(source: Any) -> dict[str, int]:
    return {"width": source.shape[1], "height": source.shape[0]} if isinstance(source, np.ndarray) else {}
