"""Who may come in, and from where: plain ASGI layers around the whole application.

In this order, outside first: `Headers` (on every answer), `Gate` (the name the server is called by, the page that
calls it, the custom header of browsers), CORS where configured, `Login` (HTTP Basic), `Bodies` (how much, how slowly).
Everything is denied unless a rule lets it in; only the paths in `OPEN` need no credentials.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers as HeaderView
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from redraw.server.config import MiB, ServeConfig, as_address, is_loopback
from redraw.server.errors import problem, speaks_a1111

OPEN: Final = frozenset({"/health", "/ready"})
"""Paths without credentials: they say "ok" or not, and nothing else."""
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CUSTOM_HEADER: Final = "x-redraw"
API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self';"
    " connect-src 'self'; manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none';"
    " form-action 'none'"
)
"""For the page and its scripts, whose workers go by the policy their own file came with."""
_PAGE_TYPES: Final = ("text/html", "text/javascript")
_ALWAYS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Headers:
    """Puts the protecting headers on every answer, also on errors."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers[name] = value
                is_page = headers.get("content-type", "").startswith(_PAGE_TYPES)
                headers["content-security-policy"] = PAGE_POLICY if is_page else API_POLICY
                if "access-control-allow-origin" not in headers:
                    headers["cross-origin-resource-policy"] = "same-origin"
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, guarded)


class Gate:
    """Refuses requests that another web page made a browser send.

    A name that is not ours means DNS rebinding. An `Origin` that is not ours (also `null`, which sandboxed frames and
    files send) or `Sec-Fetch-Site: cross-site` means another page. A browser must send `X-Redraw` with everything that
    changes something in our own API: no form and no simple request can, and a preflight is refused.
    """

    def __init__(self, app: ASGIApp, config: ServeConfig) -> None:
        self.app = app
        self.public = config.is_public
        self.hosts = frozenset(name.lower() for name in config.hosts)
        self.origins = frozenset(config.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope, HeaderView(scope=scope))
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: HeaderView) -> Response | None:
        """Return the answer to a request that is not let in, None if it is."""
        path, method = scope["path"], scope.get("method", "GET")
        if "content-length" in headers and "transfer-encoding" in headers:  # two ends would cut it at two places
            return _refuse(path, 400, "ambiguous", "a body has one length", {"connection": "close"})
        names = headers.getlist("host")
        if len(names) != 1 or not self._is_ours(names[0]):
            return _refuse(path, 421, "wrong host", "this server is not called by that name; `hosts` lists more names")
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None and origin not in self.origins and not _is_same(origin, names[0]):
            return _refuse(path, 403, "foreign page", "another web page may not call this server")
        navigates = headers.get("sec-fetch-mode") == "navigate" and method == "GET"
        if site in ("cross-site", "same-site") and not navigates and origin not in self.origins:
            return _refuse(path, 403, "foreign page", "another web page may not call this server")
        from_browser = origin is not None or site is not None or "cookie" in headers
        if from_browser and method not in SAFE and path.startswith("/api/") and CUSTOM_HEADER not in headers:
            return _refuse(path, 403, "header missing", "a browser sends X-Redraw with what changes something")
        return None

    def _is_ours(self, host: str) -> bool:
        name = _host_name(host)
        if is_loopback(name) or name in self.hosts:
            return True
        return self.public and as_address(name) is not None  # an address cannot be rebound


def _is_same(origin: str, host: str) -> bool:
    """Return whether a page of this origin came from us; behind a proxy its scheme may differ from what we see."""
    scheme, _, name = origin.lower().partition("://")
    return scheme in ("http", "https") and name == host.lower()


def _host_name(host: str) -> str:
    """Return the Host header's name in lower case, without port; "" if it is malformed."""
    name, _, rest = host[1:].partition("]") if host.startswith("[") else host.partition(":")
    port = rest.removeprefix(":")
    if host.startswith("[") and "]" not in host:
        return ""
    if port and not (port.isascii() and port.isdigit()):
        return ""
    return name.lower().removesuffix(".")


class Failures:
    """Counts wrong passwords by address; after `limit` in a minute an address has to wait."""

    def __init__(self, limit: int, window: float = 60.0, remembered: int = 10_000) -> None:
        self.limit, self.window, self.remembered = limit, window, remembered
        self._times: OrderedDict[str, list[float]] = OrderedDict()

    def add(self, address: str) -> None:
        """Note one failure."""
        key = self._key(address)
        self._times[key] = [*self._recent(key), time.monotonic()]
        self._times.move_to_end(key)
        while len(self._times) > self.remembered:
            self._times.popitem(last=False)

    def wait(self, address: str) -> float:
        """Return for how many seconds the address is refused; 0 if it is not."""
        times = self._recent(self._key(address))
        return max(0.0, times[-self.limit] + self.window - time.monotonic()) if len(times) >= self.limit else 0.0

    def _recent(self, key: str) -> list[float]:
        since = time.monotonic() - self.window
        return [at for at in self._times.get(key, ()) if at > since]

    def _key(self, address: str) -> str:
        """An IPv6 customer holds a whole /64, so that is one address."""
        found = as_address(address)
        if isinstance(found, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((found, 64), strict=False))
        return address


class Login:
    """HTTP Basic on everything but `OPEN`, if there are users; passwords are compared in constant time."""

    def __init__(self, app: ASGIApp, config: ServeConfig) -> None:
        self.app = app
        self.users = [_digest(f"{user}:{password}".encode()) for user, password in config.auth]
        self.failures = Failures(config.failures)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or not self.users or scope["path"] in OPEN:
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        address = str((scope.get("client") or ("?", 0))[0])
        wait = self.failures.wait(address)
        if wait:
            headers = {"retry-after": str(int(wait) + 1)}
            return _refuse(scope["path"], 429, "too many failures", "too many wrong passwords; wait", headers)
        given = _credentials(HeaderView(scope=scope).get("authorization"))
        hits = [secrets.compare_digest(_digest(given or b""), user) for user in self.users]
        if given is not None and any(hits):
            return None
        if given is not None:
            self.failures.add(address)
        headers = {"www-authenticate": 'Basic realm="redraw", charset="UTF-8"'}
        return _refuse(scope["path"], 401, "login needed", "Incorrect username or password", headers)


def _credentials(header: str | None) -> bytes | None:
    """Return `user:password` of an Authorization header, None if there is none."""
    kind, _, value = (header or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


class Bodies:
    """Bounds every body while it comes in: its bytes, and the time it may take."""

    def __init__(self, app: ASGIApp, config: ServeConfig) -> None:
        self.app, self.config = app, config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE:
            await self.app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        lengths = HeaderView(scope=scope).getlist("content-length")
        if any(not length.isdigit() or int(length[:20]) > limit for length in lengths):
            await _too_large(scope["path"], limit)(scope, receive, send)
            return
        await _Metered(self.app, limit, self.config.upload_seconds).run(scope, receive, send)

    def _limit(self, path: str) -> int:
        if path.startswith("/api/v1/pictures"):
            return self.config.max_upload + MiB // 16  # multipart's own lines
        return self.config.max_body


class _Metered:
    """One request whose body is counted and timed; the application sees a client that went away."""

    def __init__(self, app: ASGIApp, limit: int, seconds: float) -> None:
        self.app, self.limit, self.seconds = app, limit, seconds
        self.got, self.complete, self.started = 0, False, False
        self.refusal: Response | None = None

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        deadline = time.monotonic() + self.seconds
        path = scope["path"]

        async def bounded() -> Message:
            if self.complete:
                return await receive()
            if self.refusal is None:
                try:
                    message = await asyncio.wait_for(receive(), max(0.0, deadline - time.monotonic()))
                except TimeoutError:
                    self.refusal = _refuse(path, 408, "too slow", "the body took too long to arrive")
                else:
                    self.got += len(message.get("body", b""))
                    self.complete = not message.get("more_body", False)
                    if self.got <= self.limit:
                        return message
                    self.refusal = _too_large(path, self.limit)
            raise _Refused

        async def noticed(message: Message) -> None:
            if self.refusal is None or self.started:
                self.started = self.started or message["type"] == "http.response.start"
                await send(message)

        try:
            await self.app(scope, bounded, noticed)
        except _Refused:
            pass
        if self.refusal is not None and not self.started:
            self.refusal.headers["connection"] = "close"
            await self.refusal(scope, receive, send)


class _Refused(ClientDisconnect):
    """Ends the reading of a body that was refused."""


def _too_large(path: str, limit: int) -> Response:
    text = f"the body is larger than the limit of {limit:,} bytes"
    return _refuse(path, 413, "too large", text, {"connection": "close"})


def _refuse(path: str, status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    if speaks_a1111(path):
        return JSONResponse({"detail": detail}, status, headers)
    return problem(status, title, detail, headers=headers)


def layers(config: ServeConfig) -> Iterable[Middleware]:
    """Yield the layers around the application, outside first."""
    yield Middleware(Headers)
    yield Middleware(Gate, config=config)
    if config.cors_origins:
        yield Middleware(
            CORSMiddleware,
            allow_origins=list(config.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", "idempotency-key", "last-event-id", CUSTOM_HEADER],
            allow_credentials=True,
        )
    yield Middleware(Login, config=config)
    yield Middleware(Bodies, config=config)
