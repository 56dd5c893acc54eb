"""Counters for Prometheus, and one line of JSON for each request: without query, body, credentials or prompt."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from redraw.errors import OutputError
from redraw.jobs.record import State

if TYPE_CHECKING:
    from redraw.jobs.queue import Queue

log = logging.getLogger("redraw.access")

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """What one application counts."""

    def __init__(self, queue: Queue) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "redraw_requests",
            "Answers by route, method and status.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "redraw_request_seconds",
            "Time to the end of an answer.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.registry.register(_Jobs(queue))

    def text(self) -> bytes:
        """Return everything in Prometheus' format."""
        return generate_latest(self.registry)

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self.seconds.labels(route).observe(seconds)


class _Jobs(Collector):
    """Jobs by state, counted when somebody looks."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges; none if the database does not answer."""
        jobs = GaugeMetricFamily("redraw_jobs", "Jobs by state.", labels=["state"])
        try:
            for state in get_args(State):
                jobs.add_metric([state], self.queue.count(state))
            held = float(self.queue.held)
        except OutputError:
            return
        yield jobs
        yield GaugeMetricFamily("redraw_queue_held", "Whether the whole queue is paused.", value=held)

    def describe(self) -> Iterator[Metric]:
        """Nothing is known before the first look."""
        return iter(())


class Watch:
    """The outermost layer: gives every answer a number, counts it, and writes its line to the log."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, number, status = time.perf_counter(), secrets.token_hex(8), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = number
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            seconds = time.perf_counter() - begun
            self.metrics.note(_route(scope), scope["method"], status, seconds)
            log.info("request", extra={"fields": _line(scope, number, status, seconds)})


def _route(scope: Scope) -> str:
    """Return the route's pattern, never the path itself: labels must not grow with what clients make up."""
    return str(getattr(scope.get("route"), "path", "none"))


def _line(scope: Scope, number: str, status: int, seconds: float) -> dict[str, Any]:
    client = scope.get("client") or ("", 0)
    return {
        "id": number,
        "from": client[0],
        "method": scope["method"],
        "path": scope["path"][:300],
        "status": status,
        "ms": round(seconds * 1000, 1),
    }


class JsonLines(logging.Formatter):
    """One JSON object a line; nothing a client sends can end it or begin another."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03}",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)
