"""The client against a live server whose engine draws squares, and against servers that misbehave."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from redraw.client import Client, Job, Progress, Refused, Result, Unreachable
from redraw.client.problems import error_of
from redraw.client.stream import Message, messages
from redraw.errors import (
    Cancelled,
    ModelError,
    NonFinite,
    OutOfMemory,
    OutputError,
    PictureError,
    RedrawError,
    RequestError,
    UnknownName,
    UnsupportedModel,
)
from redraw.image.metadata import read_metadata
from redraw.jobs.errors import QueueFull, UnknownJob, WrongState
from redraw.request import Generation, Img2Img, PictureRef, Txt2Img


def picture(seed: int = 0) -> bytes:
    """A small picture as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def client(fake_server: str) -> Iterator[Client]:
    """A client of the live server."""
    with Client(fake_server) as one:
        yield one


def draw(prompt: str = "a fox", **fields: Any) -> Txt2Img:
    """A request that is quick."""
    return Txt2Img(prompt=prompt, **{"steps": 2, "width": 32, "height": 32, **fields})


def test_a_run_on_a_server_looks_like_one_of_the_studio(client: Client, tmp_path: Path) -> None:
    request = Img2Img(
        images=PictureRef.from_bytes(picture(), "cat.png"), prompt="a fox", steps=3, batch_count=2, seed=5
    )
    events = list(client.submit(request).run())
    results = [event for event in events if isinstance(event, Result)]
    progress = [event for event in events if isinstance(event, Progress)]
    assert [result.index for result in results] == [0, 1]
    assert [result.seed for result in results] == [5, 6]
    assert len(progress) >= 1
    assert all(0 <= event.fraction <= 1 for event in progress)
    saved = results[1].save(tmp_path / "fox.png").path
    assert saved.read_bytes() == results[1].data
    found = read_metadata(saved)
    assert found.infotext == results[1].infotext
    assert found.recipe == results[1].recipe
    as_webp = results[1].save(tmp_path / "fox.webp").path
    assert read_metadata(as_webp).infotext == results[1].infotext
    with Image.open(as_webp) as image:
        assert (image.format, image.size) == ("WEBP", results[1].image.size)


def test_only_what_was_given_is_sent_and_numbers_keep_their_spelling(client: Client) -> None:
    job = client.submit(draw(cfg_scale=7.0, seed=2**63 + 1))
    assert set(job.record.request) >= {"prompt", "steps", "width", "height", "cfg_scale", "seed"}
    assert "negative_prompt" not in job.record.request
    assert str(job.record.request["cfg_scale"]) == "7.0"
    assert job.record.request["seed"] == 2**63 + 1


def test_the_same_key_gives_the_same_job(client: Client) -> None:
    key = f"key-{time.time_ns()}"
    first, second = (client.submit(draw(seed=1), key=key).id for _ in range(2))
    assert first == second
    assert client.submit(draw(seed=1)).id != first


def test_a_picture_is_uploaded_once(fake_server: str) -> None:
    sent: list[str] = []
    transport = Counting(sent)
    with Client(fake_server, transport=transport) as client:
        mask = PictureRef.from_bytes(picture(1), "mask.png")
        for seed in (1, 2):
            source = PictureRef.from_bytes(picture(seed), "cat.png")
            client.submit(Img2Img(images=source, mask=mask, prompt="a fox", steps=1, seed=seed))
    assert [line for line in sent if line == "POST /api/v1/pictures"] == ["POST /api/v1/pictures"] * 2
    assert sent.count("POST /api/v1/jobs") == 2


class Passing(httpx.BaseTransport):
    """Passes requests on to the real server."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the server does."""
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Let go of the connections."""
        self._inner.close()


class Counting(Passing):
    """Writes requests down; may break some of them after the server has done what they say."""

    def __init__(self, sent: list[str], broken: Callable[[httpx.Request], bool] = lambda _: False) -> None:
        super().__init__()
        self._sent, self._broken = sent, broken

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the server does, or not at all."""
        self._sent.append(f"{request.method} {request.url.path}")
        answer = super().handle_request(request)
        if self._broken(request):
            answer.close()
            raise httpx.ReadError("the connection broke")
        return answer


def test_a_submission_whose_answer_is_lost_makes_one_job(fake_server: str) -> None:
    sent: list[str] = []
    lost = iter([True, True])
    transport = Counting(sent, lambda request: request.method == "POST" and next(lost, False))
    words = f"lost {time.time_ns()}"
    with Client(fake_server, transport=transport) as client:
        job = client.submit(draw(words))
        assert sent.count("POST /api/v1/jobs") == 3
        assert [one.id for one in client.jobs(text=words)] == [job.id]


def test_events_go_on_where_a_broken_connection_left_off(fake_server: str) -> None:
    class Torn(httpx.SyncByteStream):
        """The first bytes of a stream, then a broken connection."""

        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __iter__(self) -> Iterator[bytes]:
            for number, piece in enumerate(self._inner):
                if number == 3:
                    raise httpx.ReadError("the connection broke")
                yield piece

        def close(self) -> None:
            self._inner.close()

    class Tearing(Passing):
        def __init__(self) -> None:
            super().__init__()
            self.headers = list[str | None]()

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle_request(request)
            if not request.url.path.endswith("/events"):
                return answer
            self.headers.append(request.headers.get("last-event-id"))
            stream = Torn(answer.stream) if len(self.headers) < 4 else answer.stream
            return httpx.Response(answer.status_code, headers=answer.headers, stream=stream)

    transport = Tearing()
    with Client(fake_server, transport=transport) as client:
        job = client.submit(draw("slow: 0.05", steps=8, batch_count=2))
        events = list(job.events())
    with Client(fake_server) as calm:
        whole = list(calm.job(job.id).events())
    assert len(transport.headers) >= 4
    assert transport.headers[1:] == sorted(transport.headers[1:], key=lambda id: int(id or 0))
    ids = [event.id for event in events]
    assert ids == sorted(set(ids))
    kept = [event for event in whole if event.kind in ("state", "result")]
    assert [event for event in events if event.kind in ("state", "result")] == kept
    assert [event.data["state"] for event in kept if event.kind == "state"][-1] == "done"


def test_a_job_can_be_steered(client: Client) -> None:
    slow = client.submit(draw("slow: 0.2", steps=50))
    waiting = [client.submit(draw(f"w{i}")) for i in range(3)]
    assert waiting[0].pause().state == "paused"
    assert waiting[0].resume().state == "waiting"
    waiting[2].move(before=waiting[1].id)
    assert waiting[2].record.position < waiting[1].refresh().position
    waiting[2].move(to="back")
    assert waiting[2].record.position > waiting[1].refresh().position
    assert waiting[1].edit(request={"steps": 1}).request["steps"] == 1
    assert waiting[1].cancel().state == "cancelled"
    with pytest.raises(Cancelled):
        list(waiting[1].run())
    slow.cancel()
    assert slow.wait(10).state == "cancelled"
    again = waiting[1].retry()
    assert again.wait(20).state == "done"
    assert [result.record.width for result in again.results()] == [32]
    again.delete()
    assert again.id not in [job.id for job in client.jobs(limit=500)]
    again.restore()
    assert client.job(again.id).record.state == "done"


def test_waiting_ends_in_time(client: Client) -> None:
    job = client.submit(draw("slow: 0.2", steps=50))
    started = time.monotonic()
    assert job.wait(0.3).state in ("waiting", "running")
    assert time.monotonic() - started < 2
    job.cancel()
    assert job.wait(10).state == "cancelled"


def test_a_failed_job_raises_what_it_failed_of(client: Client) -> None:
    job = client.submit(draw("fail: the weights are sour"))
    with pytest.raises(ModelError, match="the weights are sour"):
        list(job.run())
    with pytest.raises(RedrawError) as caught:
        list(client.submit(draw("crash")).run())
    assert "/" not in str(caught.value)


def test_jobs_are_listed_by_state_and_words_over_several_pages(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("redraw.client.job._PAGE", 2)
    words = f"many {time.time_ns()}"
    ids = [client.submit(draw(words)).id for _ in range(5)]
    for id in ids:
        client.job(id).wait(20)
    assert [job.id for job in client.jobs(text=words)] == ids[::-1]
    assert [job.id for job in client.jobs(text=words, limit=3)] == ids[:1:-1]
    assert list(client.jobs(states=["failed"], text=words)) == []
    assert len(list(client.jobs(states=["failed", "done"], text=words))) == 5


def test_the_library_is_listed(client: Client) -> None:
    assert "redraw-starter" in [model["name"] for model in client.models()]
    assert "Euler a" in [one["label"] for one in client.samplers()]
    assert "Karras" in [one["label"] for one in client.schedulers()]
    assert client.health()["database"] is True
    assert "fixed" in client.settings()


def test_a_jobs_pictures_come_as_one_archive(client: Client) -> None:
    import zipfile

    job = client.submit(draw(batch_count=2))
    job.wait(20)
    with zipfile.ZipFile(io.BytesIO(job.archive())) as archive:
        assert sorted(archive.read(name) for name in archive.namelist()) == sorted(r.data for r in job.results())


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda c: c.submit(draw(model="no such")), UnknownName, "no such"),
        (lambda c: c.job("nobody"), UnknownJob, "nobody"),
        (lambda c: c.upload(b"no picture"), PictureError, "picture"),
        (lambda c: c.submit(Img2Img(images=PictureRef(name="x", sha256="0" * 64))), RequestError, "images"),
        (lambda c: Job(c._connection, c.submit(draw()).record).wait(20) and next(c.jobs()).pause(), WrongState, "done"),
    ],
)
def test_refusals_are_the_errors_they_would_be_here(
    client: Client, call: Callable[[Client], object], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        call(client)


@pytest.mark.parametrize(
    ("problem", "status", "kind"),
    [
        ({"title": "the queue is full", "detail": "x", "field": "queue", "allowed": "y"}, 429, QueueFull),
        ({"title": "out of memory", "detail": "x"}, 507, OutOfMemory),
        ({"title": "cannot store", "detail": "x"}, 507, OutputError),
        ({"type": "/problems/unknown-name", "detail": "x", "field": "sampler", "near": ["Euler"]}, 422, UnknownName),
        ({"title": "too large", "detail": "x", "field": "file"}, 413, RequestError),
        ({"title": "login needed", "detail": "x"}, 401, Refused),
        ({"title": "internal error", "detail": "x"}, 500, Refused),
        ({"type": "UnsupportedModel", "title": "The model cannot be used", "detail": "x"}, 0, UnsupportedModel),
        ({"type": "NonFinite", "detail": "x"}, 0, NonFinite),
        ({"type": "InternalError", "title": "Something went wrong inside", "detail": "x"}, 0, RedrawError),
    ],
)
def test_problem_data_becomes_the_error_it_was(problem: dict[str, Any], status: int, kind: type[Exception]) -> None:
    error = error_of(problem, status)
    assert type(error) is kind
    assert "x" in str(error)
    if isinstance(error, RequestError):
        assert error.field == problem.get("field", "")
    if isinstance(error, UnknownName):
        assert (error.kind, error.near) == ("sampler", ("Euler",))


def test_nobody_there_is_told_in_one_line() -> None:
    with Client("127.0.0.1:9") as client, pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:9") as caught:
        client.alive()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://x:many", "::"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises((RequestError, Unreachable)), Client(url) as client:
        client.alive()


@pytest.mark.parametrize(
    ("url", "auth", "sent"),
    [
        ("http://ann:p%40ss@server", None, "Basic YW5uOnBAc3M="),
        ("http://server", "ann:p@ss", "Basic YW5uOnBAc3M="),
        ("http://server", ("ann", "p@ss"), "Basic YW5uOnBAc3M="),
        ("http://server", None, None),
    ],
)
def test_credentials_are_sent_and_never_shown(url: str, auth: Any, sent: str | None) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raise httpx.ConnectError("nobody is here")

    with Client(url, auth, transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(Unreachable) as caught:
            client.alive()
        assert "p@ss" not in f"{caught.value} {client.url}"
    assert seen[0].headers.get("authorization") == sent


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"{}"])
def test_another_kind_of_server_is_told(body: bytes) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, content=body)

    with Client(transport=httpx.MockTransport(answer)) as client, pytest.raises(Refused, match="as Redraw's server"):
        client.job("x")


def test_a_picture_that_came_damaged_is_refused(fake_server: str) -> None:
    class Damaging(Passing):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle_request(request)
            if request.url.path.endswith("/picture"):
                return httpx.Response(200, content=answer.read()[:-1])
            return answer

    with Client(fake_server, transport=Damaging()) as client:
        job = client.submit(draw())
        job.wait(20)
        with pytest.raises(Refused, match="damaged"):
            _ = job.results()[0].data


def test_messages_are_read_as_the_standard_says() -> None:
    lines = [
        ": hello",
        "retry: 5",
        "",
        "id: 3",
        "event: state",
        "data: {",
        "data: }",
        "",
        "data:x",
        "",
        "id: 4",
        "data: y",
    ]
    assert list(messages(lines)) == [Message("3", "state", "{\n}"), Message("", "message", "x")]


def test_listening_to_everything_hears_a_new_job(client: Client, fake_server: str) -> None:
    heard: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        with Client(fake_server) as other:
            ready.set()
            for event in other.events():
                heard.append(event.job)
                if event.data.get("state") == "done":
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    ready.wait(5)
    time.sleep(0.5)
    job = client.submit(draw())
    thread.join(20)
    assert job.id in heard


def test_the_client_needs_no_torch() -> None:
    code = "import sys, redraw.client, redraw.cli.remote; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_result_is_plain_data_for_programs(client: Client) -> None:
    job = client.submit(draw())
    job.wait(20)
    assert json.dumps(dict(job.results()[0].recipe))


def test_requests_of_every_kind_can_be_sent(client: Client) -> None:
    requests: list[Generation] = [draw(), Img2Img(images=PictureRef.from_bytes(picture()), steps=1)]
    assert [client.submit(request).wait(20).kind for request in requests] == ["txt2img", "img2img"]
