"""`/` and the files below it: the studio's page, or where none was built, a plain one."""

from __future__ import annotations

from html import escape
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from redraw.server.errors import Problem
from redraw.server.page import FOREVER, FRESH, INDEX
from redraw.server.state import Parts, Shared
from redraw.server.views import API

router = APIRouter(include_in_schema=False)

_PAGE: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Redraw</title></head>
<body>
<h1>Redraw {version} is running</h1>
<p>Worker: {worker}. Jobs waiting: {waiting}.</p>
<ul>
<li><a href="{api}/results">Results</a>, <a href="{api}/jobs">jobs</a>, <a href="{api}/models">models</a></li>
<li>Our API: <a href="{api}/openapi.json">{api}/openapi.json</a></li>
<li>AUTOMATIC1111's API: <a href="/sdapi/v1/openapi.json">/sdapi/v1/openapi.json</a></li>
</ul>
<p>From a terminal:</p>
<pre>redraw img2img cat.png "a fox" --server {address} -o fox.png</pre>
<p>The studio's page is not built yet: <code>make web</code> builds it, then start the server again.</p>
</body>
</html>
"""


@router.head("/", include_in_schema=False)
@router.get("/", response_class=HTMLResponse)
def home(parts: Parts, request: Request) -> Response:
    """Show the studio's page; without a build of it, that the server runs, and where its doors are."""
    return parts.page.answer(request, INDEX, FRESH) or _plain(parts)


@router.head("/assets/{name:path}", include_in_schema=False)
@router.get("/assets/{name:path}", response_class=Response)
async def asset(parts: Parts, request: Request, name: str) -> Response:
    """Return a file of the page that never changes under its name."""
    return parts.page.answer(request, f"assets/{name}", FOREVER) or _nothing()


@router.head("/favicon.svg", include_in_schema=False)
@router.get("/favicon.svg", response_class=Response)
async def icon(parts: Parts, request: Request) -> Response:
    """Return the page's icon."""
    return parts.page.answer(request, "favicon.svg", FRESH) or _nothing()


@router.head("/manifest.webmanifest", include_in_schema=False)
@router.get("/manifest.webmanifest", response_class=Response)
async def manifest(parts: Parts, request: Request) -> Response:
    """Return what a browser needs to install the page as an application."""
    return parts.page.answer(request, "manifest.webmanifest", FRESH) or _nothing()


def _nothing() -> Response:
    raise Problem(404, "not found", "the page has no such file")


def _plain(parts: Shared) -> Response:
    """Return the page that stands in where none was built."""
    alive = parts.supervisor.alive if parts.supervisor is not None else None
    worker = {True: "working", False: "starting", None: "elsewhere"}[alive]
    return HTMLResponse(
        _PAGE.format(
            version=escape(version("redraw-studio")),
            worker=worker,
            waiting=parts.queue.count(["waiting"]),
            api=API,
            address=escape(f"http://{parts.config.host}:{parts.config.port}"),
        )
    )
