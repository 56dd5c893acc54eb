"""`serve`: the port first, then everything else; a stop that finishes what was begun."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from redraw.errors import RequestError
from redraw.server.config import ServeConfig

if TYPE_CHECKING:
    from redraw.jobs.supervisor import Supervisor

BACKLOG: Final = 1024
HEAD_SECONDS: Final = 15.0
"""How long a connection may take to send its first request's head."""
STOP_SECONDS: Final = 20
"""How long requests may go on after the server was asked to stop."""


def serve(config: ServeConfig, *, opened: Callable[[str], None] | None = None) -> None:
    """Run a server until it is asked to stop (SIGINT, SIGTERM).

    The port is bound before anything slow is imported, so that a taken one is told at once and no early client is
    refused; its requests are answered as soon as the application stands.

    Args:
        config: how.
        opened: called with the server's URL once the port is bound.

    Raises:
        RequestError: the configuration is unsafe, or the port is taken.
        StoreError: the job database cannot be used.
    """
    listener = bound(config.check())
    if opened is not None:
        opened(url_of(listener))
    try:
        _serve(config, listener)
    finally:
        listener.close()


def bound(config: ServeConfig) -> socket.socket:
    """Return a socket that listens where the configuration says; raises `RequestError` if it cannot."""
    family = socket.AF_INET6 if ":" in config.address else socket.AF_INET
    # With its protocol spelled out: asyncio switches Nagle's delay of 40 ms off only then.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((config.address, config.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        why = error.strerror or str(error)
        raise RequestError("--port", config.port, f"{config.address} must be free there ({why})") from None
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address people open for a listening socket."""
    host, port = listener.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"


def supervisor_of(config: ServeConfig) -> Supervisor:
    """Return the supervisor of the worker such a server needs."""
    from redraw.jobs.options import WorkerOptions
    from redraw.jobs.supervisor import Supervisor

    return Supervisor(
        WorkerOptions(
            data_dir=config.data_dir,
            database=config.database_url,
            models_dirs=tuple(Path(folder) for folder in config.models_dirs),
            model=config.model,
            device=config.device,
            dtype=config.dtype,
            memory=config.memory,
            engine=config.engine,
        )
    )


def _serve(config: ServeConfig, listener: socket.socket) -> None:
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from redraw.server.app import create_app

    class Impatient(H11Protocol):
        """Hangs up on who connects and does not say what for."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._patience = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._lose)

        def _lose(self) -> None:
            if cast(Any, self).cycle is None:
                self.transport.close()

    class Server(uvicorn.Server):
        """Ends event streams first, as they would never end by themselves."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.shared.feed.close()
            await super().shutdown(sockets)

    app = create_app(config, supervisor=supervisor_of(config))
    set_up_logs()
    settings = uvicorn.Config(
        app,
        http=Impatient,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        limit_concurrency=2000,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = Server(settings)

    def end(number: int, frame: object) -> None:
        """Take the signals the server raises again after it has stopped, so that the process ends well."""
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    server.run(sockets=[listener])


def set_up_logs() -> None:
    """Write one JSON object a line to stderr."""
    from redraw.server.metrics import JsonLines

    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    for name in ("redraw", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
