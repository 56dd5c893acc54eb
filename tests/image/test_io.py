"""Opening pictures."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from redraw.errors import PictureError
from redraw.image import png
from redraw.image.container import open_file
from redraw.image.encode import Extras, encode_picture
from redraw.image.io import open_picture, turn
from redraw.image.picture import Limits
from redraw.request.picture import PictureRef

Encode = Callable[..., bytes]
Noise = Callable[..., NDArray[Any]]


def _bytes(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _refusal(data: bytes) -> str:
    """Return why `data` is refused, "" if it opens; anything but a `PictureError` fails the test."""
    try:
        open_picture(data, Limits(max_pixels=10_000_000))
    except PictureError as error:
        return str(error)
    return ""


def _deep_png(pixels: NDArray[np.uint16], colour: int, *extra: bytes) -> bytes:
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + pixels[y].astype(">u2").tobytes() for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    chunks = [png.chunk(b"IHDR", head), *extra, png.chunk(b"IDAT", zlib.compress(rows)), png.chunk(b"IEND", b"")]
    return png.SIGNATURE + b"".join(chunks)


PLAIN = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8))
SAMPLES = {
    "PNG": _bytes(PLAIN, "PNG"),
    "JPEG": _bytes(PLAIN, "JPEG", progressive=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"),
    "WEBP": _bytes(PLAIN, "WEBP"),
    "AVIF": _bytes(PLAIN, "AVIF"),
    "GIF": _bytes(PLAIN, "GIF"),
    "TIFF": _bytes(PLAIN, "TIFF", compression="tiff_lzw"),
    "BMP": _bytes(PLAIN, "BMP"),
    "PNG 16": encode_picture(np.zeros((30, 30, 3), np.uint16) + np.arange(30, dtype=np.uint16)[:, None] * 999).data,
    "TIFF 16": encode_picture(np.full((30, 30, 4), 999, np.uint16), format="tiff", extras=Extras(infotext="x")).data,
}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
def test_every_format_opens_from_path_bytes_file_and_reference(tmp_path: Path, kind: str) -> None:
    data = SAMPLES[kind]
    path = tmp_path / "a picture"
    path.write_bytes(data)
    with path.open("rb") as stream:
        pictures = [open_picture(s) for s in (path, str(path), data, stream, io.BytesIO(data), PictureRef.of(path))]
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    for picture in pictures:
        assert np.array_equal(picture.pixels, expected)
        assert (picture.format, picture.sha256) == (kind, hashlib.sha256(data).hexdigest())
        assert picture.size == (40, 24)
    assert [p.name for p in pictures] == ["a picture", "a picture", "picture", "a picture", "picture", "a picture"]


def test_heic_opens_through_its_extra() -> None:
    pi_heif = pytest.importorskip("pi_heif", reason="the extra redraw-studio[heic] is not installed")
    assert pi_heif is not None
    with pytest.raises(PictureError, match="damaged"):
        open_picture(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))


def test_heic_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pi_heif", None)
    with pytest.raises(PictureError, match=r"redraw-studio\[heic\]"):
        open_picture(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_every_orientation_is_applied_once(kind: str, orientation: int) -> None:
    image = Image.new("RGB", (48, 32), "white")
    image.paste((200, 30, 30), (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"tiffinfo": exif} if kind == "TIFF" else {"exif": exif}
    picture = open_picture(_bytes(image, kind, **options))
    upright = turn(np.asarray(image), orientation)
    assert picture.pixels.shape == upright.shape
    assert np.abs(picture.pixels.astype(int) - upright).mean() < 8
    again = open_picture(encode_picture(picture.pixels, extras=Extras.of(picture)).data)
    assert np.array_equal(again.pixels, picture.pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bit_files_are_turned_too(noise: Noise, orientation: int) -> None:
    pixels = noise(5, 7, 3, np.uint16)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = _deep_png(pixels, 2, png.chunk(b"eXIf", exif.tobytes()[6:]))
    assert np.array_equal(open_picture(data).pixels, turn(pixels, orientation))
    tiff = encode_picture(pixels, format="tiff").data
    end = struct.unpack_from("<H", tiff, 8)[0]
    entries = [tiff[10 + 12 * i : 22 + 12 * i] for i in range(end)]
    # PlanarConfiguration (284) is 1 by default; its entry becomes the orientation.
    entries = [struct.pack("<HHII", 274, 3, 1, orientation) if e[:2] == b"\x1c\x01" else e for e in entries]
    tiff = tiff[:10] + b"".join(sorted(entries, key=lambda e: e[1::-1])) + tiff[10 + 12 * end :]
    assert np.array_equal(open_picture(tiff).pixels, turn(pixels, orientation))


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
def test_sixteen_bit_png_keeps_every_bit(noise: Noise, colour: int) -> None:
    pixels = noise(5, 7, {0: 1, 2: 3, 4: 2, 6: 4}[colour], np.uint16)
    picture = open_picture(_deep_png(pixels, colour))
    expected = {0: [0, 0, 0], 2: [0, 1, 2], 4: [0, 0, 0, 1], 6: [0, 1, 2, 3]}[colour]
    assert np.array_equal(picture.pixels, pixels[..., expected])
    assert (picture.depth, picture.weak_alpha) == (16, colour == 4)


@pytest.mark.parametrize("colour", [0, 2])
def test_a_transparent_colour_of_a_deep_png_becomes_alpha(noise: Noise, colour: int) -> None:
    pixels = noise(5, 7, 3 if colour else 1, np.uint16)
    data = _deep_png(pixels, colour, png.chunk(b"tRNS", pixels[2, 3].astype(">u2").tobytes()))
    picture = open_picture(data)
    assert picture.weak_alpha
    assert np.argwhere(picture.pixels[..., 3] == 0).tolist() == [[2, 3]]
    assert np.array_equal(picture.pixels[..., :3], np.broadcast_to(pixels, (5, 7, 3)))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bit_tiff_of_other_programs_keeps_every_bit(noise: Noise, channels: int) -> None:
    import cv2

    pixels = noise(9, 11, channels, np.uint16)
    ordered = pixels if channels == 1 else np.ascontiguousarray(pixels[..., [2, 1, 0, 3][:channels]])
    data = cv2.imencode(".tiff", ordered)[1].tobytes()
    picture = open_picture(data)
    assert np.array_equal(picture.pixels, pixels if channels > 1 else np.repeat(pixels, 3, 2))


@pytest.mark.parametrize(
    ("image", "expected", "weak"),
    [
        (Image.new("L", (2, 2), 77), (77, 77, 77), False),
        (Image.new("1", (2, 2), 1), (255, 255, 255), False),
        (Image.new("LA", (2, 2), (77, 5)), (77, 77, 77, 5), True),
        (Image.new("P", (2, 2), 0), (0, 0, 0), False),
        (Image.new("RGBA", (2, 2), (1, 2, 3, 4)), (1, 2, 3, 4), False),
        (Image.new("I;16", (2, 2), 513), (513, 513, 513), False),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_every_mode_becomes_rgb_or_rgba(image: Image.Image, expected: tuple[int, ...], weak: bool) -> None:
    picture = open_picture(_bytes(image, "PNG"))
    assert picture.pixels[0, 0].tolist() == list(expected)
    assert picture.weak_alpha is weak


@pytest.mark.parametrize(
    ("mode", "transparency", "weak"),
    [("P", b"\x00\x80\xff", False), ("P", 1, True), ("RGB", (0, 0, 0), True), ("L", 0, True)],
)
def test_transparent_entries_become_alpha_and_a1111s_share_is_marked(mode: str, transparency: Any, weak: bool) -> None:
    image = Image.new(mode, (3, 1))
    if mode == "P":
        image.putpalette([9, 9, 9, 50, 50, 50, 90, 90, 90])
        image.putdata([0, 1, 2])
    picture = open_picture(_bytes(image, "PNG", transparency=transparency))
    assert picture.has_alpha
    assert picture.weak_alpha is weak


def test_cmyk_is_converted_and_said(cmyk_profile: bytes) -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    plain = open_picture(_bytes(image, "JPEG", quality=100))
    assert plain.mode == "CMYK"
    assert plain.pixels[0, 0].tolist() == pytest.approx([255, 0, 0], abs=2)
    assert any("plain inks" in n for n in plain.notes)
    managed = open_picture(_bytes(image, "TIFF", icc_profile=cmyk_profile))
    assert managed.icc is None
    assert np.ptp(managed.pixels[0, 0]) <= 3  # the test's profile only knows light and dark
    assert any("by its profile" in n for n in managed.notes)


def test_grey_with_a_profile_becomes_srgb_and_said(grey_profile: bytes) -> None:
    picture = open_picture(_bytes(Image.new("L", (4, 4), 128), "PNG", icc_profile=grey_profile))
    assert picture.icc is None
    assert picture.pixels[0, 0, 0] > 130
    assert any("sRGB" in n for n in picture.notes)


def test_an_rgb_profile_is_kept_and_a_broken_one_said(adobe_rgb: bytes) -> None:
    assert open_picture(_bytes(PLAIN, "PNG", icc_profile=adobe_rgb)).icc == adobe_rgb
    broken = open_picture(_bytes(PLAIN, "PNG", icc_profile=b"no profile at all"))
    assert broken.icc is None
    assert any("broken" in n for n in broken.notes)
    assert np.array_equal(broken.pixels, np.asarray(PLAIN))


def test_a_profile_of_another_kind_is_left_out(cmyk_profile: bytes, grey_profile: bytes, noise: Noise) -> None:
    for data in (
        _bytes(PLAIN, "JPEG", icc_profile=cmyk_profile),
        encode_picture(noise(dtype=np.uint16), extras=Extras(icc=grey_profile)).data,
    ):
        picture = open_picture(data)
        assert picture.icc is None
        assert any("left out" in n for n in picture.notes)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "AVIF", "PNG", "TIFF"])
def test_of_several_frames_the_first_is_used_and_said(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), c) for c in ("red", "green", "blue")]
    data = _bytes(frames[0], kind, save_all=True, append_images=frames[1:])
    picture = open_picture(data)
    assert picture.pixels[8, 8].tolist() == pytest.approx([255, 0, 0], abs=8)
    assert any("the first" in n and "of 3" in n for n in picture.notes)


@pytest.mark.parametrize("kind", SAMPLES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_cut_short_anywhere_opens_or_is_a_picture_error(kind: str, data: st.DataObject) -> None:
    whole = SAMPLES[kind]
    length = data.draw(st.integers(0, len(whole) - 1))
    assert "\n" not in _refusal(whole[:length])


@pytest.mark.parametrize("kind", SAMPLES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_opens_or_is_a_picture_error(kind: str, data: st.DataObject) -> None:
    whole = bytearray(SAMPLES[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert "\n" not in _refusal(bytes(whole))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "PNG 16"])
def test_half_a_file_is_refused(kind: str) -> None:
    with pytest.raises(PictureError, match="damaged or cut short"):
        open_picture(SAMPLES[kind][: len(SAMPLES[kind]) // 2])


def test_a_bomb_is_refused_by_its_header() -> None:
    head = png.chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = png.SIGNATURE + head + png.chunk(b"IDAT", zlib.compress(bytes(1000))) + png.chunk(b"IEND", b"")
    with pytest.raises(PictureError, match="60000x60000 is more than the limit of 200,000,000 pixels"):
        open_picture(bomb)
    wide = png.SIGNATURE + png.chunk(b"IHDR", struct.pack(">IIBBBBB", 1_000_000, 1, 8, 2, 0, 0, 0))
    with pytest.raises(PictureError, match="pixels a side"):
        open_picture(wide + png.chunk(b"IDAT", b""))
    gif = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0)
    with pytest.raises(PictureError):
        open_picture(gif + b"\x02\x01\0\0;")


def test_large_pictures_raise_no_warning_of_pillows() -> None:
    head = png.chunk(b"IHDR", struct.pack(">IIBBBBB", 14_000, 14_000, 8, 2, 0, 0, 0))
    with open_file(png.SIGNATURE + head + png.chunk(b"IDAT", b""), "large.png") as image:
        assert image.size == (14_000, 14_000)


def test_limits_hold_for_bytes_and_files(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(SAMPLES["PNG"])
    for source in (path, SAMPLES["PNG"]):
        with pytest.raises(PictureError, match="limit of 100 bytes"):
            open_picture(source, Limits(max_bytes=100))
    with pytest.raises(PictureError, match="limit of 100 pixels"):
        open_picture(path, Limits(max_pixels=100))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"just some text\n", "is text, not a picture"),
        ("Grüße".encode(), "is text, not a picture"),
        (bytes(100), "not a picture Redraw can read"),
        (b"%!PS-Adobe-3.0 EPSF", "is text"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
    ],
)
def test_what_is_no_picture_is_said_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=message) as caught:
        open_picture(path)
    assert "picture.png" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_picture_errors(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no such file"):
        open_picture(tmp_path / "none.png")
    with pytest.raises(PictureError, match="folder"):
        open_picture(tmp_path)


def test_samples_of_thirty_two_bits_are_refused() -> None:
    with pytest.raises(PictureError, match="32 bits"):
        open_picture(_bytes(Image.new("F", (4, 4), 0.5), "TIFF"))


def test_text_and_resolution_are_found() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Author", "me")
    info.add_text("parameters", "a prompt")
    picture = open_picture(_bytes(PLAIN, "PNG", pnginfo=info, dpi=(300, 300)))
    assert dict(picture.text) == {"Author": "me"}
    assert picture.infotext == "a prompt"
    assert picture.dpi == pytest.approx((300, 300), abs=0.01)


def test_a_mask_keeps_its_numbers_whatever_profile_it_carries(grey_profile: bytes) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(stream, "PNG", icc_profile=grey_profile)
    assert not np.array_equal(open_picture(stream.getvalue()).pixels[..., 0].ravel(), np.arange(256))
    assert np.array_equal(open_picture(stream.getvalue(), profiles=False).pixels[..., 0].ravel(), np.arange(256))
