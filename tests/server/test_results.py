"""`/api/v1/results` and `/api/v1/pictures/{sha256}`: files as they are, and only pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

RESULTS = "/api/v1/results"
Made = Callable[..., bytes]


@pytest.fixture
def done(server: Any) -> Any:
    """A server with one finished job of two pictures."""
    server.submit(prompt="a fox", batch_count=2, seed=1)
    server.work()
    return server


def only(server: Any, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = server.client.get(RESULTS, params=query).json()["items"]
    return items


def test_history_is_searched_marked_and_paged(done: Any) -> None:
    first, second = only(done)
    assert done.client.patch(first["links"]["self"], json={"favorite": True}).json()["favorite"] is True
    assert [r["id"] for r in only(done, favorite=True)] == [first["id"]]
    assert only(done, text="wolf") == []
    assert len(only(done, text="FOX")) == 2
    page = done.client.get(RESULTS, params={"limit": 1}).json()
    assert only(done, after=page["next"])[0]["id"] == second["id"]


def test_a_result_goes_to_the_trash_comes_back_and_leaves_for_good(done: Any) -> None:
    first, second = only(done)
    assert done.client.delete(first["links"]["self"]).status_code == 204
    assert [r["id"] for r in only(done)] == [second["id"]]
    assert [r["id"] for r in only(done, trashed=True)] == [first["id"]]
    assert done.client.post(f"{first['links']['self']}/restore").json()["trashed"] is None
    done.client.delete(first["links"]["self"])
    assert done.client.delete("/api/v1/trash", params={"older_than": 3600}).json() == {"removed": 0}
    assert done.client.delete("/api/v1/trash").json() == {"removed": 1}
    assert done.client.get(first["links"]["picture"]).status_code == 404


def test_a_picture_is_cached_for_ever_and_comes_in_ranges(done: Any) -> None:
    link = only(done)[0]["links"]["picture"]
    whole = done.client.get(link)
    assert whole.headers["content-type"] == "image/png"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in whole.headers["cache-control"]
    assert whole.headers["content-disposition"].startswith("inline; filename=")
    part = done.client.get(link, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    tag = whole.headers["etag"]
    assert done.client.get(link, headers={"if-none-match": tag}).status_code == 304
    stale = done.client.get(link, headers={"range": "bytes=0-3", "if-range": '"other"'})
    assert (stale.status_code, stale.content) == (200, whole.content)
    resumed = done.client.get(link, headers={"range": "bytes=0-3", "if-range": tag})
    assert resumed.status_code == 206
    head = done.client.head(link)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))
    assert done.client.get(link, headers={"range": "bytes=999999-"}).status_code == 416


def test_a_thumbnail_is_a_small_webp(done: Any) -> None:
    assert done.client.get(only(done)[0]["links"]["thumbnail"]).headers["content-type"] == "image/webp"


@pytest.mark.parametrize("extra", ["mask", "cutout"])
def test_an_extra_that_was_not_kept_is_not_there(done: Any, extra: str) -> None:
    assert done.client.get(f"{only(done)[0]['links']['self']}/{extra}").status_code == 404


def test_extras_are_served_where_they_were_kept(server: Any, make_png: Made) -> None:
    id = server.submit()
    job = server.queue.claim("test")
    fields = {"format": "png", "width": 1, "height": 1, "seed": 1, "infotext": "", "recipe": {}}
    mask = make_png(seed=3)
    made = server.queue.add_result(
        id, "test", 0, file=make_png(), thumbnail=make_png(), extras={"mask": mask}, **fields
    )
    assert job is not None
    links = server.client.get(f"{RESULTS}/{made.id}").json()["links"]
    assert server.client.get(links["mask"]).content == mask
    assert "cutout" not in links


@pytest.mark.parametrize(
    "content",
    [b"<html><script>alert(1)</script>", b"%PDF-1.7", b"PK\x03\x04", b"<svg onload=alert(1)>", b"", b"\x80\x04\x95"],
)
def test_what_is_no_picture_is_never_served(server: Any, content: bytes) -> None:
    digest = server.queue.blobs.put(content)
    assert server.client.get(f"/api/v1/pictures/{digest}").status_code == 404


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "A" * 64, "0" * 63, "0" * 64 + "%00"])
def test_a_picture_is_named_by_64_digits_only(server: Any, name: str) -> None:
    assert server.client.get(f"/api/v1/pictures/{name}").status_code in (404, 422)
