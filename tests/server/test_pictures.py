"""`/api/v1/pictures`: uploads within limits."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from redraw.errors import PictureError
from redraw.image.picture import Limits
from redraw.server.bodies import file_name
from redraw.server.errors import Problem
from redraw.server.pictures import Desk

URL = "/api/v1/pictures"
Made = Callable[..., bytes]
RAW = {"content-type": "application/octet-stream"}


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it is huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1 << 20), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("as_form", [True, False], ids=["multipart", "raw"])
def test_an_upload_is_kept_under_its_hash(server: Any, make_png: Made, as_form: bool) -> None:
    data = make_png(20, 10)
    if as_form:
        answer = server.client.post(URL, files={"file": ("C:\\me\\cat.png", data, "text/html")})
    else:
        answer = server.client.post(URL, content=data, headers=RAW)
    assert answer.status_code == 201
    found = answer.json()
    assert found["sha256"] == hashlib.sha256(data).hexdigest()
    assert (found["width"], found["height"], found["size"], found["format"]) == (20, 10, len(data), "PNG")
    assert found["name"] == ("cat.png" if as_form else "picture")
    kept = server.client.get(answer.headers["location"])
    assert (kept.content, kept.headers["content-type"]) == (data, "image/png")


def test_the_recipe_inside_is_read(server: Any) -> None:
    info, stream = PngInfo(), io.BytesIO()
    info.add_text("parameters", "a fox\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 5, Size: 8x8")
    Image.new("RGB", (8, 8)).save(stream, "PNG", pnginfo=info)
    found = server.client.post(URL, content=stream.getvalue(), headers=RAW).json()
    assert found["infotext"].startswith("a fox")
    assert found["parameters"]["Seed"] == "5"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "image/png", 422),
        (b"hello", "image/png", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 422),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "image/png", 422),
        (b"hello", "text/plain", 415),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b"no boundary", "multipart/form-data", 400),
        (
            b"--b\r\ncontent-disposition: form-data; name=x\r\n\r\n1\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            422,
        ),
    ],
)
def test_what_is_no_picture_is_refused_and_not_kept(server: Any, content: bytes, kind: str, status: int) -> None:
    answer = server.client.post(URL, content=content, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert list(server.queue.blobs.listing()) == []


def test_more_bytes_than_allowed_are_refused_while_they_come(local: Any) -> None:
    server = local(max_upload=10_000)
    declared = server.client.post(URL, content=bytes(200_000), headers=RAW)
    assert declared.status_code == 413
    endless = server.client.post(URL, content=(bytes(1000) for _ in range(1000)), headers=RAW)
    assert endless.status_code == 413
    assert endless.json()["title"] == "too large"


@pytest.mark.parametrize("size", [(60_000, 60_000), (65_536, 1), (9000, 9000)])
def test_a_bomb_is_refused_by_what_it_says_before_it_is_decoded(server: Any, size: tuple[int, int]) -> None:
    begun = time.perf_counter()
    answer = server.client.post(URL, content=bomb(*size), headers=RAW)
    assert answer.status_code == 422
    assert "more than the limit" in answer.json()["detail"]
    assert time.perf_counter() - begun < 15  # decoding it takes minutes; a busy machine some seconds for nothing


def test_decoding_that_takes_too_long_is_given_up(server: Any, make_png: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(server.queue.blobs, Limits(), 0.05)
    monkeypatch.setattr(desk, "_received", lambda data, name: time.sleep(0.5))
    with pytest.raises(Problem, match="too long"):
        desk.receive(make_png(), "slow.png")
    desk.close()


def test_inline_pictures_obey_the_same_limits(server: Any) -> None:
    desk = Desk(server.queue.blobs, Limits(max_pixels=100), 5)
    from redraw.server.bodies import InlinePicture, StoredPicture

    data = base64.b64encode(bomb(50, 50)).decode()
    with pytest.raises(PictureError):
        desk.reference(InlinePicture(data=data), "images")
    with pytest.raises(Exception, match="base64"):
        desk.reference(InlinePicture(data="%%%"), "images")
    html = server.queue.blobs.put(b"<html>")
    with pytest.raises(Exception, match="of a picture"):
        desk.reference(StoredPicture(sha256=html), "images")
    desk.close()


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("cat.png", "cat.png"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\r\nset-cookie: x", "aset-cookie: x"),
        ("..", "picture"),
        ("", "picture"),
        ("\x00", "picture"),
        ("x" * 500, "x" * 100),
    ],
)
def test_a_clients_file_name_becomes_plain(given: str, plain: str) -> None:
    assert file_name(given) == plain
