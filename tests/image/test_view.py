"""What browsers are shown: the file itself where they read it as Redraw does, else an upright sRGB copy."""

from __future__ import annotations

import io
import struct
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from redraw.errors import PictureError
from redraw.image import png
from redraw.image.io import open_picture
from redraw.image.profile import model_rgb
from redraw.image.view import shows_as_it_is, view_png, view_webp

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)


def saved(kind: str, pixels: Any = PIXELS, **options: Any) -> bytes:
    """A file of these pixels."""
    out = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(out, kind, **options)
    return out.getvalue()


def rotated(kind: str, orientation: int = 6) -> bytes:
    """A file that says how it is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(kind, exif=exif)


def with_chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk."""
    return png.insert(saved("PNG"), [png.chunk(kind, data)])


def deep() -> bytes:
    """A PNG with 16 bits."""
    return bytes(cv2.imencode(".png", PIXELS.astype(np.uint16) * 257)[1].tobytes())


def animated(kind: str) -> bytes:
    """A file of two frames."""
    other = Image.fromarray(PIXELS[::-1].copy())
    return saved(kind, save_all=True, append_images=[other], duration=100)


GAMMA = struct.pack(">I", 100_000)


@pytest.mark.parametrize(
    "data",
    [
        saved("PNG"),
        saved("JPEG"),
        saved("WEBP"),
        saved("PNG", np.dstack([PIXELS, PIXELS[..., 0]])),
        saved("PNG", PIXELS[..., 0]),
        saved("PNG", Image.fromarray(PIXELS).quantize(8)),
        rotated("JPEG", 1),
        png.insert(saved("PNG"), [png.chunk(b"gAMA", GAMMA), png.chunk(b"sRGB", b"\0")]),
    ],
    ids=["png", "jpeg", "webp", "alpha", "grey", "palette", "orientation 1", "sRGB"],
)
def test_what_browsers_read_right_is_left_as_it_is(data: bytes) -> None:
    assert shows_as_it_is(data)


@pytest.mark.parametrize(
    "data",
    [
        rotated("JPEG"),
        rotated("PNG"),
        rotated("WEBP"),
        deep(),
        saved("BMP"),
        saved("TIFF"),
        saved("GIF"),
        saved("JPEG", Image.fromarray(PIXELS).convert("CMYK")),
        animated("PNG"),
        animated("WEBP"),
        with_chunk(b"gAMA", GAMMA),
        with_chunk(b"cICP", b"\x0c\x0d\x00\x01"),
    ],
    ids=["jpeg 6", "png 6", "webp 6", "16 bit", "bmp", "tiff", "gif", "cmyk", "apng", "webp anim", "gAMA", "cICP"],
)
def test_what_browsers_show_otherwise_or_not_at_all_needs_a_copy(data: bytes) -> None:
    assert not shows_as_it_is(data)
    picture = open_picture(data)
    copy = view_png(picture)
    assert shows_as_it_is(copy)
    assert np.array_equal(open_picture(copy).pixels, np.asarray(model_rgb(picture)))


def test_a_profile_is_used_up(adobe_rgb: bytes) -> None:
    data = saved("PNG", icc_profile=adobe_rgb)
    assert not shows_as_it_is(data)
    shown = open_picture(view_png(open_picture(data)))
    assert shown.icc is None
    assert not np.array_equal(shown.pixels, PIXELS)


def test_a_copy_is_upright_and_keeps_transparency() -> None:
    assert Image.open(io.BytesIO(view_png(open_picture(rotated("JPEG"))))).size == (12, 20)
    clear = np.dstack([PIXELS, PIXELS[..., 0]]).astype(np.uint16) * 257
    shown = open_picture(view_png(open_picture(bytes(cv2.imencode(".png", clear)[1].tobytes()))))
    assert np.array_equal(shown.pixels[..., 3], PIXELS[..., 0])


@pytest.mark.parametrize(("side", "size"), [(10, (6, 10)), (4000, (12, 20))])
def test_a_small_copy_is_never_larger_than_the_picture(side: int, size: tuple[int, int]) -> None:
    small = Image.open(io.BytesIO(view_webp(open_picture(rotated("JPEG")), side)))
    assert (small.format, small.size) == ("WEBP", size)


def test_text_is_no_picture() -> None:
    with pytest.raises(PictureError):
        shows_as_it_is(b"hello")
