"""`/api/v1/jobs`: what is accepted, listed, changed, ordered and refused."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

JOBS = "/api/v1/jobs"
Made = Callable[..., bytes]


def body(**request: Any) -> dict[str, Any]:
    return {"kind": "txt2img", "request": {"prompt": "a cat", "width": 16, "height": 16, "steps": 2, **request}}


def test_a_job_is_accepted_worked_on_and_delivered(server: Any) -> None:
    answer = server.client.post(JOBS, json=body(seed=5, batch_count=2))
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["location"] == job["links"]["self"]
    assert job["state"] == "waiting"
    assert job["request"]["seed"] == 5
    server.work()
    assert server.client.get(job["links"]["self"]).json()["state"] == "done"
    results = server.client.get(job["links"]["results"]).json()
    assert [r["index"] for r in results] == [0, 1]
    data = server.client.get(results[1]["links"]["picture"]).content
    assert hashlib.sha256(data).hexdigest() == results[1]["sha256"]


def test_only_given_fields_are_kept_so_that_a_models_own_defaults_apply(server: Any) -> None:
    job = server.client.post(JOBS, json={"kind": "txt2img", "request": {"prompt": "x", "cfg_scale": 7.0}}).json()
    assert job["request"]["cfg_scale"] == 7.0
    assert "steps" not in job["request"]
    assert "cfg_scale" in server.queue.request_of(server.queue.get(job["id"])).model_fields_set


def test_pictures_come_in_the_body_or_by_the_hash_of_an_upload(server: Any, make_png: Made) -> None:
    source, mask = make_png(seed=1), make_png(seed=2)
    uploaded = server.client.post("/api/v1/pictures", content=mask, headers={"content-type": "image/png"}).json()
    request = {
        "images": [{"data": base64.b64encode(source).decode(), "name": "../../etc/cat.png"}],
        "mask": {"sha256": uploaded["sha256"], "name": "mask.png"},
    }
    job = server.client.post(JOBS, json={"kind": "img2img", "request": request}).json()
    found = server.queue.request_of(server.queue.get(job["id"]))
    assert found.images[0].open_bytes() == source
    assert found.images[0].name == "cat.png"
    assert found.mask.open_bytes() == mask


@pytest.mark.parametrize("sent", ["/etc/passwd", "cat.png", ["/etc/passwd"], [{"path": "/etc/passwd"}]])
def test_a_path_is_never_a_picture(server: Any, sent: Any) -> None:
    answer = server.client.post(JOBS, json={"kind": "img2img", "request": {"images": sent}})
    assert answer.status_code == 422
    assert answer.json()["field"] == "images"


@pytest.mark.parametrize("field", ["model", "vae"])
@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret.safetensors", "~/x", "/dev/zero"])
def test_a_path_is_never_a_model(server: Any, field: str, name: str) -> None:
    answer = server.client.post(JOBS, json=body(**{field: name}))
    assert answer.status_code == 422
    assert answer.json()["title"] == "unknown name"


@pytest.mark.parametrize(
    ("fields", "field", "allowed"),
    [
        ({"steps": 0}, "steps", "it is a whole number between 1 and 1000"),
        ({"sampler": "Eular"}, "sampler", "did you mean Euler"),
        ({"cfg_scale": "much"}, "cfg_scale", "it is a number between 0 and 100"),
        ({"shape": 3}, "shape", "there is no such field"),
        ({"seed": -7}, "seed", "it is a whole number between -1 and"),
        ({"rng": "dice"}, "rng", "it is one of nv, cpu, gpu"),
        ({"model": "no such model"}, "model", ""),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(server: Any, fields: Any, field: str, allowed: str) -> None:
    answer = server.client.post(JOBS, json=body(**fields))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["field"] == field
    assert problem["status"] == 422
    assert allowed in problem.get("allowed", "")
    assert server.queue.count() == 0


def test_an_unknown_hash_is_refused_with_its_field(server: Any) -> None:
    answer = server.client.post(JOBS, json={"kind": "img2img", "request": {"images": [{"sha256": "0" * 64}]}})
    assert (answer.status_code, answer.json()["field"]) == (422, "images")


def test_a_repeated_key_answers_with_the_same_job_and_another_body_is_refused(server: Any) -> None:
    key = {"idempotency-key": "abc-1"}
    first = server.client.post(JOBS, json=body(), headers=key)
    again = server.client.post(JOBS, json=body(), headers=key)
    other = server.client.post(JOBS, json=body(steps=3), headers=key)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 422)
    assert first.json()["id"] == again.json()["id"]
    assert other.json()["field"] == "Idempotency-Key"
    assert server.queue.count() == 1


def test_a_full_queue_says_so_and_when_to_come_again(local: Any) -> None:
    server = local(queue_limit=1)
    server.submit()
    answer = server.client.post(JOBS, json=body())
    assert answer.status_code == 429
    assert answer.json()["title"] == "the queue is full"
    assert int(answer.headers["retry-after"]) > 0


def test_pages_follow_each_other_without_gap_or_repetition(server: Any) -> None:
    ids = [server.submit() for _ in range(5)]
    seen, after = [], None
    while True:
        page = server.client.get(JOBS, params={"limit": 2, **({"after": after} if after else {})}).json()
        seen += [job["id"] for job in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=waiting", 1),
        ("state=paused", 1),
        ("state=waiting,paused", 2),
        ("state=waiting&state=paused", 2),
        ("state=done", 0),
        ("text=DOG", 1),
        ("favorite=true", 1),
        ("source=web", 0),
        ("order=oldest", 2),
        ("trashed=true", 0),
    ],
)
def test_jobs_are_filtered(server: Any, query: str, found: int) -> None:
    server.submit(prompt="a dog")
    other = server.submit()
    server.client.post(f"{JOBS}/{other}/pause")
    server.client.patch(f"{JOBS}/{other}", json={"favorite": True})
    assert len(server.client.get(f"{JOBS}?{query}").json()["items"]) == found


def test_an_unknown_state_is_refused(server: Any) -> None:
    assert server.client.get(f"{JOBS}?state=lost").json()["field"] == "state"


@pytest.mark.parametrize("verb", ["cancel", "interrupt", "skip", "retry", "pause", "resume", "restore"])
def test_every_verb_answers_404_for_a_job_nobody_knows(server: Any, verb: str) -> None:
    answer = server.client.post(f"{JOBS}/{'0' * 26}/{verb}")
    assert (answer.status_code, answer.json()["title"]) == (404, "no such job")


def test_jobs_are_paused_resumed_cancelled_and_retried(server: Any) -> None:
    id = server.submit()
    states = [
        server.client.post(f"{JOBS}/{id}/{verb}").json()["state"] for verb in ("pause", "resume", "cancel", "retry")
    ]
    assert states == ["paused", "waiting", "cancelled", "waiting"]
    server.work()
    assert server.client.post(f"{JOBS}/{id}/pause").status_code == 409


def test_a_running_job_is_told_what_is_wished(server: Any) -> None:
    id = server.submit()
    server.queue.claim("test")
    assert server.client.post(f"{JOBS}/{id}/skip").json()["wish"] == "skip"
    assert server.client.post(f"{JOBS}/{id}/interrupt").json()["wish"] == "interrupt"
    assert server.client.delete(f"{JOBS}/{id}").status_code == 409


def test_a_job_jumps_ahead(server: Any) -> None:
    first, second, third = (server.submit() for _ in range(3))
    assert server.client.post(f"{JOBS}/{third}/move", json={"to": "front"}).is_success
    assert server.client.post(f"{JOBS}/{first}/move", json={"to": "back"}).is_success
    assert server.client.post(f"{JOBS}/{first}/move", json={"before": second}).is_success
    line = server.client.get("/api/v1/queue").json()
    assert [job["id"] for job in line["line"]] == [third, first, second]
    assert server.client.post(f"{JOBS}/{first}/move", json={}).status_code == 422


def test_a_waiting_job_is_edited_and_a_finished_one_is_not(server: Any) -> None:
    id = server.submit()
    changed = server.client.patch(f"{JOBS}/{id}", json={"request": {"prompt": "a fox", "steps": 3}})
    assert changed.json()["request"]["prompt"] == "a fox"
    wrong = server.client.patch(f"{JOBS}/{id}", json={"request": {"steps": "many"}})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "steps")
    assert server.client.patch(f"{JOBS}/{id}", json={"request": {"model": "/etc/passwd"}}).status_code == 422
    server.work()
    late = server.client.patch(f"{JOBS}/{id}", json={"request": {"steps": 4}})
    assert (late.status_code, late.json()["title"]) == (409, "not in this state")


def test_a_job_goes_to_the_trash_and_comes_back(server: Any) -> None:
    id = server.submit()
    server.work()
    assert server.client.delete(f"{JOBS}/{id}").status_code == 204
    assert server.client.get(JOBS).json()["items"] == []
    assert server.client.get("/api/v1/results").json()["items"] == []
    assert server.client.post(f"{JOBS}/{id}/restore").status_code == 200
    assert len(server.client.get("/api/v1/results").json()["items"]) == 1


def test_the_whole_queue_is_paused(server: Any) -> None:
    server.submit()
    assert server.client.post("/api/v1/queue/pause").json() == {"held": True}
    assert server.queue.claim("test") is None
    assert server.client.get("/api/v1/progress").json()["held"] is True
    assert server.client.post("/api/v1/queue/resume").json() == {"held": False}
    assert server.queue.claim("test") is not None


def test_the_archive_holds_every_picture_as_it_is(server: Any) -> None:
    id = server.submit(seed=7, batch_count=3)
    server.work()
    answer = server.client.get(f"{JOBS}/{id}/archive.zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["00000-7.png", "00001-8.png", "00002-9.png"]
        blobs = {hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    assert blobs == {result.blob for result in server.queue.results(id)}


def test_branching_names_a_result_that_exists(server: Any) -> None:
    id = server.submit()
    server.work()
    parent = server.queue.results(id)[0].id
    assert server.client.post(JOBS, json={**body(), "parent": parent}).json()["parent"] == parent
    assert server.client.post(JOBS, json={**body(), "parent": "nothing"}).json()["field"] == "parent"


def test_defaults_of_the_server_fill_what_a_client_does_not_say(local: Any) -> None:
    server = local(defaults={"txt2img": {"steps": 9, "cfg_scale": 3}})
    job = server.client.post(JOBS, json={"kind": "txt2img", "request": {"cfg_scale": 4}}).json()
    assert (job["request"]["steps"], job["request"]["cfg_scale"]) == (9, 4)


@pytest.mark.parametrize("url", ["http://example.org/hook", "http://127.0.0.1/", "file:/etc/passwd"])
def test_webhooks_are_refused_unless_enabled(server: Any, url: str) -> None:
    answer = server.client.post(JOBS, json={**body(), "options": {"webhook": url}})
    assert (answer.status_code, answer.json()["field"]) == (422, "webhook")
