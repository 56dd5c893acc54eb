"""A1111's API in detail: progress, settings, saving, stopping, and what a broken job looks like."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.routing import APIRoute
from PIL import Image

from redraw.jobs.record import JobRecord
from redraw.request import Img2Img, PictureRef, Txt2Img
from redraw.server.routes import controlnet, sdapi
from redraw.server.routes.sdapi.answers import failure
from redraw.server.routes.sdapi.generate import ABANDONED, _ended
from redraw.server.routes.sdapi.progress import counted


@pytest.fixture(scope="module")
def live(lively: Callable[..., Any]) -> Any:
    """A live server with the fake engine."""
    return lively(api_server_stop=True, max_pixels=100_000)


@pytest.fixture(scope="module")
def client(live: Any) -> Iterator[httpx.Client]:
    """A client of it."""
    with live.client() as client:
        yield client


@pytest.fixture(scope="module")
def picture(make_png: Callable[..., bytes]) -> str:
    """A picture in base64."""
    return base64.b64encode(make_png(64, 64)).decode()


def small(**fields: Any) -> dict[str, Any]:
    """A quick txt2img body."""
    return {"steps": 2, "width": 32, "height": 32, **fields}


@pytest.mark.parametrize(
    ("request_", "progress", "at"),
    [
        ({}, {}, (0, 1, 0, 0)),
        ({"batch_count": 1}, {"image": 0, "images": 1, "step": 3, "steps": 8}, (0, 1, 3, 8)),
        ({"batch_count": 2, "batch_size": 1}, {"image": 1, "images": 2, "step": 11, "steps": 16}, (1, 2, 3, 8)),
        ({"batch_count": 2, "batch_size": 2}, {"image": 2, "images": 4, "step": 10, "steps": 16}, (1, 2, 2, 8)),
        ({"batch_count": 3}, {"image": 9, "images": 3, "step": 30, "steps": 24}, (2, 3, 14, 8)),
    ],
)
def test_progress_is_counted_in_batches(
    request_: dict[str, Any], progress: dict[str, Any], at: tuple[int, int, int, int]
) -> None:
    found = counted(request_, progress)
    assert (found.batch, found.batches, found.step, found.steps) == at


def test_the_fraction_is_a1111s() -> None:
    assert counted({"batch_count": 4}, {"image": 1, "images": 4, "step": 12, "steps": 32}).fraction == 1 / 4 + 4 / 8 / 4


def test_progress_of_the_job_at_work(server: Any) -> None:
    assert server.client.get("/sdapi/v1/progress").json()["state"]["job_count"] == 0
    job = server.queue.submit(Txt2Img(batch_count=2, steps=10), source="sdapi", options={"task": "t1"})
    waits = server.client.post("/internal/progress", json={"id_task": "t1"}).json()
    assert (waits["active"], waits["queued"], waits["textinfo"]) == (False, True, "In queue: 1/1")
    assert server.client.get("/internal/pending-tasks").json() == {"size": 1, "tasks": ["t1"]}
    server.queue.claim("test", lease=15.0)
    beat = {"image": 1, "images": 2, "step": 15, "steps": 20}
    server.queue.beat(job.id, "test", progress=beat, preview=b"\xff\xd8picture")
    found = server.client.get("/sdapi/v1/progress").json()
    assert found["progress"] == pytest.approx(0.76)
    assert found["state"] | {"job_timestamp": ""} == {
        "skipped": False,
        "interrupted": False,
        "stopping_generation": False,
        "job": "scripts_txt2img",
        "job_count": 2,
        "job_timestamp": "",
        "job_no": 1,
        "sampling_step": 5,
        "sampling_steps": 10,
    }
    assert base64.b64decode(found["current_image"]) == b"\xff\xd8picture"
    assert server.client.get("/sdapi/v1/progress?skip_current_image=true").json()["current_image"] is None
    ours = server.client.post("/internal/progress", json={"id_task": "t1"}).json()
    assert (ours["active"], ours["progress"]) == (True, pytest.approx(0.75))
    assert ours["live_preview"].startswith("data:image/jpeg;base64,")
    again = {"id_task": "t1", "id_live_preview": ours["id_live_preview"]}
    assert server.client.post("/internal/progress", json=again).json()["live_preview"] is None
    server.client.post("/sdapi/v1/options", json={"live_previews_enable": False})
    assert server.client.get("/sdapi/v1/progress").json()["current_image"] is None


def test_interrupt_and_skip_ask_the_job_at_work_only(server: Any) -> None:
    jobs = [server.queue.submit(Txt2Img()) for _ in range(2)]
    server.queue.claim("test", lease=15.0)
    assert server.client.post("/sdapi/v1/skip").json() is None
    assert server.queue.get(jobs[0].id).wish == "skip"
    assert server.client.post("/sdapi/v1/interrupt").json() == {}
    assert [server.queue.get(job.id).wish for job in jobs] == ["interrupt", ""]
    assert server.client.get("/sdapi/v1/progress").json()["state"]["interrupted"] is True


def test_a_finished_job_of_a_task_is_completed(client: httpx.Client) -> None:
    client.post("/sdapi/v1/txt2img", json=small(force_task_id="task(mine)")).raise_for_status()
    found = client.post("/internal/progress", json={"id_task": "task(mine)"}).json()
    assert (found["active"], found["queued"], found["completed"]) == (False, False, True)


def test_settings_survive_and_a_wrong_one_changes_nothing(local: Callable[..., Any]) -> None:
    server = local()
    assert server.client.post("/sdapi/v1/options", json={"jpeg_quality": 55}).status_code == 200
    wrong = server.client.post("/sdapi/v1/options", json={"jpeg_quality": 5, "bogus": 1})
    assert (wrong.status_code, wrong.json()["error"]) == (500, "KeyError")
    wrong = server.client.post("/sdapi/v1/options", json={"jpeg_quality": 5, "sd_model_checkpoint": "no such"})
    assert (wrong.status_code, wrong.json()["errors"]) == (500, "model 'no such' not found")
    again = local()
    assert again.client.get("/sdapi/v1/options").json()["jpeg_quality"] == 55
    again.client.post("/sdapi/v1/options", json={"jpeg_quality": None})
    assert again.client.get("/sdapi/v1/options").json()["jpeg_quality"] == 80


def test_overrides_that_are_to_stay_stay(client: httpx.Client) -> None:
    body = small(override_settings={"CLIP_stop_at_last_layers": 3})
    client.post("/sdapi/v1/txt2img", json=body).raise_for_status()
    assert client.get("/sdapi/v1/options").json()["CLIP_stop_at_last_layers"] == 1
    client.post("/sdapi/v1/txt2img", json={**body, "override_settings_restore_afterwards": False}).raise_for_status()
    assert client.get("/sdapi/v1/options").json()["CLIP_stop_at_last_layers"] == 3
    client.post("/sdapi/v1/options", json={"CLIP_stop_at_last_layers": None}).raise_for_status()


def test_a_failed_job_is_an_error(client: httpx.Client) -> None:
    answer = client.post("/sdapi/v1/txt2img", json=small(prompt="fail: the card is gone"))
    assert answer.status_code == 500
    assert answer.json() == {"error": "ModelError", "detail": "", "body": "", "errors": "the card is gone"}
    answer = client.post("/sdapi/v1/txt2img", json=small(prompt="crash"))
    assert answer.status_code == 500
    assert "/some/folder" not in answer.text


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        ({"type": "UnknownName", "detail": "x"}, 422, "UnknownName"),
        ({"type": "SomethingNew", "detail": "x", "field": "steps"}, 422, "SomethingNew"),
        ({"type": "OutOfMemory", "detail": "x"}, 500, "OutOfMemoryError"),
        ({"type": "InternalError", "detail": "x"}, 500, "InternalError"),
        (None, 500, "RuntimeError"),
    ],
)
def test_errors_of_jobs_have_statuses(error: dict[str, Any] | None, status: int, name: str) -> None:
    refusal = failure(JobRecord(id="a", kind="txt2img", request={}, state="failed", error=error))
    assert (refusal.status, refusal.body["error"]) == (status, name)


def test_a_cancelled_job_answers_with_what_there_is(client: httpx.Client) -> None:
    found: list[httpx.Response] = []
    body = small(prompt="slow: 0.2", steps=100)
    thread = threading.Thread(target=lambda: found.append(client.post("/sdapi/v1/txt2img", json=body)))
    thread.start()
    while not (jobs := client.get("/api/v1/jobs?state=running").json()["items"]):
        time.sleep(0.02)
    assert client.post(f"/api/v1/jobs/{jobs[0]['id']}/cancel").is_success
    thread.join(20)
    reply = found[0].json()
    assert reply["images"] == []
    assert json.loads(reply["info"])["infotexts"] == []


def test_a_damaged_or_too_large_picture_is_refused(client: httpx.Client, make_png: Callable[..., bytes]) -> None:
    cut = base64.b64encode(make_png(64, 64)[:-500]).decode()
    answer = client.post("/sdapi/v1/img2img", json=small(init_images=[cut]))
    assert (answer.status_code, answer.json()["detail"]) == (500, "Invalid encoded image")
    big = base64.b64encode(make_png(400, 300)).decode()
    answer = client.post("/sdapi/v1/img2img", json=small(init_images=[big]))
    assert answer.status_code == 422
    assert "limit" in answer.json()["errors"]
    answer = client.post("/sdapi/v1/extra-single-image", json={"image": big[:2000]})
    assert answer.status_code in (422, 500)


def test_a_result_beyond_the_limit_is_refused(client: httpx.Client) -> None:
    answer = client.post("/sdapi/v1/txt2img", json={"width": 1000, "height": 1000})
    assert answer.status_code == 422
    assert "1000x1000" in answer.json()["errors"]


def test_save_images_writes_files_and_adds_an_overview(local: Callable[..., Any], picture: str) -> None:
    server = local()
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            if server.queue.count("waiting"):
                server.work()
                done.set()
            time.sleep(0.01)

    worker = threading.Thread(target=work)
    worker.start()
    body = small(n_iter=3, seed=5, save_images=True, override_settings={"directories_filename_pattern": "../x"})
    reply = server.client.post("/sdapi/v1/txt2img", json=body).json()
    worker.join()
    info = json.loads(reply["info"])
    assert (len(reply["images"]), info["index_of_first_image"], len(info["infotexts"])) == (4, 1, 4)
    grid = Image.open(io.BytesIO(base64.b64decode(reply["images"][0])))
    assert grid.size == (64, 64)
    files = sorted(file for file in (server.config.data_dir / "outputs").rglob("*") if file.is_file())
    assert [file.name for file in files] == ["00000-5.png", "00001-6.png", "00002-7.png"]
    assert files[0].parent.parent == server.config.data_dir / "outputs" / "txt2img-images"
    assert files[0].read_bytes() == base64.b64decode(reply["images"][1])


@pytest.mark.parametrize("prompt", ["a\x00b", "\u4e2d\u6587 \U0001f98a", "x" * 5000, "a\r\nb: c, d"])
def test_any_prompt_comes_back_in_the_picture(prompt: str, client: httpx.Client) -> None:
    answer = client.post("/sdapi/v1/txt2img", json=small(prompt=prompt))
    assert answer.status_code == 200, answer.text
    reply = answer.json()
    assert reply["parameters"]["prompt"] == prompt
    found = client.post("/sdapi/v1/png-info", json={"image": reply["images"][0]}).json()
    assert found["info"].startswith(prompt[:1])


@pytest.mark.parametrize(
    "text", ['{"prompt": "\\ud800"}', '{"override_settings": {"s_churn": NaN}}', "[]", "null", "{"]
)
def test_what_is_no_plain_json_is_refused(text: str, client: httpx.Client) -> None:
    for path in ("txt2img", "options"):
        answer = client.post(f"/sdapi/v1/{path}", content=text, headers={"content-type": "application/json"})
        assert answer.status_code in (422, 500), path
        assert answer.status_code == 422 or answer.json()["error"] == "KeyError"


def test_no_overview_comes_unless_pictures_are_saved(client: httpx.Client) -> None:
    assert len(client.post("/sdapi/v1/txt2img", json=small(n_iter=2)).json()["images"]) == 2


class Gone:
    """A request whose client went away."""

    async def is_disconnected(self) -> bool:
        """It did."""
        return True


@pytest.mark.parametrize(("cancels", "state"), [(False, "done"), (True, "cancelled")])
def test_a_client_that_leaves_cancels_its_job_only_if_that_is_wanted(cancels: bool, state: str, server: Any) -> None:
    server.queue.set_setting(ABANDONED, cancels or None)
    job = server.queue.submit(Txt2Img(steps=1), source="sdapi")
    timer = threading.Timer(1.0, lambda: None if cancels else server.work())
    timer.start()
    ended: Any = asyncio.run(_ended(Gone(), server.client.app.state.shared, job))  # type: ignore[arg-type]
    timer.join()
    assert ended.state == state


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("interrogate", {"image": None}, 404, "Image not found"),
        ("interrogate", {"image": "x", "model": "nope"}, 404, "Model not found"),
        ("interrogate", {"image": "x"}, 501, "Interrogation"),
        ("train/embedding", {}, 501, "Training"),
        ("create/hypernetwork", {}, 501, "Training"),
        ("server-restart", None, 501, "Restart"),
        ("png-info", {"image": "x"}, 500, "Invalid encoded image"),
    ],
)
def test_refusals(path: str, body: Any, status: int, text: str, client: httpx.Client) -> None:
    answer = client.post(f"/sdapi/v1/{path}", json=body)
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(text)
    assert set(answer.json()) == {"error", "detail", "body", "errors"}


@pytest.mark.parametrize("path", ["server-stop", "server-kill", "server-restart"])
def test_the_server_is_not_stopped_unless_that_was_allowed(path: str, server: Any) -> None:
    assert server.client.post(f"/sdapi/v1/{path}").status_code == 404


def test_the_server_stops_when_it_may(lively: Callable[..., Any]) -> None:
    live = lively(api_server_stop=True)
    with live.client() as client:
        assert client.post("/sdapi/v1/server-stop").text == "Stopping."
    assert live.process.wait(30) in (0, -15)


def test_every_answer_tells_how_long_it_took(client: httpx.Client) -> None:
    assert 0 <= float(client.get("/sdapi/v1/samplers").headers["x-process-time"]) < 10


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("version", {"version"}),
        ("settings", {"control_net_unit_count"}),
        ("model_list", {"model_list"}),
        ("module_list", {"module_list", "module_detail"}),
        ("control_types", {"control_types"}),
    ],
)
def test_controlnet_says_what_is_true(path: str, keys: set[str], client: httpx.Client) -> None:
    found = client.get(f"/controlnet/{path}").json()
    assert set(found) == keys
    if path == "module_list":
        assert set(found["module_list"]) == set(found["module_detail"]) == {"none"}
    if path == "control_types":
        assert len(found["control_types"]) == 21
        for kind in found["control_types"].values():
            assert set(kind) == {"module_list", "model_list", "default_option", "default_model"}


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"controlnet_module": "INVALID"}, 422, "Module not available"),
        ({"controlnet_module": "clip_vision"}, 422, "Module not supported"),
        ({"controlnet_module": "none"}, 422, "No image selected"),
        ({"controlnet_module": "canny"}, 501, "The preprocessor 'canny'"),
    ],
)
def test_controlnet_detect_refuses(body: dict[str, Any], status: int, text: str, client: httpx.Client) -> None:
    answer = client.post("/controlnet/detect", json=body)
    assert (answer.status_code, answer.json()["detail"][: len(text)]) == (status, text)


def test_controlnet_detect_with_no_module_gives_the_pictures_back(client: httpx.Client, picture: str) -> None:
    answer = client.post("/controlnet/detect", json={"controlnet_input_images": [picture]})
    assert answer.json() == {"info": "Success", "images": [picture]}


def test_the_pictures_are_the_files_the_queue_keeps(server: Any, make_png: Callable[..., bytes]) -> None:
    """A masked job's answer: the picture, then the mask and the cutout, as they are on disk."""
    from redraw.server.routes.sdapi.answers import files_of

    ref = PictureRef.from_bytes(make_png(16, 16))
    job = server.queue.submit(Img2Img(images=(ref,), mask=ref, steps=1), options={"outputs": ["mask", "cutout"]})
    server.work()
    job = server.queue.get(job.id)
    result = server.queue.results(job)[0]
    files = files_of(server.client.app.state.shared, job, result)
    assert files[0] == server.queue.blobs.read(result.blob)
    assert [np.asarray(Image.open(io.BytesIO(file))).shape[-1] for file in files] == [3, 3, 4]


def test_every_endpoint_is_in_the_docs_table() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "a1111-api.md").read_text()
    told = set(re.findall(r"^\| `(GET|POST) (/[^`]+)` \|", text, re.MULTILINE))
    there = {
        (method, route.path)
        for router in (*sdapi.routers, controlnet.router)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert told == there
