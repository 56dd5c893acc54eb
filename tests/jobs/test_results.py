"""Results as files: formats, thumbnails, extras, options that are checked."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from redraw.errors import OutputError, RequestError
from redraw.image.metadata import read_metadata
from redraw.image.picture import Picture
from redraw.jobs.engine import Made
from redraw.jobs.results import Packing, pack, preview_jpeg

RECIPE = {"format": 1, "request": {"prompt": "a fox"}}


def result(width: int = 600, height: int = 300, channels: int = 3, depth: Any = np.uint8, **more: Any) -> Made:
    """A result with a gradient in it."""
    pixels = np.zeros((height, width, channels), depth)
    pixels[..., 0] = np.linspace(0, np.iinfo(depth).max, width).astype(depth)
    return Made(0, Picture(pixels), "a fox\nSteps: 1, Seed: 2, Size: 1x1", RECIPE, 2, ("a note",), **more)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_the_file_carries_its_recipe(kind: str) -> None:
    packed = pack(result(), Packing.of({"format": kind, "quality": 90}))
    found = read_metadata(packed.file)
    assert (packed.format, packed.width, packed.height) == (kind, 600, 300)
    assert found.infotext == packed.infotext
    assert found.recipe == RECIPE
    assert packed.notes == ("a note",)


@pytest.mark.parametrize(
    ("width", "height", "small"),
    [(600, 300, (256, 128)), (300, 1200, (64, 256)), (100, 50, (100, 50)), (1, 900, (1, 256))],
)
@pytest.mark.parametrize(("channels", "depth"), [(3, np.uint8), (4, np.uint8), (4, np.uint16)])
def test_the_thumbnail_is_small(width: int, height: int, small: tuple[int, int], channels: int, depth: Any) -> None:
    image = Image.open(io.BytesIO(pack(result(width, height, channels, depth), Packing()).thumbnail))
    assert (image.format, image.size) == ("WEBP", small)


def test_what_is_asked_for_comes_beside_the_picture() -> None:
    mask, cutout = result(8, 8).picture, result(8, 8, 4).picture
    packed = pack(result(mask=mask, cutout=cutout), Packing.of({"outputs": ["mask", "cutout"]}))
    assert {name: Image.open(io.BytesIO(data)).mode for name, data in packed.extras.items()} == {
        "mask": "RGB",
        "cutout": "RGBA",
    }
    assert pack(result(mask=mask, cutout=cutout), Packing()).extras == {}
    assert pack(result(), Packing.of({"outputs": "mask"})).extras == {}


def test_the_same_picture_has_the_same_bytes() -> None:
    assert pack(result(), Packing()) == pack(result(), Packing())


def test_what_a_format_cannot_hold_is_said() -> None:
    packed = pack(result(8, 8, 3, np.uint16), Packing("jpg"))
    assert packed.notes == ("a note", "jpg holds 8 bits; the picture has 16")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"quality": 0}, "quality"),
        ({"quality": 101}, "quality"),
        ({"quality": "high"}, "quality"),
        ({"quality": True}, "quality"),
        ({"outputs": ["soul"]}, "outputs"),
        ({"outputs": 3}, "outputs"),
        ({"outputs": [{}]}, "outputs"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        Packing.of(options)
    assert caught.value.field == field


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(OutputError, match="bmp"):
        Packing.of({"format": "bmp"})


def test_a_preview_is_a_jpeg() -> None:
    image = Image.open(io.BytesIO(preview_jpeg(np.full((6, 9, 3), 77, np.uint8))))
    assert (image.format, image.size) == ("JPEG", (9, 6))
