"""Any step of a history can be looked at and run again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from redraw.request import KINDS, FieldInfo, PictureRef, describe_fields

JOBS, RESULTS = "/api/v1/jobs", "/api/v1/results"
RAW = {"content-type": "application/octet-stream"}


def made(server: Any, **body: Any) -> dict[str, Any]:
    """The result of a job that was submitted and done."""
    fields = {"prompt": "a fox", "width": 16, "height": 16, "steps": 2}
    answer = server.client.post(JOBS, json={"kind": "txt2img", "request": fields, **body})
    assert answer.status_code == 201, answer.text
    server.work()
    found: dict[str, Any] = server.client.get(answer.json()["links"]["results"]).json()[0]
    return found


def kept(server: Any, data: bytes, name: str) -> dict[str, str]:
    """An upload as requests name it."""
    return {"sha256": server.client.post("/api/v1/pictures", content=data, headers=RAW).json()["sha256"], "name": name}


def test_a_result_tells_its_parent_kind_prompt_and_sources(server: Any, make_png: Callable[..., bytes]) -> None:
    first = made(server)
    assert (first["parent"], first["kind"], first["prompt"], first["sources"]) == (None, "txt2img", "a fox", [])
    request = {"prompt": "x" * 500, "images": [{"sha256": first["sha256"]}], "steps": 2}
    second = made(server, kind="img2img", request=request, parent=first["id"])
    assert (second["parent"], second["kind"]) == (first["id"], "img2img")
    assert (second["prompt"], second["sources"]) == ("x" * 300, [first["sha256"]])
    for items in (
        server.client.get(RESULTS, params={"parent": first["id"]}).json()["items"],
        server.client.get(RESULTS, params={"job": second["job"]}).json()["items"],
        [server.client.get(second["links"]["self"]).json()],
        [server.client.patch(second["links"]["self"], json={"favorite": False}).json()],
    ):
        assert items == [second]
    assert server.client.get(RESULTS, params={"parent": second["id"]}).json()["items"] == []


def test_the_line_of_a_result_is_shown(server: Any) -> None:
    first = made(server)
    second = made(server, parent=first["id"])
    third = made(server, parent=second["id"])
    server.client.delete(first["links"]["self"])
    line = server.client.get(second["links"]["lineage"]).json()
    assert [one["id"] for one in line["ancestors"]] == [first["id"]]
    assert line["ancestors"][0]["trashed"] is not None
    assert line["children"] == [third]


@pytest.mark.parametrize(
    ("path", "status"), [(f"{RESULTS}/{'0' * 26}/lineage", 404), (f"{RESULTS}/NO/lineage", 422),
                         (f"{RESULTS}?parent=NO", 422), (f"{RESULTS}?job=NO", 422)],
)  # fmt: skip
def test_a_result_nobody_knows_has_no_line(server: Any, path: str, status: int) -> None:
    answer = server.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def other_than_default(info: FieldInfo) -> Any:
    """A right value of a field that is not its default."""
    if info.choices:
        return next(word for word in info.choices if word != info.default)
    words = {"sampler": "Euler a", "scheduler": "Karras", "upscaler": "Nearest", "background": "#123456"}
    if info.name in words:
        return words[info.name]
    if info.kind is bool:
        return not info.default
    if info.kind is tuple:
        return [64, 128]
    if info.kind is str:
        return "some words"
    low, _, step = info.slider or (5, 500, 1)
    value = low + step * (3 if low + step == info.default else 1)
    return value if info.kind is float else int(value)


@pytest.mark.parametrize("variant", ["txt2img", "mask", "paint", "scale"])
def test_what_a_job_says_of_its_request_can_be_sent_again(
    server: Any, make_png: Callable[..., bytes], variant: str
) -> None:
    kind = "txt2img" if variant == "txt2img" else "img2img"
    told = [f for f in describe_fields(KINDS[kind]) if f.kind is not PictureRef]
    fields = {f.name: [other_than_default(f)] if f.many else other_than_default(f) for f in told}
    fields = {name: value for name, value in fields.items() if name not in ("model", "vae", "refiner")}
    fields |= {"infotext_without": ["Version"], "prompt": ["a cat", "a 猫 🦊"], "negative_prompt": ["", "bad"]}
    if kind == "img2img":
        fields["images"] = [kept(server, make_png(seed=1), "one.png"), kept(server, make_png(seed=2), "two.png")]
        fields |= {"only_masked": variant != "scale", "paint_is_mask": variant == "paint"}
        fields |= {"mask": kept(server, make_png(seed=3), "mask.png")} if variant == "mask" else {}
        fields |= {"paint": kept(server, make_png(seed=4), "paint.png")} if variant == "paint" else {}
        for name in ("width", "height") if variant == "scale" else ("scale",):
            del fields[name]
    first = server.client.post(JOBS, json={"kind": kind, "request": fields})
    assert first.status_code == 201, first.text
    said = server.client.get(first.headers["location"]).json()
    assert said["request"].keys() >= fields.keys()
    assert {name: said["request"][name] for name in fields} == fields
    again = server.client.post(JOBS, json={"kind": said["kind"], "request": said["request"]})
    assert again.status_code == 201, again.text
    assert again.json()["request"] == said["request"]


def test_priority_is_changed_while_a_job_waits(server: Any) -> None:
    first, second = server.submit(), server.submit()
    changed = server.client.patch(f"{JOBS}/{second}", json={"priority": 5}).json()
    assert changed["priority"] == 5
    assert [job["id"] for job in server.client.get("/api/v1/queue").json()["line"]] == [second, first]
    wrong = server.client.patch(f"{JOBS}/{second}", json={"priority": 1001})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "priority")
    server.work()
    assert server.client.patch(f"{JOBS}/{second}", json={"priority": 1}).status_code == 409


def test_an_interruption_may_wait_for_the_picture_at_work(server: Any) -> None:
    id = server.submit()
    server.queue.claim("test")
    url = f"{JOBS}/{id}/interrupt"
    assert server.client.post(url, params={"when": "after-picture"}).json()["wish"] == "finish"
    assert server.client.post(url).json()["wish"] == "interrupt"
    wrong = server.client.post(url, params={"when": "never"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "when")
