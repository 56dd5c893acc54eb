"""The application as a whole: what it imports, how soon its port is open, what its schema says."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraw.errors import RequestError
from redraw.server.config import ServeConfig
from redraw.server.metrics import JsonLines
from redraw.server.run import bound, url_of

HEAVY = ("torch", "diffusers", "transformers", "cv2", "click", "rich")


def test_a_running_application_has_not_imported_torch(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from starlette.testclient import TestClient
from redraw.server.app import create_app
from redraw.server.config import ServeConfig
with TestClient(create_app(ServeConfig(data_dir=Path(sys.argv[1]))), base_url="http://localhost") as client:
    body = {{"kind": "txt2img", "request": {{"prompt": "a cat"}}}}
    assert client.post("/api/v1/jobs", json=body).status_code == 201
    for path in "models vaes samplers schedulers upscalers request-schema settings jobs health".split():
        assert client.get("/api/v1/" + path).status_code == 200, path
    assert client.post("/api/v1/tokens", json={{"prompt": "a cat"}}).json()["used"] == 2
print([m for m in {HEAVY!r} if m in sys.modules])
"""
    command = [sys.executable, "-W", "error::ImportWarning", "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_port_is_open_before_anything_slow_is_imported(tmp_path: Path) -> None:
    script = (
        "import sys, socket; from pathlib import Path; import redraw.server.run as run;"
        "from redraw.server.config import ServeConfig;"
        "slow = ('fastapi', 'uvicorn', 'sqlalchemy');"
        "run._serve = lambda config, listener: print([m for m in slow if m in sys.modules]);"
        "run.serve(ServeConfig(data_dir=Path(sys.argv[1]), port=0), opened=print)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    url, loaded = done.stdout.split()[0], done.stdout.splitlines()[1]
    assert url.startswith("http://127.0.0.1:")
    assert loaded == "[]", done.stderr


def test_a_client_that_comes_too_early_is_answered(lively: Callable[..., Any]) -> None:
    begun = time.monotonic()
    live = lively()  # its first request is sent as soon as the port is bound
    with live.client() as client:
        assert client.get("/ready").status_code in (200, 503)
    assert time.monotonic() - begun < 60


def test_a_taken_port_is_told_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = ServeConfig(data_dir=tmp_path, port=taken.getsockname()[1])
        with pytest.raises(RequestError, match="must be free"):
            bound(config)


@pytest.mark.parametrize(
    ("options", "url"), [({}, "http://127.0.0.1:"), ({"listen": True, "insecure": True}, "http://127.0.0.1:")]
)
def test_the_url_is_one_that_people_can_open(tmp_path: Path, options: dict[str, Any], url: str) -> None:
    with bound(ServeConfig(data_dir=tmp_path, port=0, **options)) as listener:
        assert url_of(listener).startswith(url)


def test_answers_are_not_held_back_by_nagle(tmp_path: Path) -> None:
    config = ServeConfig(data_dir=tmp_path, port=0)
    with bound(config) as listener, socket.create_connection(listener.getsockname()[:2]):
        listener.setblocking(True)
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP, "asyncio sets TCP_NODELAY by this"


def test_the_schema_is_typed_from_the_request_models(server: Any) -> None:
    schema = server.client.get("/api/v1/openapi.json").json()
    assert all(path.startswith("/api/v1") for path in schema["paths"])
    steps = schema["components"]["schemas"]["Img2imgFields"]["properties"]["steps"]
    assert (steps["minimum"], steps["maximum"]) == (1, 1000)
    body = schema["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["discriminator"]["propertyName"] == "kind"
    whole = server.client.get("/openapi.json").json()
    assert set(schema["paths"]) < set(whole["paths"])
    ids = [verb["operationId"] for verbs in whole["paths"].values() for verb in verbs.values()]
    assert len(ids) == len(set(ids))


def test_a_line_of_the_log_is_one_json_object_whatever_is_in_it() -> None:
    record = logging.LogRecord("redraw.access", logging.INFO, "", 0, "a\nb", (), None)
    record.fields = {"path": "/x\r\n{}"}
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["path"] == "/x\r\n{}"


def test_prompts_are_logged_only_if_asked_for(local: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "redraw.access")
    local(log_prompts=False).submit(prompt="a quiet fox")
    assert not [record for record in caplog.records if "fox" in str(record.__dict__)]
    local(log_prompts=True).submit(prompt="a loud fox")
    assert [record for record in caplog.records if "a loud fox" in str(record.__dict__)]


def test_what_the_configuration_says_about_keeping_reaches_the_queue(local: Any) -> None:
    server = local(quota=12345, retention_days=3.0, trash_days=None, queue_limit=7)
    limits = server.queue.limits
    assert (limits.waiting, limits.disk, limits.retention.keep_days, limits.retention.trash_days) == (
        7,
        12345,
        3.0,
        None,
    )


def test_a_browser_finds_the_doors(server: Any) -> None:
    client = server.client
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for door in ("/api/v1/openapi.json", "/sdapi/v1/openapi.json"):
        assert f'href="{door}"' in page.text
        assert client.get(door).status_code == 200
