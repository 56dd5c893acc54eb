"""Attacks that worked on other studios, tried on a live server. The numbers are rows of the list of their issues."""

from __future__ import annotations

import pickle
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from redraw.server.config import ServeConfig

API = "/api/v1"
Made = Callable[..., bytes]
UPLOAD = f"POST {API}/pictures HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
SECRET = b"root:secret-of-this-machine"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a secret beside it, and everything an attacker might put there."""
    root = tmp_path_factory.mktemp("room")
    (root / "secret.txt").write_bytes(SECRET)
    folder = root / "models"
    folder.mkdir()
    (folder / "link.safetensors").symlink_to(root / "secret.txt")
    (folder / "Pickle.SafeTensors").write_bytes(_pickle(root / "ran"))
    (folder / "pickle.ckpt").write_bytes(_pickle(root / "ran"))
    return folder


def _pickle(marker: Path) -> bytes:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (marker,))

    return pickle.dumps(Evil())


@pytest.fixture(scope="module")
def live(lively: Callable[..., Any], models: Path) -> Any:
    """A server with small limits, on loopback."""
    return lively(
        models_dirs=[str(models)], max_upload=200_000, max_body=400_000, upload_seconds=2.0, decode_seconds=5.0
    )


@pytest.fixture(scope="module")
def guarded(lively: Callable[..., Any]) -> Any:
    """A server other machines can reach, with a password."""
    return lively(listen=True, auth=[["someone", "correct horse"]], failures=5)


@pytest.mark.parametrize(
    "path",
    [
        "/file=/etc/passwd",
        "/file/etc/passwd",
        "/../../../../etc/passwd",
        "/api/v1/pictures/../../../../etc/passwd",
        "/api/v1/pictures/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/api/v1/pictures/..%5c..%5cetc%5cpasswd",
        "/api/v1/results/../../etc/passwd/picture",
        "/api/v1/results/%2fetc%2fpasswd/picture",
        "/api/v1/jobs/..%2f..%2f..%2fetc%2fpasswd/archive.zip",
        "/assets/../../../etc/passwd",
        "/theme/..\\..\\..\\etc\\passwd",
        "//etc/passwd",
        "/etc/passwd%00.png",
        "/view?filename=../../etc/passwd",
    ],
)
def test_87_no_path_reaches_a_file(live: Any, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = live.raw(request.encode())
    assert answer.split(b" ")[1] in (b"400", b"404", b"422"), answer[:200]
    assert b"root:" not in answer


@pytest.mark.parametrize(
    "path", ["//evil.example", "//evil.example/%2f..", "/\\evil.example", "/api/v1/jobs/", "/health//"]
)
def test_88_nothing_redirects_elsewhere(live: Any, path: str) -> None:
    answer = live.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert b"evil.example" not in head.partition(b"\r\n")[2]
    assert b"location: //" not in head


class _Bait(BaseHTTPRequestHandler):
    """Counts who calls."""

    calls: list[str] = []  # noqa: RUF012 - shared on purpose

    def do_GET(self) -> None:
        self.calls.append(self.path)
        self.send_response(200)
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def bait() -> Iterator[Any]:
    """A service on loopback that must never be called."""
    service = HTTPServer(("127.0.0.1", 0), _Bait)
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    yield service
    service.shutdown()
    service.server_close()
    thread.join()


def test_89_94_no_field_makes_the_server_call_anybody(live: Any, bait: Any) -> None:
    url = f"http://127.0.0.1:{bait.server_address[1]}/metadata"
    bodies: list[dict[str, Any]] = [
        {"kind": "img2img", "request": {"images": [{"data": url}]}},
        {"kind": "img2img", "request": {"images": [{"url": url}]}},
        {"kind": "img2img", "request": {"images": [url]}},
        {"kind": "img2img", "request": {"images": [{"sha256": "0" * 64}], "mask": url}},
        {"kind": "txt2img", "request": {"model": url}},
        {"kind": "txt2img", "request": {"vae": url}},
        {"kind": "txt2img", "request": {"prompt": "x"}, "options": {"webhook": url}},
    ]
    with live.client() as client:
        for body in bodies:
            assert client.post(f"{API}/jobs", json=body).status_code == 422, body
        for path in ("img2img", "extra-single-image", "png-info", "interrogate"):
            client.post(f"/sdapi/v1/{path}", json={"init_images": [url], "image": url})
        answer = client.post(f"{API}/pictures", content=url.encode(), headers={"content-type": "image/png"})
        assert answer.status_code == 422
    assert _Bait.calls == []


def test_94_a_webhook_to_a_private_address_is_not_delivered(lively: Callable[..., Any], bait: Any) -> None:
    live = lively(webhooks=True, webhook_secret="s" * 20)
    port = bait.server_address[1]
    names = ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0177.0.0.1", "127.1")
    with live.client() as client:
        for name in names:
            body = {"kind": "txt2img", "request": {"prompt": "x"}, "options": {"webhook": f"http://{name}:{port}/"}}
            assert client.post(f"{API}/jobs", json=body).status_code == 201
        until = time.monotonic() + 30
        while time.monotonic() < until and sum("is not allowed" in line for line in live.log) < len(names) - 1:
            time.sleep(0.1)
    assert sum("is not allowed" in line for line in live.log) >= len(names) - 1, live.log
    assert _Bait.calls == []


@pytest.mark.parametrize("field", ["prompt", "negative_prompt", "background", "upscaler", "sampler"])
@pytest.mark.parametrize(
    "text", ["{{7*7}}", "__import__('os').system('touch x')", "<script>alert(1)</script>", "$(id)"]
)
def test_90_text_stays_text(live: Any, field: str, text: str) -> None:
    with live.client() as client:
        kind = "txt2img" if "prompt" in field or field == "sampler" else "img2img"
        answer = client.post(f"{API}/jobs", json={"kind": kind, "request": {"prompt": "x", field: text}})
        assert answer.status_code in (201, 422)
        assert answer.headers["content-type"] in ("application/json", "application/problem+json")
        if answer.status_code == 201:
            assert answer.json()["request"][field] == text


def test_91_92_93_a_pickle_is_never_a_model_whatever_it_is_called(live: Any, models: Path) -> None:
    with live.client() as client:
        listed = client.get(f"{API}/models").json()
        assert [m["name"] for m in listed if m["name"] != "redraw-starter"] == []
        for name in ("Pickle", "Pickle.SafeTensors", "pickle.ckpt", "link", "link.safetensors", "../secret.txt"):
            answer = client.post(f"{API}/jobs", json={"kind": "txt2img", "request": {"model": name}})
            assert answer.status_code == 422
            assert SECRET.decode() not in answer.text
            assert str(models) not in answer.text
        upload = client.post(f"{API}/pictures", content=_pickle(models / "ran"), headers={"content-type": "image/png"})
        assert upload.status_code == 422
        for path in ("/models/install", "/models/upload", "/models", "/api/v2/models/install"):
            assert client.post(f"{API}{path}", json={"source": "x"}).status_code in (404, 405)
    assert not (models.parent / "ran").exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example", "content-type": "text/plain"},
        {"origin": "null", "content-type": "text/plain"},
        {"origin": "null", "content-type": "application/json"},
        {"origin": "http://evil.example", "content-type": "application/json", "x-redraw": "1"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "content-type": "text/plain"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "content-type": "application/json"},
    ],
)
@pytest.mark.parametrize("path", [f"{API}/jobs", f"{API}/queue/pause", "/sdapi/v1/txt2img", "/sdapi/v1/options"])
def test_95_another_page_cannot_post(live: Any, headers: dict[str, str], path: str) -> None:
    with live.client() as client:
        answer = client.post(path, content=b'{"kind":"txt2img","request":{"prompt":"csrf"}}', headers=headers)
        assert answer.status_code == 403
        assert client.get(f"{API}/jobs", params={"text": "csrf"}).json()["items"] == []
        assert client.get(f"{API}/queue").json()["held"] is False


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.nip.example", "169.254.169.254"])
def test_95_a_rebound_name_is_not_ours(live: Any, host: str) -> None:
    answer = live.raw(f"GET {API}/results HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 421")


def test_95_two_hosts_or_none_are_refused(live: Any) -> None:
    two = live.raw(b"GET /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    none = live.raw(b"GET /api/v1/jobs HTTP/1.0\r\n\r\n")
    assert two.split(b" ")[1] in (b"400", b"421")
    assert none.split(b" ")[1] in (b"400", b"421")


@pytest.mark.parametrize("kind", ["image/png", "text/html", "image/svg+xml", "application/octet-stream"])
@pytest.mark.parametrize(
    "content", [b"<html><script>1</script>", b"<svg onload=alert(1)/>", b"GIF89a<script>1</script>"]
)
def test_96_no_page_is_ever_served(live: Any, kind: str, content: bytes) -> None:
    with live.client() as client:
        answer = client.post(f"{API}/pictures", content=content, headers={"content-type": kind})
        assert answer.status_code in (415, 422)


def test_96_a_picture_with_a_script_in_it_stays_a_picture(live: Any, make_png: Made) -> None:
    data = make_png() + b"<html><script>alert(1)</script></html>"
    with live.client() as client:
        files = {"file": ("x.html", data, "text/html")}
        answer = client.get(client.post(f"{API}/pictures", files=files).headers["location"])
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ".html" not in answer.headers["content-disposition"]
    assert "sandbox" in answer.headers["content-security-policy"]


def test_97_a_link_in_the_store_leads_nowhere(lively: Callable[..., Any], tmp_path: Path) -> None:
    live = lively(data_dir=str(tmp_path))
    (tmp_path / "secret").write_bytes(SECRET)
    name = "ab" + "0" * 62
    (tmp_path / "blobs" / "ab").mkdir(parents=True, exist_ok=True)
    (tmp_path / "blobs" / "ab" / name).symlink_to(tmp_path / "secret")
    with live.client() as client:
        answer = client.get(f"{API}/pictures/{name}")
    assert answer.status_code == 404
    assert SECRET not in answer.content


def test_98_every_route_asks_for_the_password(guarded: Any) -> None:
    with guarded.client(auth=("someone", "correct horse")) as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert len(paths) > 30
    with guarded.client() as client:
        for path, verbs in paths.items():
            for verb in verbs:
                status = client.request(verb, path).status_code
                assert status == (200 if path in ("/health", "/ready") else 401), (verb, path)
        for path in ("/", "/docs", "/redoc", "/metrics", "/sdapi/v1/loras", "/internal/ping", "/nothing"):
            assert client.get(path).status_code == 401, path


def test_98_guessing_is_slowed_down(guarded: Any) -> None:
    with guarded.client() as client:
        statuses = [client.get(f"{API}/jobs", auth=("someone", f"{i}")).status_code for i in range(8)]
    assert statuses == [401] * 5 + [429] * 3


def test_98_listening_without_a_password_does_not_start(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from redraw.server.config import ServeConfig;"
        "from redraw.server.run import serve; serve(ServeConfig(data_dir=Path(sys.argv[1]), port=0, listen=True))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "--api-auth" in done.stderr
    assert ServeConfig(data_dir=tmp_path).address == "127.0.0.1"


def _open(live: Any, head: str) -> socket.socket:
    sock = socket.create_connection(live.address, timeout=20)
    sock.sendall(head.encode())
    return sock


def _status(sock: socket.socket) -> int:
    data = b""
    while b"\r\n" not in data:
        piece = sock.recv(4096)
        if not piece:
            break
        data += piece
    return int(data.split(b" ")[1]) if data else 0


def test_a_large_upload_is_refused_before_it_arrives(live: Any) -> None:
    head = f"{UPLOAD}Content-Length: 99999999\r\n\r\n"
    with _open(live, head) as sock:
        assert _status(sock) == 413


def test_an_endless_upload_is_cut_off(live: Any) -> None:
    head = f"{UPLOAD}Transfer-Encoding: chunked\r\n\r\n"
    with _open(live, head) as sock:
        sent = 0
        try:
            while sent < 50_000_000:
                sock.sendall(b"1000\r\n" + bytes(4096) + b"\r\n")
                sent += 4096
        except OSError:
            pass
        assert sent < 20_000_000


def test_a_slow_upload_is_given_up(live: Any) -> None:
    head = f"{UPLOAD}Content-Length: 1000\r\n\r\n"
    begun = time.monotonic()
    with _open(live, head) as sock:
        sock.setblocking(True)
        stop = threading.Event()
        dripper = threading.Thread(target=_drip, args=(sock, stop), daemon=True)
        dripper.start()
        assert _status(sock) == 408
        stop.set()
        dripper.join()
    assert time.monotonic() - begun < 10


def _drip(sock: socket.socket, stop: threading.Event) -> None:
    while not stop.wait(0.1):
        try:
            sock.sendall(b"x")
        except OSError:
            return


def test_many_slow_clients_do_not_keep_others_out(live: Any) -> None:
    head = f"{UPLOAD}Content-Length: 1000\r\n\r\n"
    slow = [_open(live, head) for _ in range(100)]
    with live.client() as client:
        begun = time.monotonic()
        assert client.get(f"{API}/progress").status_code == 200
        assert client.get(f"{API}/jobs").status_code == 200
        assert time.monotonic() - begun < 5
    for sock in slow:
        sock.close()


@pytest.mark.parametrize("size", [(50_000, 50_000), (200_000, 200_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_by_its_header(live: Any, size: tuple[int, int]) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10_000_000), 9)) + chunk(b"IEND", b"")
    begun = time.monotonic()
    with live.client() as client:
        answer = client.post(f"{API}/pictures", content=data, headers={"content-type": "image/png"})
    assert answer.status_code == 422
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "text",
    ["x\r\nSet-Cookie: a=b", "x\nX-Injected: 1", "x\r\n\r\n<html>"],
)
def test_nothing_a_client_says_becomes_a_header_or_a_line_of_the_log(live: Any, make_png: Made, text: str) -> None:
    with live.client() as client:
        answers = [
            client.post(f"{API}/pictures", files={"file": (text, make_png(), "image/png")}),
            client.get(f"{API}/jobs", params={"text": text, "after": text}),
            client.get(f"{API}/{quote(text)}"),
        ]
        for answer in answers:
            assert "set-cookie" not in answer.headers
            assert "x-injected" not in answer.headers
        head = f"POST {API}/jobs HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: a\rb\r\nConnection: close\r\n\r\n"
        raw = live.raw(head.encode())
    assert raw.split(b" ")[1] in (b"400", b"422")
    assert not [line for line in live.log if line.startswith(("Set-Cookie", "X-Injected", "<html"))]


def test_the_log_has_no_query_no_prompt_and_no_password(guarded: Any, live: Any) -> None:
    with live.client() as client:
        client.get(f"{API}/jobs", params={"text": "very-private-words"})
        client.post(f"{API}/jobs", json={"kind": "txt2img", "request": {"prompt": "very-private-words"}})
    time.sleep(0.3)
    for line in live.log + guarded.log:
        assert "very-private-words" not in line
        assert "correct horse" not in line


def test_a_request_smuggled_behind_another_is_not_run(live: Any) -> None:
    inner = f"POST {API}/queue/pause HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for framing in ("Content-Length: 0\r\nTransfer-Encoding: chunked", "Content-Length: 0\r\nContent-Length: 99"):
        live.raw(f"POST {API}/tokens HTTP/1.1\r\nHost: evil.example\r\n{framing}\r\n\r\n0\r\n\r\n{inner}".encode(), 2)
    with live.client() as client:
        held = client.get(f"{API}/queue").json()["held"]
        client.post(f"{API}/queue/resume")
    assert held is False
