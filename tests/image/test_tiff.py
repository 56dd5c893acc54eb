"""TIFF files, read back by Pillow and OpenCV."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from redraw.image.exif import encode_comment, read_comment, with_comment
from redraw.image.tiff import encode_tiff

Noise = Callable[..., NDArray[Any]]


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 3), (700, 900)])
def test_pillow_reads_every_pixel_over_any_number_of_strips(
    noise: Noise, height: int, width: int, channels: int
) -> None:
    pixels = noise(height, width, channels)
    with Image.open(io.BytesIO(encode_tiff(pixels, icc=None, exif=None, xmp=None, dpi=(72, 72)))) as image:
        assert np.array_equal(np.asarray(image), pixels)
        assert image.info["dpi"] == (72, 72)


@pytest.mark.parametrize("channels", [3, 4])
def test_opencv_reads_sixteen_bits(noise: Noise, channels: int) -> None:
    import cv2

    pixels = noise(70, 90, channels, np.uint16)
    data = np.frombuffer(encode_tiff(pixels, icc=None, exif=None, xmp=None, dpi=None), np.uint8)
    found = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert found is not None
    assert np.array_equal(found[..., [2, 1, 0, 3][:channels]], pixels)


def test_exif_lies_in_the_file_itself(noise: Noise) -> None:
    block = with_comment(None, "猫")
    data = encode_tiff(noise(), icc=b"icc", exif=block, xmp=b"<xmp/>", dpi=None)
    assert read_comment(data) == "猫"
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif().get_ifd(0x8769)[0x9286] == encode_comment("猫")
        assert image.info["icc_profile"] == b"icc"
        assert image.info["xmp"] == b"<xmp/>"
