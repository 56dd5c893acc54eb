"""EXIF changed in place."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from redraw.image.exif import (
    ExifError,
    decode_comment,
    encode_comment,
    orientation,
    read_comment,
    read_dpi,
    upright,
    with_comment,
    with_dpi,
    without_comment,
)

TEXTS = ["plain", "猫と犬, 😀", 'quotes " and: colons', "é" * 3000]


def _block(turned: int | None = 6, endian: str = "<") -> bytes:
    exif = Image.Exif()
    exif.endian = endian
    exif[271] = "Maker"
    exif[305] = "Software"
    if turned is not None:
        exif[0x0112] = turned
    exif.get_ifd(0x8769).update({0x9003: "2020:01:01 00:00:00", 37500: b"maker note, with offsets" * 3})
    exif.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0)})
    return exif.tobytes()


def _read(block: bytes) -> tuple[dict[int, Any], dict[int, Any], dict[int, Any]]:
    exif = Image.Exif()
    exif.load(block)
    own = {k: v for k, v in exif.items() if k not in (0x8769, 0x8825)}
    return own, dict(exif.get_ifd(0x8769)), dict(exif.get_ifd(0x8825))


@pytest.mark.parametrize("turned", [1, 3, 6, 8])
def test_the_orientation_goes_and_all_else_stays(turned: int) -> None:
    before, after = _read(_block(turned)), _read(upright(_block(turned)))
    assert orientation(_block(turned)) == turned
    assert orientation(upright(_block(turned))) == 1
    assert before[0].pop(0x0112) == turned
    assert after == before


def test_the_thumbnail_is_blanked_and_unlinked() -> None:
    picture = b"\xff\xd8thumbnail\xff\xd9"
    second = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 44, 0x0202, 4, 1, len(picture), 0)
    block = b"II*\0" + struct.pack("<IHI", 8, 0, 14) + second + picture
    done = upright(block)
    assert picture not in done
    assert struct.unpack_from("<I", done, 10) == (0,)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("block", [None, b"garbage", _block(), _block(endian=">"), _block(None)])
def test_a_comment_is_added_replaced_and_removed(block: bytes | None, text: str) -> None:
    first = with_comment(block, text)
    assert read_comment(first) == text
    longer = with_comment(first, text + " and more")
    assert read_comment(longer) == text + " and more"
    assert read_comment(without_comment(longer)) is None
    assert text.encode("utf-16-be") not in without_comment(longer)
    own, sub, gps = _read(longer)
    assert sub[0x9286] == encode_comment(text + " and more")
    if block not in (None, b"garbage"):
        assert own[271] == "Maker"
        assert sub[37500] == b"maker note, with offsets" * 3
        assert gps[1] == "N"


def test_any_number_of_edits_leaves_the_block_as_long_as_the_last_comment_makes_it() -> None:
    block = _block()
    for number in range(50):
        block = with_comment(block, f"{number}" * (1 + number * 7 % 40))
    assert with_comment(block, "last") == with_comment(_block(), "last")


def test_a_comment_in_the_middle_is_replaced_in_place_if_it_fits() -> None:
    block = with_comment(_block(), "a long comment") + b"something after it"
    assert len(with_comment(block, "short")) == len(block)
    assert read_comment(with_comment(block, "short")) == "short"


def test_a_comment_is_big_endian_whatever_the_block_is() -> None:
    assert encode_comment("ab") == b"UNICODE\0\0a\0b"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"UNICODE\0" + "Steps: 1".encode("utf-16-le"), "Steps: 1"),
        (b"UNICODE\0" + "Steps: 1".encode("utf-16"), "Steps: 1"),
        (b"ASCII\0\0\0plain\0\0", "plain"),
        (b"\0" * 8 + "é".encode(), "é"),
        (b"no code at all", "no code at all"),
        (b"", ""),
    ],
)
def test_comments_of_other_programs_are_read(value: bytes, text: str) -> None:
    assert decode_comment(value) == text


def test_the_resolution_is_kept_in_the_block() -> None:
    block = with_dpi(_block(), (300.0, 71.5))
    assert read_dpi(block) == (300.0, 71.5)
    assert read_dpi(with_dpi(None, (72, 72))) == (72, 72)
    assert read_dpi(with_dpi(block, (96, 96))) == (96, 96)
    assert read_dpi(_block()) is None


@given(st.binary(max_size=80))
@example(b"II*\0" + bytes(10))
def test_a_damaged_block_is_an_exif_error_and_nothing_else(data: bytes) -> None:
    for head in (b"", b"II*\0", b"MM\0*", b"II*\0\x08\0\0\0"):
        block = head + data
        assert 1 <= orientation(block) <= 8
        read_comment(block)
        read_dpi(block)
        assert read_comment(with_comment(block, "text")) == "text"
        for change in (upright, without_comment):
            try:
                change(block)
            except ExifError:
                continue


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_flipped_byte_in_a_real_block_does_no_harm(at: int, value: int) -> None:
    block = bytearray(with_comment(_block(), "a comment"))
    block[at % len(block)] = value
    assert read_comment(with_comment(bytes(block), "text")) == "text"
    try:
        upright(bytes(block))
    except ExifError:
        pass
