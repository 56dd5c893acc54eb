"""Every route with the permission it needs, as the documentation's table lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from redraw.server.security import OPEN, SAFE

ANYONE: Final = "anyone"
USER: Final = "user"
OWN_PAGE: Final = "user, own page"
"""A browser must send it from our own page, with `X-Redraw`."""


class Door(NamedTuple):
    """One method of one route."""

    method: str
    path: str
    permission: str
    about: str


def permission_of(method: str, path: str) -> str:
    """Return who may call this."""
    if path in OPEN:
        return ANYONE
    return OWN_PAGE if method not in SAFE and path.startswith("/api/") else USER


def doors(app: FastAPI) -> Iterator[Door]:
    """Yield every method of every route of an application, in the order of their paths."""
    found = []
    for context in iter_route_contexts(app.routes):
        path, about = context.path or "", (context.endpoint.__doc__ if context.endpoint else "") or ""
        for method in context.methods or ():
            found.append(Door(method, path, permission_of(method, path), about.strip().partition("\n")[0]))
    yield from sorted(found, key=lambda door: (not door.path.startswith("/api/"), door.path, door.method))


def table(app: FastAPI) -> str:
    """Return the routes as a table in Markdown."""
    rows = ["| route | permission | what it does |", "| --- | --- | --- |"]
    rows += [f"| `{d.method} {d.path}` | {d.permission} | {d.about.replace('|', '/')} |" for d in doors(app)]
    return "\n".join(rows)
