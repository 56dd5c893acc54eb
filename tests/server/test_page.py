"""The studio's page: what its build left, and nothing else."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraw.server.security import API_POLICY, PAGE_POLICY

INDEX = b"<!doctype html><html lang='en'><title>Redraw</title></html>"
SCRIPT = b"console.log('hello')\n" * 20


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as the build leaves it, with some that is not to be served."""
    folder = tmp_path / "build"
    (folder / "assets" / "deep").mkdir(parents=True)
    (folder / "index.html").write_bytes(INDEX)
    (folder / "favicon.svg").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "manifest.webmanifest").write_bytes(b"{}")
    for name, data in {"page-1a2b.js": SCRIPT, "page-1a2b.css": b"a{}", "deep/x-1.woff2": b"font"}.items():
        (folder / "assets" / name).write_bytes(data)
    (folder / "assets" / "page-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "bare-9.js").write_bytes(SCRIPT * 5)
    (folder / "assets" / "notes.txt").write_bytes(b"not served")
    (tmp_path / "secret.js").write_bytes(b"secret")
    (folder / "assets" / "link.js").symlink_to(tmp_path / "secret.js")
    return folder


@pytest.fixture
def studio(local: Callable[..., Any], built: Path) -> Any:
    """A client of a server that has a page."""
    return local(page=built).client


def test_the_page_is_never_taken_from_a_cache_unasked(studio: Any) -> None:
    answer = studio.get("/")
    assert (answer.content, answer.headers["cache-control"]) == (INDEX, "no-cache")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == PAGE_POLICY
    again = studio.get("/", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == PAGE_POLICY  # it replaces the one that the browser kept
    head = studio.head("/")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(INDEX)))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/assets/page-1a2b.js", "text/javascript; charset=utf-8"),
        ("/assets/page-1a2b.css", "text/css; charset=utf-8"),
        ("/assets/deep/x-1.woff2", "font/woff2"),
    ],
)
def test_assets_are_kept_for_a_year_under_their_right_type(studio: Any, path: str, kind: str) -> None:
    answer = studio.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert studio.get(path, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert studio.head(path).status_code == 200


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/favicon.svg", "image/svg+xml"), ("/manifest.webmanifest", "application/manifest+json")],
)
def test_icon_and_manifest_are_there_and_may_change(studio: Any, path: str, kind: str) -> None:
    answer = studio.get(path)
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (kind, "no-cache")
    assert answer.headers["content-security-policy"] == API_POLICY


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("identity", False),
        ("", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
    ],
)
def test_the_packed_file_goes_to_those_who_take_it(studio: Any, accepted: str, packed: bool) -> None:
    answer = studio.get("/assets/page-1a2b.js", headers={"accept-encoding": accepted})
    assert answer.content == SCRIPT  # unpacked by the client
    assert answer.headers["vary"] == "Accept-Encoding"
    assert (answer.headers.get("content-encoding") == "gzip") == packed
    assert answer.headers["etag"].endswith('-gz"') == packed
    plain = studio.get("/assets/page-1a2b.css", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers


def test_a_longer_text_without_a_packed_file_is_packed_at_the_start(studio: Any) -> None:
    answer = studio.get("/assets/bare-9.js", headers={"accept-encoding": "gzip"})
    assert (answer.headers["content-encoding"], answer.content) == ("gzip", SCRIPT * 5)
    assert int(answer.headers["content-length"]) < len(SCRIPT)
    assert "content-encoding" not in studio.get("/assets/bare-9.js", headers={"accept-encoding": "identity"}).headers


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js",
        "/assets/",
        "/assets/../index.html",
        "/assets/%2e%2e/index.html",
        "/assets/%2e%2e%2f%2e%2e%2fsecret.js",
        "/assets/..%5c..%5csecret.js",
        "/assets//etc/passwd",
        "/assets/page-1a2b.js.gz",
        "/assets/page-1a2b.js%00",
        "/assets/notes.txt",
        "/assets/link.js",
        "/index.html",
        "/assets",
    ],
)
def test_only_what_the_build_left_is_served(studio: Any, path: str) -> None:
    answer = studio.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_script_has_the_pages_policy_for_its_workers(studio: Any) -> None:
    assert studio.get("/assets/page-1a2b.js").headers["content-security-policy"] == PAGE_POLICY
    assert studio.get("/assets/page-1a2b.css").headers["content-security-policy"] == API_POLICY


def test_the_policy_lets_in_what_the_page_needs_and_no_more() -> None:
    rules = dict(rule.strip().split(" ", 1) for rule in PAGE_POLICY.split(";"))
    assert rules.pop("img-src") == "'self' blob: data:"
    for name in ("script-src", "style-src", "connect-src", "font-src", "manifest-src", "worker-src"):
        assert rules.pop(name) == "'self'", name
    assert set(rules) == {"default-src", "frame-ancestors", "base-uri", "form-action"}
    assert set(rules.values()) == {"'none'"}


def test_with_a_login_the_page_needs_it_too(local: Callable[..., Any], built: Path) -> None:
    client = local(page=built, auth=(("someone", "correct horse"),)).client
    for path in ("/", "/assets/page-1a2b.js", "/favicon.svg", "/manifest.webmanifest"):
        assert client.get(path).status_code == 401
        assert client.get(path, auth=("someone", "correct horse")).status_code == 200


def test_another_page_cannot_take_the_pages_parts(studio: Any) -> None:
    foreign = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert studio.get("/assets/page-1a2b.js", headers=foreign).status_code == 403
    assert studio.get("/assets/page-1a2b.js").headers["cross-origin-resource-policy"] == "same-origin"


def test_without_a_build_a_plain_page_says_how_to_make_one(server: Any) -> None:
    answer = server.client.get("/")
    assert (answer.status_code, answer.headers["content-security-policy"]) == (200, PAGE_POLICY)
    assert "make web" in answer.text
    assert "/api/v1/openapi.json" in answer.text
    assert server.client.head("/").status_code == 200
    assert server.client.get("/favicon.svg").status_code == 404
