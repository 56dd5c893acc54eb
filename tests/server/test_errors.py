"""Errors as answers: shapes, statuses, and what they do not tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException

from redraw import errors as tree
from redraw.jobs.errors import MissingBlob, QueueFull, StoreBusy, UnknownJob, WrongState
from redraw.server.errors import Problem

CASES = [
    (tree.RequestError("steps", 0, "it is more"), 422, "not allowed"),
    (tree.UnknownName("sampler", "Eular", ["Euler"]), 422, "unknown name"),
    (tree.PictureError("/srv/secret/cat.png", "no such file"), 422, "no usable picture"),
    (tree.OutputError("/srv/secret/blobs/ab: the disk is full"), 507, "cannot store"),
    (tree.UnsupportedModel("x", ["it is a LoRA"]), 422, "model cannot be used"),
    (tree.OutOfMemory("8 GB"), 507, "out of memory"),
    (tree.Cancelled("stopped"), 409, "cancelled"),
    (tree.RedrawError("odd"), 500, "failed"),
    (UnknownJob("x"), 404, "no such job"),
    (MissingBlob("x"), 404, "not here"),
    (WrongState("x", "done", "it waits"), 409, "not in this state"),
    (QueueFull(3, 3), 429, "the queue is full"),
    (StoreBusy("the database is locked"), 503, "store unavailable"),
    (Problem(408, "too slow", "it took long"), 408, "too slow"),
]


def fail_with(server: Any, error: Exception, path: str) -> Any:
    """The answer of a route that raises `error`."""

    def route() -> None:
        raise error

    server.client.app.add_api_route(path, route)
    return server.client.get(path)


@pytest.mark.parametrize(("error", "status", "title"), CASES, ids=[type(case[0]).__name__ for case in CASES])
def test_each_error_of_the_tree_has_its_status(server: Any, error: Exception, status: int, title: str) -> None:
    answer = fail_with(server, error, "/api/v1/fail")
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["title"]) == (status, status, title)
    assert "/srv" not in answer.text
    assert ("retry-after" in answer.headers) == (status in (429, 503))


@pytest.mark.parametrize(("error", "status", "title"), CASES, ids=[type(case[0]).__name__ for case in CASES])
@pytest.mark.parametrize("path", ["/sdapi/v1/fail", "/controlnet/fail"])
def test_a1111s_paths_answer_in_its_shape(server: Any, error: Exception, status: int, title: str, path: str) -> None:
    answer = fail_with(server, error, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "detail", "body", "errors"}
    assert answer.json()["error"] == type(error).__name__
    assert "/srv" not in answer.text


def test_http_errors_keep_a1111s_plain_shape_there_and_are_problems_here(server: Any) -> None:
    error = HTTPException(404, "Init image not found")
    assert fail_with(server, error, "/sdapi/v1/fail").json() == {"detail": "Init image not found"}
    assert fail_with(server, error, "/api/v1/fail").json()["title"] == "not found"


@pytest.mark.parametrize("path", ["/api/v1/fail", "/sdapi/v1/fail"])
def test_a_bug_tells_a_number_and_nothing_else(server: Any, path: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = fail_with(server, ValueError("secret at /srv/secret, prompt: a fox"), path)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "fox" not in answer.text
    text = answer.json().get("detail") or answer.json()["errors"]
    assert text.rpartition(" ")[2] in caplog.text


def test_complaints_about_bodies_list_every_field_and_no_input(server: Any) -> None:
    body = {"kind": "txt2img", "request": {"steps": "secret words", "cfg_scale": -1}}
    problem = server.client.post("/api/v1/jobs", json=body).json()
    assert [e["field"] for e in problem["errors"]] == ["steps", "cfg_scale"]
    assert problem["field"] == "steps"
    assert "secret words" not in str(problem)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"kind": "video"}', b"\xff\xfe", b"[" * 5000, b"1e999"]
)
def test_a_broken_body_is_the_clients_fault(server: Any, content: bytes) -> None:
    answer = server.client.post("/api/v1/jobs", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("PUT", "/api/v1/jobs", 405)])
def test_what_is_not_there_is_a_problem_too(server: Any, method: str, path: str, status: int, tmp_path: Path) -> None:
    answer = server.client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
