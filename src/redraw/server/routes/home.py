"""`/`: what a browser sees first."""

from __future__ import annotations

from html import escape
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from redraw.server.state import Parts
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
<p>The studio's page is not part of this version.</p>
</body>
</html>
"""


@router.get("/", response_class=HTMLResponse)
def home(parts: Parts) -> HTMLResponse:
    """Show that the server runs, and where its doors are."""
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
