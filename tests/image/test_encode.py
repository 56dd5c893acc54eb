"""Files with everything in them, there and back."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from redraw.errors import OutputError
from redraw.image.encode import FORMATS, Extras, encode_picture, format_named
from redraw.image.exif import upright
from redraw.image.io import open_picture
from redraw.image.metadata import read_metadata
from redraw.image.picture import Picture

Noise = Callable[..., NDArray[Any]]
INFOTEXT = 'a cat 猫 😀 "q", (x:1.2)\nNegative prompt: bad\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1'
RECIPE: dict[str, Any] = {"prompt": '猫 😀 <&> ]]> "q" \\ \n', "numbers": [1, 7.0, None, True]}
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:rights="mine"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
EXACT = {"png", "tiff", "webp"}
DEEP = {"png", "tiff"}


def _exif() -> bytes:
    exif = Image.Exif()
    exif[271] = "Maker"
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0x9003: "2020:01:01 00:00:00", 37500: b"a maker's note"})
    return upright(exif.tobytes())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", FORMATS)
def test_everything_comes_back(noise: Noise, adobe_rgb: bytes, kind: str, channels: int, dtype: Any) -> None:
    pixels = noise(channels=channels, dtype=dtype)
    extras = Extras(adobe_rgb, _exif(), XMP, (300, 300), {"Author": "mé 猫"}, INFOTEXT, RECIPE)
    file = encode_picture(pixels, format=kind, lossless=True, extras=extras)
    picture = open_picture(file.data)
    assert (picture.infotext, picture.recipe, picture.icc) == (INFOTEXT, RECIPE, adobe_rgb)
    assert picture.dpi == pytest.approx((300, 300), abs=0.01)
    assert picture.xmp is not None
    assert b'dc:rights="mine"' in picture.xmp
    assert picture.exif is not None
    exif = Image.Exif()
    exif.load(picture.exif)
    assert exif[271] == "Maker"
    assert exif.get_ifd(0x8769)[0x9003] == "2020:01:01 00:00:00"
    assert exif.get_ifd(0x8769)[37500] == b"a maker's note"
    if kind == "png":
        assert dict(picture.text) == {"Author": "mé 猫"}
    if kind in DEEP or (kind in EXACT and dtype == np.uint8):
        assert picture.pixels.dtype == dtype
        assert np.array_equal(picture.pixels, pixels)
    else:
        assert picture.pixels.shape == (*pixels.shape[:2], 3 if kind == "jpg" else channels)


@pytest.mark.parametrize("kind", FORMATS)
def test_metadata_is_read_without_the_pixels(noise: Noise, kind: str) -> None:
    data = encode_picture(noise(200, 300), format=kind, extras=Extras(infotext=INFOTEXT, recipe=RECIPE)).data
    found = read_metadata(data)
    assert (found.infotext, found.recipe) == (INFOTEXT, RECIPE)
    bare = read_metadata(encode_picture(noise(), format=kind).data)
    assert bare == (None, None, {})


def test_metadata_of_a_png_survives_the_loss_of_its_pixels(noise: Noise) -> None:
    data = encode_picture(noise(200, 300), extras=Extras(infotext=INFOTEXT, recipe=RECIPE)).data
    assert read_metadata(data[: len(data) // 2]).infotext == INFOTEXT


def test_a_gif_carries_infotext_in_its_comment() -> None:
    out = io.BytesIO()
    Image.new("P", (4, 4)).save(out, "GIF", comment=INFOTEXT.encode())
    assert read_metadata(out.getvalue()).infotext == INFOTEXT


@pytest.mark.parametrize("kind", ["jpg", "webp", "avif"])
def test_the_comment_has_the_bytes_a1111_writes(noise: Noise, kind: str) -> None:
    data = encode_picture(noise(), format=kind, extras=Extras(infotext="a 猫")).data
    with Image.open(io.BytesIO(data)) as image:
        comment = image.getexif().get_ifd(0x8769)[0x9286]
    assert comment == b"UNICODE\0" + "a 猫".encode("utf-16-be")


def test_a_png_has_no_second_infotext_in_its_exif(noise: Noise) -> None:
    old = open_picture(encode_picture(noise(), format="jpg", extras=Extras(infotext="old")).data)
    assert old.infotext == "old"
    new = encode_picture(noise(), extras=Extras.of(old, infotext="new")).data
    assert read_metadata(new).infotext == "new"
    assert "old".encode("utf-16-be") not in new


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1).map(lambda t: t.replace("\0", "").strip()).filter(bool), st.sampled_from(FORMATS))
def test_any_prompt_comes_back(text: str, kind: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    data = encode_picture(
        np.zeros((2, 2, 3), np.uint8), format=kind, extras=Extras(infotext=text, recipe={"p": text})
    ).data
    found = read_metadata(data)
    assert (found.infotext, found.recipe) == (text, {"p": text})


def test_only_profile_and_resolution_stay_when_metadata_is_not_kept(noise: Noise, adobe_rgb: bytes) -> None:
    source = Picture(noise(), icc=adobe_rgb, exif=_exif(), xmp=XMP, dpi=(72, 72), text={"a": "b"})
    assert Extras.of(source, keep_metadata=False) == Extras(icc=adobe_rgb, dpi=(72, 72))
    assert Extras.of(source, infotext="x") == Extras(adobe_rgb, _exif(), XMP, (72, 72), {"a": "b"}, "x")


def test_what_a_format_cannot_hold_is_said(noise: Noise) -> None:
    assert encode_picture(noise(channels=4), format="jpg").notes == (
        "jpg holds no transparency; it was laid over white",
    )
    assert encode_picture(noise(dtype=np.uint16), format="webp").notes == ("webp holds 8 bits; the picture has 16",)


@pytest.mark.parametrize(("kind", "side"), [("webp", 16_384), ("jpg", 65_536)])
def test_a_picture_too_long_for_its_format_becomes_a_png(kind: str, side: int) -> None:
    file = encode_picture(np.zeros((1, side, 3), np.uint8), format=kind)
    assert file.format == "png"
    assert file.data.startswith(b"\x89PNG")
    assert f"{kind} cannot hold {side}x1" in file.notes[0]


def test_metadata_too_long_for_a_jpg_is_left_out_and_said(noise: Noise) -> None:
    rng = np.random.default_rng(0)
    endless = {"x": "".join(map(chr, rng.integers(33, 126, 200_000)))}
    file = encode_picture(noise(), format="jpg", extras=Extras(infotext="y" * 40_000, recipe=endless))
    assert len(file.notes) == 3
    assert read_metadata(file.data) == (None, None, {})
    roomy = encode_picture(noise(), format="jpg", extras=Extras(exif=_exif() + bytes(70_000), infotext="kept"))
    assert read_metadata(roomy.data).infotext == "kept"


def test_formats_answer_to_their_spellings() -> None:
    assert [format_named(n) for n in ("PNG", ".jpeg", "tif", "webp")] == ["png", "jpg", "tiff", "webp"]
    with pytest.raises(OutputError, match="gif"):
        encode_picture(np.zeros((1, 1, 3), np.uint8), format="gif")


def test_damaged_exif_is_left_out_and_said(noise: Noise) -> None:
    file = encode_picture(noise(), extras=Extras(exif=b"garbage", infotext="x"))
    assert any("EXIF" in n for n in file.notes)
    assert open_picture(file.data).exif is None
