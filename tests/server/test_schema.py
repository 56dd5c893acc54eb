"""Whatever a client makes up within or outside of the schema: no answer says that the server failed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from redraw.jobs.queue import Queue
from redraw.server.app import create_app, limits_of
from redraw.server.config import ServeConfig

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis import GenerationMode

ENDLESS = {"/api/v1/events"}
EXAMPLES = 12


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The schema of a server in this process, with a job in every state."""
    from redraw.request import Txt2Img

    config = ServeConfig(data_dir=tmp_path_factory.mktemp("data"), max_body=1_000_000, max_upload=100_000)
    with Queue.open(Path(config.data_dir), limits=limits_of(config)) as queue:
        for _ in range(3):
            queue.submit(Txt2Img(prompt="x"))
        app = create_app(config, queue)
        loaded = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers={"host": "localhost"})
        loaded.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
        yield loaded


def operations() -> list[tuple[str, str]]:
    """Every operation of our API."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, Queue.open(Path(folder)) as queue:
        from starlette.testclient import TestClient

        app = create_app(ServeConfig(data_dir=Path(folder)), queue)
        client = TestClient(app, base_url="http://localhost")
        paths = client.get("/api/v1/openapi.json").json()["paths"]
        client.close()
    return [(verb.upper(), path) for path, verbs in paths.items() for verb in verbs if path not in ENDLESS]


@pytest.mark.parametrize(("method", "path"), operations())
def test_no_made_up_request_makes_the_server_fail(schema: Any, method: str, path: str) -> None:
    operation = schema[path][method]
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @given(case=cases)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:
        answer = case.call(headers={"host": "localhost"})
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)
        if answer.status_code >= 400 and answer.status_code != 416:
            assert answer.headers["content-type"][0] == "application/problem+json"

    check()
