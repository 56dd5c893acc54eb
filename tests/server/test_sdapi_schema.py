"""Whatever a client makes up within or outside of A1111's schema: every answer is one the schema and the docs name.

500 and 501 are among them, always in A1111's own shape: what is not built yet, and what its clients expect.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from redraw.server.app import create_app
from redraw.server.config import ServeConfig

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis import GenerationMode

STOPS = {"/sdapi/v1/server-stop", "/sdapi/v1/server-kill"}
EXAMPLES = 8
# what docs/a1111-api.md lists under "Errors"
EXPECTED = re.compile(
    r"Invalid encoded image|Requests not allowed|Invalid image format|init_images is empty|not found|^'.*'$", re.DOTALL
)


@pytest.fixture(scope="module")
def schema(lively: Callable[..., Any]) -> Any:
    """The schema of a live server with the fake engine, which makes small pictures only."""
    live = lively(max_pixels=300_000, max_body=1_000_000)
    loaded = schemathesis.openapi.from_url(f"{live.url}/sdapi/v1/openapi.json")
    loaded.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    return loaded


def operations() -> list[tuple[str, str]]:
    """Every operation of A1111's API that does not stop the server."""
    from redraw.server.routes import controlnet, sdapi

    found = [
        (method, str(getattr(route, "path", "")))
        for router in (*sdapi.routers, controlnet.router)
        for route in router.routes
        for method in getattr(route, "methods", ())
    ]
    return [(method, path) for method, path in found if path not in STOPS and not path.startswith("/internal/")]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), operations())
def test_every_answer_is_a_known_one(schema: Any, method: str, path: str) -> None:
    operation = schema[path][method]
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def check(case: Any) -> None:
        if isinstance(case.body, dict):
            for name in ("steps", "n_iter", "batch_size"):  # many of them are only slow
                if isinstance(case.body.get(name), int):
                    case.body[name] = min(case.body[name], 2)
        answer = case.call()
        if answer.status_code < 500:
            return
        said = answer.json()
        assert set(said) == {"error", "detail", "body", "errors"}, answer.text
        assert answer.status_code in (500, 501), answer.text
        if answer.status_code == 500:
            assert EXPECTED.search(said["detail"] or said["errors"]), answer.text

    check()


def test_the_schema_names_what_is_expected(tmp_path: Path) -> None:
    with_schema = create_app(ServeConfig(data_dir=tmp_path))
    from starlette.testclient import TestClient

    with TestClient(with_schema, base_url="http://localhost") as client:
        paths = client.get("/sdapi/v1/openapi.json").json()["paths"]
    assert {"200", "404", "422", "500", "501"} <= set(paths["/sdapi/v1/img2img"]["post"]["responses"])
    assert "501" in paths["/sdapi/v1/interrogate"]["post"]["responses"]
    assert "500" in paths["/sdapi/v1/options"]["post"]["responses"]
