"""Calls that go out, to addresses that were checked: the name is resolved once, and the socket goes where that said."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from redraw.errors import RequestError

SECONDS = 10.0
"""How long a call may take, from the first packet to the status line."""


class Blocked(RequestError):
    """A URL leads to an address that may not be called."""


def parsed(url: str, field: str) -> SplitResult:
    """Return a URL's parts, or raise `RequestError` unless it is plain http or https."""
    allowed = "it is a URL like https://example.org/hook, without user name"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise RequestError(field, url, allowed)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RequestError(field, url, allowed) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or port == 0:
        raise RequestError(field, url, allowed)
    return parts


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the open internet: not private, loopback, link-local or special."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


def connected(host: str, port: int, *, private: bool, timeout: float = SECONDS) -> socket.socket:
    """Return a socket to `host`, whose other end was checked after it was connected.

    Raises:
        Blocked: every address of the name, or the one that answered, may not be called.
        OSError: nobody answers.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [entry for entry in found if private or is_public(str(entry[4][0]))]
    if not allowed:
        raise Blocked("url", host, "it leads to a private address")
    family, kind, protocol, _, address = allowed[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.settimeout(timeout)
        sock.connect(address)
        if not private and not is_public(str(sock.getpeername()[0])):
            raise Blocked("url", host, "it leads to a private address")
    except BaseException:
        sock.close()
        raise
    return sock


def post(url: str, body: bytes, headers: Mapping[str, str], *, private: bool = False, seconds: float = SECONDS) -> int:
    """Send `body` and return the answer's status; redirects are not followed, the answer's body is not read.

    Raises:
        Blocked, RequestError: the URL may not be called.
        OSError, http.client.HTTPException: nobody answered, or not in time.
    """
    parts = parsed(url, "url")
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    sock = connected(host, port, private=private, timeout=seconds)
    watchdog = threading.Timer(seconds, _cut, (sock,))
    watchdog.daemon = True
    watchdog.start()
    connection = http.client.HTTPConnection(host, port)
    try:
        connection.sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host) if secure else sock
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, {"host": parts.netloc, **headers})
        return connection.getresponse().status
    finally:
        watchdog.cancel()
        connection.close()
        sock.close()


def _cut(sock: socket.socket) -> None:
    """End a call that drips: whoever reads from it gets an error."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
