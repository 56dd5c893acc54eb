"""One server over HTTP: requests that are tried again where that is safe, answers as data, refusals as errors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from redraw.client.problems import Refused, error_of
from redraw.errors import RedrawError, RequestError

API: Final = "/api/v1"
HEALTH: Final = "//health"
"""Not below the API, and open to everybody."""
TRIES: Final = 4
_PAUSE: Final = 0.25  # seconds before the second try; each later one waits twice as long

__all__ = ["API", "Connection", "Refused", "Unreachable"]


class Unreachable(RedrawError):
    """No server answers at this address, or it went away while it answered."""

    def __init__(self, url: str, why: object) -> None:
        self.url = url
        super().__init__(f"no server answers at {url} ({str(why) or type(why).__name__})")


class Connection:
    """One server.

    Args:
        url: where it is, "http://127.0.0.1:7860"; may hold `user:password@`.
        auth: user and password, or "user:password".
        timeout: seconds an answer may take.
        transport: how requests travel, for tests.

    Raises:
        RequestError: `url` is no address of a server.
    """

    def __init__(
        self,
        url: str,
        auth: tuple[str, str] | str | None = None,
        *,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url, in_url = _split(url)
        if isinstance(auth, str):
            user, _, password = auth.partition(":")
            auth = (user, password)
        credentials = auth or in_url
        self._http = httpx.Client(
            base_url=self.url,
            auth=httpx.BasicAuth(*credentials) if credentials else None,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            transport=transport,
            trust_env=False,  # no proxy between here and a server on this machine, no credentials from .netrc
        )

    def close(self) -> None:
        """Let go of open connections."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Return the data at a path below the API."""
        given = {name: value for name, value in query.items() if value is not None}
        return self.send("GET", path, params=given).json()

    def content(self, path: str) -> bytes:
        """Return the bytes at a path."""
        return self.send("GET", path).content

    def send(self, method: str, path: str, *, again: bool | None = None, **content: Any) -> httpx.Response:
        """Return a good answer.

        Args:
            method: of HTTP.
            path: below the API, or a link of the server's that begins with it; after `//` below the server itself.
            again: whether it may be sent a second time if the connection breaks; None: if it changes nothing.
            content: as httpx takes it (params, json, files, headers).

        Raises:
            Unreachable: nobody answers.
            RedrawError: what the server's problem data says.
        """
        repeat = method == "GET" if again is None else again
        for number in range(TRIES if repeat else 1):
            if number:
                time.sleep(_PAUSE * 2 ** (number - 1))
            try:
                answer = self._http.request(method, _below(path), **content)
            except httpx.TransportError as error:
                last = error
                continue
            except httpx.HTTPError as error:
                raise Unreachable(self.url, error) from None
            _check(answer)
            return answer
        raise Unreachable(self.url, last)

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[Iterator[str]]:
        """Give the lines of an answer that goes on; a broken connection is an `Unreachable` in the middle of them."""
        patience = httpx.Timeout(10.0, read=60.0)
        try:
            with self._http.stream("GET", _below(path), headers=headers, timeout=patience) as answer:
                if not answer.is_success:
                    answer.read()
                _check(answer)
                yield answer.iter_lines()
        except httpx.TransportError as error:
            raise Unreachable(self.url, error) from None


def _split(url: str) -> tuple[str, tuple[str, str] | None]:
    """Return the address without credentials, and the credentials."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        port = ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RequestError("server", url, "it is an address like http://127.0.0.1:7860")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    plain = urlunsplit((parts.scheme, f"{host}{port}", parts.path.rstrip("/"), "", ""))
    if parts.username is None:
        return plain, None
    return plain, (unquote(parts.username), unquote(parts.password or ""))


def _below(path: str) -> str:
    if path.startswith("//"):
        return path[1:]
    return path if path.startswith(f"{API}/") else f"{API}{path}"


def _check(answer: httpx.Response) -> None:
    """Raise what a bad answer says."""
    if answer.is_success:
        return
    try:
        found = answer.json()
    except ValueError:
        found = None
    if isinstance(found, Mapping) and "detail" in found:
        raise error_of(found, answer.status_code)
    raise Refused(answer.status_code, answer.reason_phrase, "it does not answer as Redraw's server does")
