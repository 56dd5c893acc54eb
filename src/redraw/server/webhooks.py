"""Calls at the end of a job: signed, at least once, with an id by which the receiver knows a repetition.

A call is `POST` with JSON `{"delivery", "event": "job.ended", "job": {...}}` and the headers `X-Redraw-Delivery` (the
same for every try), `X-Redraw-Timestamp` and `X-Redraw-Signature: sha256=<hex>`, which is HMAC-SHA256 of
`<timestamp>.<body>` with the server's secret. Any 2xx ends it; else it is tried again after 5 s, 10 s, 20 s, ... up to
an hour, twelve times. What is to be delivered is in the database, so a restart goes on with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import json
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from redraw.errors import OutputError, RequestError
from redraw.jobs.errors import Missing
from redraw.jobs.record import ENDED
from redraw.server import outbound
from redraw.server.views import job_out

if TYPE_CHECKING:
    from redraw.jobs.queue import Queue
    from redraw.server.config import ServeConfig

log = logging.getLogger("redraw.server")

SETTING: Final = "webhooks"
INTERVAL: Final = 0.25
TRIES: Final = 12
_BATCH: Final = 500


def checked_url(config: ServeConfig, url: str) -> None:
    """Raise `RequestError` unless this server calls URLs at all, and this is one it may try."""
    if not config.webhooks:
        raise RequestError("webhook", url, "this server calls nobody: webhooks are not enabled in its settings")
    outbound.parsed(url, "webhook")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of `X-Redraw-Signature`."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def pause_before(tries: int) -> float:
    """Return the seconds to wait after that many failed tries: 5, 10, 20, ... at most an hour."""
    return float(min(5 * 2 ** max(0, tries - 1), 3600))


class Webhooks:
    """Delivers what is due; only one process of a database may run it.

    The setting `webhooks` holds {"after": id of the last event seen, "pending": [{id, job, url, tries, due}]} and is
    written before the event is forgotten and after a delivery went well.
    """

    def __init__(self, queue: Queue, config: ServeConfig) -> None:
        self.queue, self.config = queue, config

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            try:
                await asyncio.to_thread(self.step)
            except OutputError as error:  # the database is busy; the next round begins where this one did
                log.warning("webhooks wait: %s", error)
            await asyncio.sleep(INTERVAL)

    def step(self, now: float | None = None) -> int:
        """Note what has ended, try what is due, and return how many are still to be delivered."""
        known = self.queue.get_setting(SETTING)
        state: dict[str, Any] = known if isinstance(known, dict) else {"after": 0, "pending": []}
        changed = self._note(state)
        if changed:
            self.queue.set_setting(SETTING, state)
        moment = time.time() if now is None else now
        for entry in [one for one in state["pending"] if one["due"] <= moment]:
            if self._deliver(entry):
                state["pending"].remove(entry)
            else:
                entry["tries"] += 1
                entry["due"] = moment + pause_before(entry["tries"])
                if entry["tries"] >= TRIES:
                    log.warning("webhook of job %s was given up after %d tries", entry["job"], TRIES)
                    state["pending"].remove(entry)
            self.queue.set_setting(SETTING, state)
        return len(state["pending"])

    def _note(self, state: dict[str, Any]) -> bool:
        """Put the ends of jobs that name a URL on the list; return whether anything was new."""
        events = self.queue.events(state["after"], None, _BATCH)
        for event in events:
            if event.kind == "state" and event.data.get("state") in ENDED:
                url = self._url(event.job)
                if url:
                    entry = {"id": f"{event.job}-{event.id}", "job": event.job, "url": url, "tries": 0, "due": 0.0}
                    state["pending"].append(entry)
            state["after"] = event.id
        return bool(events)

    def _url(self, job: str) -> str | None:
        try:
            return self.queue.get(job).options.get("webhook")
        except Missing:
            return None

    def _deliver(self, entry: Mapping[str, Any]) -> bool:
        """Call once and return whether it is done with: it was received, or never can be."""
        try:
            job = job_out(self.queue.get(entry["job"])).model_dump(mode="json", exclude={"request", "options"})
        except Missing:
            return True
        content = {"delivery": entry["id"], "event": "job.ended", "job": job}
        body = json.dumps(content, separators=(",", ":")).encode()
        stamp = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "user-agent": "redraw",
            "x-redraw-delivery": entry["id"],
            "x-redraw-timestamp": stamp,
            "x-redraw-signature": signature(self.config.webhook_secret, stamp, body),
        }
        try:
            status = outbound.post(entry["url"], body, headers, private=self.config.webhook_private)
        except RequestError as error:
            log.warning("webhook of job %s is not allowed: %s", entry["job"], error.allowed)
            return True
        except (OSError, http.client.HTTPException) as error:
            log.info("webhook of job %s: %s", entry["job"], type(error).__name__)
            return False
        return 200 <= status < 300
