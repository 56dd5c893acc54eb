"""Pictures and colour profiles made on the spot."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

# XYZ columns under D50 of Adobe RGB (1998), wider than sRGB in green.
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def _profile(space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4sI4s4s4s", 0, b"test", 0x02400000, kind, space, pcs)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    data = head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(data)) + data[4:]


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


@pytest.fixture(scope="session")
def adobe_rgb() -> bytes:
    """A matrix profile with Adobe RGB's primaries and gamma 2.2."""
    tags = {name + b"XYZ": _xyz(column) for name, column in zip((b"r", b"g", b"b"), ADOBE, strict=True)}
    tags |= {name + b"TRC": _gamma(563 / 256) for name in (b"r", b"g", b"b")}
    return _profile(b"RGB ", b"XYZ ", {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), **tags})


@pytest.fixture(scope="session")
def grey_profile() -> bytes:
    """A grey profile with gamma 1.8, darker than sRGB reads the same numbers."""
    return _profile(b"GRAY", b"XYZ ", {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"kTRC": _gamma(1.8)})


@pytest.fixture(scope="session")
def cmyk_profile() -> bytes:
    """A table profile for four inks that only knows light and dark."""
    grid = bytearray()
    for inks in product((0, 1), repeat=4):
        grid += bytes([max(0, 255 - 80 * sum(inks)), 128, 128])
    line = bytes(range(256))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    return _profile(b"CMYK", b"Lab ", {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"A2B0": lut + line * 4 + grid + line * 3})


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
