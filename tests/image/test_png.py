"""PNG's chunks."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from redraw.image import png


def _file(*extra: bytes) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (2, 2)).save(out, "PNG")
    return png.insert(out.getvalue(), extra)


@pytest.mark.parametrize("text", ["plain", "é", "猫 😀", "a\nb", "x" * 5000, ""])
@pytest.mark.parametrize("compress", [False, True])
def test_texts_come_back_here_and_in_pillow(text: str, compress: bool) -> None:
    data = _file(png.text_chunk("parameters", text, compress=compress))
    assert png.texts(png.chunks(data)) == {"parameters": text}
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.info["parameters"] == text


def test_latin_text_is_written_as_a1111_writes_it() -> None:
    assert png.text_chunk("parameters", "é")[4:8] == b"tEXt"
    assert png.text_chunk("parameters", "猫")[4:8] == b"iTXt"


def test_texts_after_the_pixels_are_found(encoded: Callable[..., bytes]) -> None:
    data = _file()
    data = data[:-12] + png.text_chunk("late", "text") + data[-12:]
    assert png.texts(png.chunks(data)) == {"late": "text"}


def test_a_text_that_inflates_without_end_is_left_out() -> None:
    bomb = png.chunk(b"zTXt", b"bomb\0\0" + zlib.compress(bytes(40 * 1024 * 1024), 9))
    assert png.texts(png.chunks(_file(bomb, png.text_chunk("a", "b")))) == {"a": "b"}


def test_the_profile_and_the_resolution_come_back() -> None:
    data = _file(png.profile_chunk(b"profile" * 50), png.resolution_chunk((300, 150)))
    assert png.read_profile(png.chunks(data)) == b"profile" * 50
    dpi = png.read_dpi(png.chunks(data))
    assert dpi == pytest.approx((300, 150), abs=0.02)
    assert dpi is not None
    assert png.resolution_chunk(dpi) == png.resolution_chunk((300, 150))


@given(st.binary(max_size=100))
def test_any_bytes_can_be_read_as_chunks(data: bytes) -> None:
    for start in (b"", png.SIGNATURE, _file()[:33]):
        png.texts(png.chunks(start + data))
        png.read_profile(png.chunks(start + data))
        png.header(start + data)


@given(st.text(), st.text())
def test_any_key_and_text_make_a_sound_chunk(key: str, text: str) -> None:
    with Image.open(io.BytesIO(_file(png.text_chunk(key, text)))) as image:
        image.load()
