"""The gate, the login and the limits, on a server in this process."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest

from redraw.errors import RequestError
from redraw.server import security
from redraw.server.config import ServeConfig, is_loopback
from redraw.server.security import Failures

API = "/api/v1"
AUTH = (("someone", "correct horse"), ("other", "battery:staple"))
PUBLIC = {"listen": True, "insecure": True}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:7860", 200),
        ("localhost.", 200),
        ("127.0.0.1:1", 200),
        ("127.9.9.9", 200),
        ("[::1]:7860", 200),
        ("studio.example", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:80", 421),
        ("localhost@evil.example", 421),
        ("localhost:80:80", 421),
        ("192.168.1.9", 421),
        ("", 421),
        ("[::1", 421),
        ("2130706433", 421),
    ],
)
def test_the_server_answers_to_its_own_names_only(local: Any, host: str, status: int) -> None:
    client = local(hosts=("studio.example",)).client
    assert client.get("/health", headers={"host": host}).status_code == status


@pytest.mark.parametrize(("host", "status"), [("192.168.1.9:7860", 200), ("[fe80::1]", 200), ("evil.example", 421)])
def test_a_listening_server_answers_to_addresses_which_cannot_be_rebound(local: Any, host: str, status: int) -> None:
    assert local(**PUBLIC).client.get("/health", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://localhost", 200),
        ("https://localhost", 200),
        ("null", 403),
        ("http://evil.example", 403),
        ("http://localhost:3000", 403),
        ("http://localhost.evil.example", 403),
        ("file://", 403),
        ("chrome-extension://localhost", 403),
        ("", 403),
        ("http://friend.example", 200),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/progress", "/sdapi/v1/progress", "/health"])
def test_another_page_may_not_call(local: Any, origin: str | None, status: int, path: str) -> None:
    client = local(cors_origins=("http://friend.example",)).client
    answer = client.get(path, headers={} if origin is None else {"origin": origin})
    assert (answer.status_code == 403) == (status == 403)


@pytest.mark.parametrize(
    ("site", "mode", "refused"),
    [
        ("same-origin", "cors", False),
        ("none", "navigate", False),
        ("cross-site", "navigate", False),
        ("cross-site", "no-cors", True),
        ("same-site", "cors", True),
        ("cross-site", "cors", True),
    ],
)
def test_what_browsers_say_about_the_caller_counts(server: Any, site: str, mode: str, refused: bool) -> None:
    answer = server.client.get(f"{API}/results", headers={"sec-fetch-site": site, "sec-fetch-mode": mode})
    assert (answer.status_code == 403) == refused


@pytest.mark.parametrize(
    "extra", [{"origin": "http://localhost"}, {"sec-fetch-site": "same-origin"}, {"cookie": "a=b"}]
)
def test_a_browser_needs_the_custom_header_to_change_something(server: Any, extra: dict[str, str]) -> None:
    url = f"{API}/queue/pause"
    refused = server.client.post(url, headers=extra)
    assert (refused.status_code, refused.json()["title"]) == (403, "header missing")
    assert server.queue.held is False
    assert server.client.post(url, headers={**extra, "x-redraw": "1"}).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"])
def test_a_form_cannot_submit_a_job(server: Any, kind: str) -> None:
    content = b'{"kind": "txt2img", "request": {"prompt": "x"}}'
    assert server.client.post(f"{API}/jobs", content=content, headers={"content-type": kind}).status_code in (400, 422)
    assert server.queue.count() == 0


def test_preflights_are_refused_unless_the_origin_is_configured(local: Any) -> None:
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "x-redraw,content-type"}
    client = local(cors_origins=("http://friend.example",), auth=AUTH).client
    friend = client.options(f"{API}/jobs", headers={"origin": "http://friend.example", **ask})
    assert friend.headers["access-control-allow-origin"] == "http://friend.example"
    foe = client.options(f"{API}/jobs", headers={"origin": "http://evil.example", **ask})
    assert foe.status_code == 403
    assert "access-control-allow-origin" not in foe.headers


def test_without_configuration_nothing_allows_another_origin(server: Any) -> None:
    answer = server.client.get("/health")
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/health", f"{API}/jobs", "/nothing", f"{API}/jobs/0/cancel", "/openapi.json"])
def test_every_answer_carries_the_protecting_headers(server: Any, path: str) -> None:
    headers = server.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("login", "status"),
    [
        (AUTH[0], 200),
        (AUTH[1], 200),
        (None, 401),
        (("someone", "correct hors"), 401),
        (("someone", ""), 401),
        (("other", "correct horse"), 401),
        (("", "correct horse"), 401),
    ],
)
def test_credentials_are_needed_and_must_match_as_a_pair(local: Any, login: Any, status: int) -> None:
    client = local(auth=AUTH).client
    answer = client.get(f"{API}/jobs", auth=login)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!!", "Basic " + base64.b64encode(b"nocolon").decode(), "Bearer x", "Basic \xff"]
)
def test_malformed_credentials_are_wrong_credentials(local: Any, header: str) -> None:
    answer = local(auth=AUTH).client.get(f"{API}/jobs", headers={"authorization": header.encode("latin-1")})
    assert answer.status_code == 401


@pytest.mark.parametrize("path", sorted(security.OPEN))
def test_only_health_is_open_and_tells_nothing(local: Any, path: str) -> None:
    answer = local(auth=AUTH).client.get(path)
    assert answer.json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["//health/../api/v1/jobs", "/health/", "/health/x", "/HEALTH", "/api/v1/jobs/"])
def test_no_spelling_of_a_path_gets_around_the_login(local: Any, path: str) -> None:
    assert local(auth=AUTH).client.get(path).status_code == 401


def test_wrong_passwords_make_an_address_wait_and_the_right_one_too(local: Any) -> None:
    client = local(auth=AUTH, failures=3).client
    assert [client.get(f"{API}/jobs", auth=("someone", "x")).status_code for _ in range(4)] == [401, 401, 401, 429]
    answer = client.get(f"{API}/jobs", auth=AUTH[0])
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 61
    assert client.get("/health").status_code == 200


def test_failures_are_counted_by_address_and_forgotten() -> None:
    failures = Failures(2, window=0.2, remembered=3)
    for address in ("10.0.0.1", "10.0.0.1", "2001:db8::1", "2001:db8::2"):
        failures.add(address)
    assert failures.wait("10.0.0.1") > 0
    assert failures.wait("10.0.0.2") == 0
    assert failures.wait("2001:db8::ffff") > 0, "a /64 is one customer"
    assert failures.wait("2001:db8:0:1::1") == 0
    time.sleep(0.25)
    assert failures.wait("10.0.0.1") == 0
    for number in range(10):
        failures.add(f"10.1.0.{number}")
    assert len(failures._times) == 3


def test_every_user_is_compared_in_constant_time(local: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []

    def compare(a: bytes, b: bytes) -> bool:
        calls.append((len(a), len(b)))
        return a == b

    monkeypatch.setattr(security.secrets, "compare_digest", compare)
    client = local(auth=AUTH).client
    for password in ("correct horse", "c", "x" * 1000):
        client.get(f"{API}/jobs", auth=("someone", password))
    assert calls == [(32, 32)] * 6


@pytest.mark.parametrize("path", [f"{API}/jobs", "/sdapi/v1/img2img", f"{API}/pictures"])
def test_a_body_is_bounded_whether_it_says_its_length_or_not(local: Any, path: str) -> None:
    client = local(max_body=70_000, max_upload=1000).client
    headers = {"content-type": "application/json" if "pictures" not in path else "image/png"}
    said = client.post(path, content=b"[" * 80_000, headers=headers)
    unsaid = client.post(path, content=(b"[" * 1000 for _ in range(80)), headers=headers)
    assert (said.status_code, unsaid.status_code) == (413, 413)


@pytest.mark.parametrize(
    ("options", "ok"),
    [
        ({}, True),
        ({"host": "localhost"}, True),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "192.168.0.2"}, False),
        ({"listen": True}, False),
        ({"listen": True, "insecure": True}, True),
        ({"listen": True, "auth": AUTH}, True),
        ({"host": "192.168.0.2", "listen": True, "auth": AUTH}, True),
        ({"listen": True, "auth": (("u", ""),)}, False),
        ({"webhooks": True}, False),
        ({"webhooks": True, "webhook_secret": "s" * 16}, True),
        ({"cors_origins": ("*",)}, False),
        ({"cors_origins": ("null",)}, False),
        ({"cors_origins": ("https://a.example/",)}, False),
        ({"cors_origins": ("https://a.example",)}, True),
        ({"max_body": 0}, False),
    ],
)
def test_an_unsafe_configuration_is_refused(tmp_path: Any, options: dict[str, Any], ok: bool) -> None:
    check: Callable[[], object] = ServeConfig(data_dir=tmp_path, **options).check
    if ok:
        check()
    else:
        with pytest.raises(RequestError) as error:
            check()
        assert "correct horse" not in str(error.value)


def test_listening_means_every_address_and_else_only_this_machine(tmp_path: Any) -> None:
    assert ServeConfig(data_dir=tmp_path).address == "127.0.0.1"
    assert ServeConfig(data_dir=tmp_path, listen=True).address == "0.0.0.0"
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("localhost.evil.example")
