"""Server-sent events, read line by line, and taken up again where the connection broke."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, get_args

from redraw.client.connection import Connection, Unreachable
from redraw.jobs.record import Event, EventKind

PATIENCE: Final = 60.0
"""Seconds without a connection after which a listener gives up."""
_END: Final = "end"


@dataclass(frozen=True)
class Message:
    """One message of a `text/event-stream`: its id if it has one, its kind, its data."""

    id: str
    kind: str
    data: str


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """Yield the messages of a stream's lines; comments and what has no data are left out, as is a torn last one."""
    id, kind, data = "", "message", list[str]()
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Message(id, kind, "\n".join(data))
            id, kind, data = "", "message", []
        elif name == "id":
            id = value
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)


def follow(
    connection: Connection, path: str, after: int | None = None, *, patience: float = PATIENCE
) -> Iterator[Event]:
    """Yield a stream's events after that id, None: where the server begins; a broken connection is made again.

    Nothing comes twice, and once the first event came, nothing is missed.

    It ends where the server says so (a job that has ended).

    Raises:
        Unreachable: there was no connection for `patience` seconds.
    """
    heard, wait = time.monotonic(), 0.1
    while True:
        try:
            with connection.stream(path, {} if after is None else {"Last-Event-ID": str(after)}) as lines:
                heard, wait = time.monotonic(), 0.1
                for message in messages(lines):
                    heard = time.monotonic()
                    if message.kind == _END:
                        return
                    event = _event(message)
                    if event is not None and event.id > (after or 0):
                        after = event.id
                        yield event
                        heard = time.monotonic()  # what the listener did in between is no silence
        except Unreachable:
            if time.monotonic() - heard > patience:
                raise
        time.sleep(wait)  # the server closed the stream (it restarts), or the connection broke
        wait = min(2 * wait, 2.0)


def _event(message: Message) -> Event | None:
    """Return a message as an event, None for kinds that a newer server has."""
    if message.kind not in get_args(EventKind) or not message.id.isdigit():
        return None
    data: dict[str, Any] = json.loads(message.data)
    kind: Any = message.kind
    return Event(int(message.id), str(data.pop("job", "")), kind, data, float(data.pop("at", 0.0)))
