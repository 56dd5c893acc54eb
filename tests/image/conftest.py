"""Pictures made on the spot."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image


@pytest.fixture(scope="session")
def noise() -> Callable[..., NDArray[Any]]:
    """Make random pixels: `noise(height, width, channels, dtype)`, the same every time."""

    def make(height: int = 20, width: int = 31, channels: int = 3, dtype: Any = np.uint8) -> NDArray[Any]:
        rng = np.random.default_rng(height * 1000 + width + channels)
        return rng.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype=dtype, endpoint=True)

    return make


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """Save a Pillow image to bytes: `encoded(image, "PNG", **options)`."""

    def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
        out = io.BytesIO()
        image.save(out, kind, **options)
        return out.getvalue()

    return encode
