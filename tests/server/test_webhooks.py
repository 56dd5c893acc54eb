"""Webhooks: signed, at least once, also over a restart; and where they may not go."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from redraw.errors import RequestError
from redraw.jobs.queue import Queue
from redraw.request import Txt2Img
from redraw.server import outbound
from redraw.server.config import ServeConfig
from redraw.server.outbound import Blocked, connected, is_public, parsed, post
from redraw.server.webhooks import TRIES, Webhooks, pause_before, signature

SECRET = "a secret of many letters"


class Receiver(HTTPServer):
    """Somebody who listens: answers with `status`, or with a redirect, or so slowly that it never ends."""

    def __init__(self) -> None:
        self.status, self.got = 200, list[tuple[dict[str, str], bytes]]()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?x=1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["content-length"]))
        server.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(server.status)
        if server.status == 302:
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who listens."""
    service = Receiver()
    thread = threading.Thread(target=service.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield service
    service.shutdown()
    service.server_close()
    thread.join()


@pytest.fixture
def config(tmp_path: Path) -> ServeConfig:
    """A server that may call private addresses, as receivers of tests are."""
    return ServeConfig(data_dir=tmp_path, webhooks=True, webhook_secret=SECRET, webhook_private=True)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    """An empty queue."""
    with Queue.open(tmp_path) as queue:
        yield queue


def ended_job(queue: Queue, url: str) -> str:
    job = queue.submit(Txt2Img(prompt="private words"), options={"webhook": url})
    queue.cancel(job.id)
    return job.id


def test_the_end_of_a_job_is_told_once_and_signed(queue: Queue, config: ServeConfig, receiver: Receiver) -> None:
    id = ended_job(queue, receiver.url)
    queue.cancel(queue.submit(Txt2Img()).id)  # names nobody
    hooks = Webhooks(queue, config)
    assert [hooks.step() for _ in range(3)] == [0, 0, 0]
    ((headers, body),) = receiver.got
    content = json.loads(body)
    assert (content["event"], content["job"]["id"], content["job"]["state"]) == ("job.ended", id, "cancelled")
    assert content["delivery"] == headers["x-redraw-delivery"]
    assert b"private words" not in body
    stamp = headers["x-redraw-timestamp"]
    assert abs(int(stamp) - time.time()) < 60
    expected = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["x-redraw-signature"] == f"sha256={expected}" == signature(SECRET, stamp, body)


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_refused_call_is_tried_again_later_with_the_same_id(
    queue: Queue, config: ServeConfig, receiver: Receiver, status: int
) -> None:
    ended_job(queue, receiver.url)
    receiver.status = status
    now = time.time()
    assert Webhooks(queue, config).step(now) == 1
    assert Webhooks(queue, config).step(now + 4) == 1
    assert len(receiver.got) == 1
    receiver.status = 204
    assert Webhooks(queue, config).step(now + 6) == 0, "another process goes on with what the database says"
    first, second = (headers["x-redraw-delivery"] for headers, _ in receiver.got)
    assert first == second


def test_a_crash_between_call_and_note_repeats_the_call(
    queue: Queue, config: ServeConfig, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_job(queue, receiver.url)
    hooks = Webhooks(queue, config)
    real, calls = queue.set_setting, []

    def crash(name: str, value: Any) -> None:
        calls.append(name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(name, value)

    monkeypatch.setattr(queue, "set_setting", crash)
    with pytest.raises(KeyboardInterrupt):
        hooks.step()
    monkeypatch.undo()
    assert Webhooks(queue, config).step() == 0
    assert len({headers["x-redraw-delivery"] for headers, _ in receiver.got}) == 1
    assert len(receiver.got) == 2


def test_nobody_there_is_given_up_after_a_while(queue: Queue, config: ServeConfig) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    ended_job(queue, url)
    now, left = time.time(), [1]
    for _ in range(TRIES + 1):
        left.append(Webhooks(queue, config).step(now))
        now += 4000
    assert left[TRIES - 1] == 1
    assert left[-1] == 0


def test_pauses_double_up_to_an_hour() -> None:
    assert [pause_before(n) for n in (1, 2, 3, 4, 12, 50)] == [5, 10, 20, 40, 3600, 3600]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
    ],
)
def test_private_addresses_are_known_in_every_disguise(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "file:/etc/passwd",
        "//a.example",
        "http://",
        "http://user:pw@a.example/",
        "http://a.example:99999/",
        "http://a.example:0/",
        "http://a.example/\r\nX: 1",
        "http://a.example/ b",
        "http://a.example\\@evil.example/",
        "http://ä.example/",
        "javascript:alert(1)",
        "gopher://a.example",
    ],
)
def test_only_plain_urls_are_taken(url: str) -> None:
    with pytest.raises(RequestError):
        parsed(url, "webhook")


def test_a_private_receiver_is_not_called_unless_allowed(receiver: Receiver) -> None:
    with pytest.raises(Blocked):
        post(receiver.url, b"{}", {})
    assert receiver.got == []
    assert post(receiver.url, b"{}", {}, private=True) == 200


def test_a_name_that_leads_elsewhere_at_the_second_look_is_caught_at_the_socket(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resolver says a public address, the network leads to a private one: the peer decides."""
    port = receiver.server_address[1]
    monkeypatch.setattr(outbound, "is_public", lambda address: address == "93.184.216.34")

    def resolve(*args: Any, **kwargs: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]

    class Led(socket.socket):
        def connect(self, address: Any) -> None:
            super().connect(("127.0.0.1", port))

    monkeypatch.setattr(outbound.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(outbound.socket, "socket", Led)
    with pytest.raises(Blocked):
        connected("rebind.example", port, private=False)


def test_a_dripping_receiver_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def drip() -> None:
            sock, _ = listener.accept()
            with sock:
                while not stop.wait(0.05):
                    try:
                        sock.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the library makes of a cut line
            post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {}, private=True, seconds=0.5)
        assert time.monotonic() - begun < 5
        stop.set()
        thread.join()


def test_a_server_with_webhooks_calls_by_itself(local: Any, receiver: Receiver) -> None:
    server = local(webhooks=True, webhook_secret=SECRET, webhook_private=True)
    body = {"kind": "txt2img", "request": {"prompt": "x"}, "options": {"webhook": receiver.url}}
    id = server.client.post("/api/v1/jobs", json=body).json()["id"]
    server.client.post(f"/api/v1/jobs/{id}/cancel")
    until = time.monotonic() + 10
    while not receiver.got and time.monotonic() < until:
        time.sleep(0.05)
    assert json.loads(receiver.got[0][1])["job"]["id"] == id
