"""`/pictures/{sha256}/view` and `/info`: pictures that are here already, as a page needs them."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from redraw.jobs.blobs import Blobs
from redraw.server.pictures import Desk
from redraw.server.shown import Shown

URL = "/api/v1/pictures"
RAW = {"content-type": "application/octet-stream"}


def rotated(width: int = 40, height: int = 20) -> bytes:
    """A JPEG that lies on its side."""
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.new("RGB", (width, height), "red").save(out, "JPEG", exif=exif)
    return out.getvalue()


def kept(server: Any, data: bytes) -> dict[str, Any]:
    """What the server says of an upload."""
    answer = server.client.post(URL, content=data, headers=RAW)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_plain_file_is_shown_by_its_own_bytes(server: Any, make_png: Callable[..., bytes]) -> None:
    data = make_png(20, 10)
    links = kept(server, data)["links"]
    answer = server.client.get(links["view"])
    assert (answer.content, answer.headers["content-type"]) == (data, "image/png")
    assert list(server.config.data_dir.glob("views/*")) == []


def test_another_is_made_upright_once(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kept(server, rotated())
    assert (found["width"], found["height"]) == (20, 40)
    first = server.client.get(found["links"]["view"])
    assert first.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(first.content)).size == (20, 40)
    monkeypatch.setattr(Desk, "view", lambda *_: pytest.fail("made twice"))
    assert server.client.get(found["links"]["view"]).content == first.content
    known = server.client.get(found["links"]["view"], headers={"if-none-match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert server.client.head(found["links"]["view"]).status_code == 200


def test_a_small_copy_is_a_webp(server: Any, make_png: Callable[..., bytes]) -> None:
    for data, size in ((rotated(400, 200), (50, 100)), (make_png(400, 200), (100, 50))):
        answer = server.client.get(kept(server, data)["links"]["view"], params={"side": 100})
        assert answer.headers["content-type"] == "image/webp"
        assert Image.open(io.BytesIO(answer.content)).size == size


def test_a_result_can_be_viewed_too(server: Any) -> None:
    id = server.submit()
    server.work()
    result = server.client.get(f"/api/v1/jobs/{id}/results").json()[0]
    answer = server.client.get(f"{URL}/{result['sha256']}/view")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")


def test_what_was_said_at_the_upload_can_be_asked_again(server: Any, make_png: Callable[..., bytes]) -> None:
    found = kept(server, make_png(20, 10))
    assert server.client.get(found["links"]["info"]).json() == found


@pytest.mark.parametrize("door", ["view", "info"])
def test_what_is_not_here_or_no_picture_is_404(server: Any, door: str) -> None:
    html = server.queue.blobs.put(b"<html>")
    for sha256 in ("0" * 64, html):
        answer = server.client.get(f"{URL}/{sha256}/{door}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert server.client.get(f"{URL}/nope/{door}").status_code == 422


@pytest.mark.parametrize("side", ["15", "4097", "x"])
def test_a_size_beyond_the_bounds_is_refused_by_its_name(
    server: Any, make_png: Callable[..., bytes], side: str
) -> None:
    answer = server.client.get(kept(server, make_png())["links"]["view"], params={"side": side})
    assert (answer.status_code, answer.json()["field"]) == (422, "side")


def test_a_picture_beyond_the_limits_is_not_decoded_for_a_view(local: Callable[..., Any]) -> None:
    server = local(max_pixels=100)
    sha256 = server.queue.blobs.put(rotated())
    answer = server.client.get(f"{URL}/{sha256}/view")
    assert answer.status_code == 422
    assert "more than the limit" in answer.json()["detail"]


def test_copies_go_with_their_picture_when_the_trash_is_emptied(server: Any) -> None:
    found = kept(server, rotated())
    server.client.get(found["links"]["view"])
    assert len(list(server.config.data_dir.glob("views/*"))) == 1
    server.queue.blobs.remove(found["sha256"])
    assert server.client.get(found["links"]["view"]).status_code == 404
    server.client.delete("/api/v1/trash", headers={"x-redraw": "1"})
    assert list(server.config.data_dir.glob("views/*")) == []


def test_copies_together_stay_below_their_limit(tmp_path: Path) -> None:
    shown = Shown(tmp_path / "views", limit=250)
    for number in range(3):
        shown.keep(f"{number}" * 64, 0, bytes(100))
        os.utime(tmp_path / "views" / f"{'0' * 64}-0", (time.time() + number, time.time() + number))
    assert shown.find("0" * 64, 0) == bytes(100)
    assert shown.find("1" * 64, 0) is None
    assert shown.find("2" * 64, 0) == bytes(100)


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "views").write_bytes(b"a file")
    shown = Shown(tmp_path / "views")
    shown.keep("0" * 64, 0, b"x")
    assert shown.find("0" * 64, 0) is None
    assert shown.sweep(Blobs(tmp_path / "blobs")) == 0
    assert Shown(tmp_path / "none").sweep(Blobs(tmp_path / "blobs")) == 0
