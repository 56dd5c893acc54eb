"""The application: parts put together, doors hung in, layers of protection around it."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.middleware import Middleware

from redraw.errors import OutputError
from redraw.jobs.queue import Queue, QueueLimits, Retention
from redraw.server.config import ServeConfig
from redraw.server.errors import install
from redraw.server.events import Feed
from redraw.server.library import Library
from redraw.server.metrics import Metrics, Watch
from redraw.server.page import BUILT, StaticPage
from redraw.server.pictures import Desk
from redraw.server.routes import (
    events,
    files,
    health,
    home,
    jobs,
    library,
    networks,
    parameters,
    pictures,
    prompts,
    results,
    settings,
    styles,
)
from redraw.server.security import layers
from redraw.server.shown import FOLDER as VIEWS
from redraw.server.shown import Shown
from redraw.server.state import Shared
from redraw.server.styles import StyleBook
from redraw.server.views import API
from redraw.server.webhooks import Webhooks

if TYPE_CHECKING:
    from redraw.jobs.supervisor import Supervisor

log = logging.getLogger("redraw.server")

SWEEP: Final = 600.0
"""Seconds between two looks for what retention and quota no longer keep."""
_OURS: Final = (
    *(home, jobs, results, pictures, parameters, events, library, networks, prompts, files, styles, settings, health),
)
_GUESTS: Final = ("redraw.server.routes.sdapi", "redraw.server.routes.controlnet")


def create_app(
    config: ServeConfig,
    queue: Queue | None = None,
    supervisor: Supervisor | None = None,
    page: Path = BUILT,
) -> FastAPI:
    """Return the application. Nothing here imports torch.

    Args:
        config: how it is to run; `ServeConfig.check` is the caller's to call.
        queue: an open queue, which the caller closes; None opens the one in the data folder.
        supervisor: of the worker: started and stopped with the application; None leaves the work to others.
        page: folder with the build of the studio's page; it may be missing.

    `app.state` has `config`, `queue`, `supervisor`, and `shared` with all the parts.
    """
    own_queue = queue is None
    queue = queue or Queue.open(config.data_dir, config.database_url, limits=limits_of(config))
    desk = Desk(queue.blobs, config.limits, config.decode_seconds)
    shared = Shared(
        config=config,
        queue=queue,
        library=Library(config),
        desk=desk,
        feed=Feed(queue),
        page=StaticPage(page),
        shown=Shown(config.data_dir / VIEWS),
        styles=StyleBook(config),
        supervisor=supervisor,
    )
    metrics = Metrics(queue)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running(shared):
            yield
        if own_queue:
            shared.queue.close()

    app = FastAPI(
        title="Redraw",
        version=version("redraw-studio"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[Middleware(Watch, metrics=metrics), *layers(config)],
    )
    app.state.config, app.state.queue, app.state.supervisor = config, queue, supervisor
    app.state.shared, app.state.metrics = shared, metrics
    install(app)
    for router in [*(module.router for module in _OURS), *_guests()]:
        app.include_router(router)
    _hang_schemas(app)
    return app


def limits_of(config: ServeConfig) -> QueueLimits:
    """Return how much the queue of such a server takes."""
    retention = Retention(keep_days=config.retention_days, trash_days=config.trash_days)
    return QueueLimits(waiting=config.queue_limit, disk=config.quota, retention=retention)


def _guests() -> Iterator[APIRouter]:
    """Yield the routers of other programs' APIs that this installation has."""
    seen: list[APIRouter] = []
    for name in _GUESTS:
        if importlib.util.find_spec(name) is None:
            continue
        module = importlib.import_module(name)
        found: Sequence[APIRouter] = getattr(module, "routers", ())
        for router in (*found, getattr(module, "router", None)):
            if router is not None and not any(router is one for one in seen):
                seen.append(router)
                yield router


@asynccontextmanager
async def _running(shared: Shared) -> AsyncIterator[None]:
    """Keep what works in the background running."""
    chores = [asyncio.create_task(_sweep(shared))]
    if shared.config.webhooks:
        chores.append(asyncio.create_task(Webhooks(shared.queue, shared.config).run()))
    if shared.supervisor is not None:
        await asyncio.to_thread(shared.supervisor.start)
    try:
        yield
    finally:
        shared.feed.close()
        for chore in chores:
            chore.cancel()
            with suppress(asyncio.CancelledError):
                await chore
        shared.desk.close()
        if shared.supervisor is not None:
            await asyncio.to_thread(shared.supervisor.stop)


async def _sweep(shared: Shared) -> None:
    """Throw away, now and then, what is no longer to be kept."""
    while True:
        await asyncio.sleep(SWEEP)
        try:
            await asyncio.to_thread(shared.queue.sweep)
            await asyncio.to_thread(shared.shown.sweep, shared.queue.blobs)
        except OutputError as error:
            log.warning("nothing was swept: %s", error)


def _hang_schemas(app: FastAPI) -> None:
    """Offer the OpenAPI schema of everything, of our API, and of A1111's."""
    for path, prefixes in (
        ("/openapi.json", ("/",)),
        (f"{API}/openapi.json", (API,)),
        ("/sdapi/v1/openapi.json", ("/sdapi/", "/controlnet/")),
    ):
        app.add_api_route(path, _schema_of(app, prefixes), include_in_schema=False, response_class=JSONResponse)


def openapi_of(app: FastAPI, prefixes: tuple[str, ...]) -> dict[str, Any]:
    """Return the OpenAPI schema of the routes that begin so, with the components they name and no others."""
    whole = get_openapi(title=app.title, version=app.version, routes=app.routes)
    whole["paths"] = {path: ops for path, ops in whole["paths"].items() if path.startswith(prefixes)}
    parts = whole.setdefault("components", {})
    parts["schemas"] = _named(whole["paths"], parts.get("schemas", {}))
    parts["securitySchemes"] = {"login": {"type": "http", "scheme": "basic"}}
    whole["security"] = [{"login": []}, {}]
    return whole


def _named(paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schemas that are referred to, directly or by one another."""
    found: set[str] = set()
    waiting: list[Any] = [paths]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name in schemas and name not in found:
                found.add(name)
                waiting.append(schemas[name])
            waiting += part.values()
    return {name: schemas[name] for name in schemas if name in found}


def _schema_of(app: FastAPI, prefixes: tuple[str, ...]) -> Any:
    made: dict[str, Any] = {}

    def schema() -> dict[str, Any]:
        """Return an OpenAPI schema."""
        if not made:
            made.update(openapi_of(app, prefixes))
        return made

    return schema
