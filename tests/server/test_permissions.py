"""The table of routes in the documentation is the application's, and what it says is so."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from redraw.server.permissions import ANYONE, OWN_PAGE, USER, doors

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "write_routes.py"
AUTH = ("someone", "correct horse")


def test_the_documented_table_is_current() -> None:
    spec = importlib.util.spec_from_file_location("write_routes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    text = script.PAGE.read_text(encoding="utf-8")
    assert text == script.page(text), "run `python scripts/write_routes.py`"


@pytest.fixture
def guarded(local: Any) -> Any:
    """A server with a password that never tires of wrong ones."""
    return local(auth=(AUTH,), failures=10_000, api_server_stop=True)


def test_every_route_wants_what_the_table_says(guarded: Any) -> None:
    """Deny by default: whatever is hung in, somebody without credentials gets 401 and another page 403."""
    found = list(doors(guarded.client.app))
    assert len(found) > 45
    assert {door.permission for door in found} == {ANYONE, USER, OWN_PAGE}
    for door in found:
        url = re.sub(r"\{[^}]*\}", "x", door.path)
        bare = guarded.client.request(door.method, url).status_code
        assert (bare == 401) == (door.permission != ANYONE), door
        foreign = guarded.client.request(door.method, url, auth=AUTH, headers={"origin": "null"}).status_code
        assert foreign == 403, door
        if door.permission == OWN_PAGE:
            own = {"origin": "http://localhost"}
            assert guarded.client.request(door.method, url, auth=AUTH, headers=own).status_code == 403, door


def test_only_these_are_open(guarded: Any) -> None:
    assert {d.path for d in doors(guarded.client.app) if d.permission == ANYONE} == {"/health", "/ready"}


def test_every_route_of_ours_says_what_it_does(server: Any) -> None:
    assert [
        d for d in doors(server.client.app) if d.path.startswith("/api/") and not d.about and "openapi" not in d.path
    ] == []
