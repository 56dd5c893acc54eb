"""Streams of events: nothing missed, nothing twice, also after the connection broke."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from redraw.jobs.record import Event
from redraw.server.events import Feed, frame

JOBS = "/api/v1/jobs"
SLOW = {"kind": "txt2img", "request": {"prompt": "slow: 0.05", "width": 16, "height": 16, "steps": 6, "batch_count": 2}}


@pytest.fixture(scope="module")
def live(lively: Callable[..., Any]) -> Any:
    """A server with a worker."""
    return lively()


def told(lines: Iterator[str]) -> Iterator[tuple[int, str, Any]]:
    """The messages of a stream: id (0: none), kind, data."""
    id, kind, data = 0, "", ""
    for line in lines:
        if not line and data:
            yield id, kind, json.loads(data)
            id, kind, data = 0, "", ""
        name, _, value = line.partition(": ")
        if name == "id":
            id = int(value)
        elif name == "event":
            kind = value
        elif name == "data":
            data = value


def test_a_job_is_followed_from_submission_to_the_bytes_of_its_results(live: Any) -> None:
    with live.client() as client:
        job = client.post(JOBS, json=SLOW).json()
        with client.stream("GET", job["links"]["events"]) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            seen = list(told(answer.iter_lines()))
        kinds = [kind for _, kind, _ in seen]
        assert kinds[0] == "state"
        assert kinds[-1] == "end"
        assert kinds.count("result") == 2
        assert "progress" in kinds
        assert "preview" in kinds
        states = [data["state"] for _, kind, data in seen if kind == "state"]
        assert states == ["waiting", "running", "done"]
        fractions = [data["fraction"] for _, kind, data in seen if kind == "progress"]
        assert fractions == sorted(fractions)
        for _, kind, data in seen:
            if kind == "result":
                link = client.get(f"/api/v1/results/{data['id']}").json()["links"]["picture"]
                assert client.get(link).content.startswith(b"\x89PNG")


def test_a_broken_stream_goes_on_where_it_broke(live: Any) -> None:
    with live.client() as client:
        job = client.post(JOBS, json=SLOW).json()
        whole: list[tuple[int, str]] = []
        last = 0
        for _ in range(50):  # hang up after every third event
            with client.stream("GET", job["links"]["events"], headers={"last-event-id": str(last)}) as answer:
                for count, (id, kind, _) in enumerate(told(answer.iter_lines()), 1):
                    whole.append((id, kind))
                    last = id or last
                    if count == 3:
                        break
            if whole[-1][1] == "end":
                break
        ids = [id for id, kind in whole if kind != "end"]
        assert ids == sorted(set(ids))
        with client.stream("GET", job["links"]["events"]) as answer:
            again = [id for id, kind, _ in told(answer.iter_lines()) if kind in ("state", "result")]
        assert set(again) <= set(ids)
        assert [kind for _, kind in whole].count("result") == 2


def test_the_stream_of_everything_tells_every_listener_the_same(live: Any) -> None:
    with live.client() as one, live.client() as two, live.client() as client:
        with one.stream("GET", "/api/v1/events") as first, two.stream("GET", "/api/v1/events") as second:
            lines = [told(first.iter_lines()), told(second.iter_lines())]
            id = client.post(JOBS, json=SLOW).json()["id"]
            seen = [_until_done(stream, id) for stream in lines]
        assert seen[0] == seen[1]


def _until_done(stream: Iterator[tuple[int, str, Any]], job: str) -> list[int]:
    ids = []
    for id, kind, data in stream:
        if data.get("job") == job:
            ids.append(id)
            if kind == "state" and data["state"] == "done":
                break
    return ids


def test_a_stream_of_an_ended_job_replays_it_and_ends(server: Any) -> None:
    id = server.submit()
    server.work()
    answer = server.client.get(f"{JOBS}/{id}/events")
    kinds = [kind for _, kind, _ in told(iter(answer.text.split("\n")))]
    assert kinds[-1] == "end"
    assert kinds.count("result") == 1


@pytest.mark.parametrize("last", ["-1", "x", "1" * 30, "1 OR 1=1"])
def test_a_wrong_last_event_id_is_refused(server: Any, last: str) -> None:
    assert server.client.get("/api/v1/events", headers={"last-event-id": last}).status_code == 422
    assert server.client.get(f"{JOBS}/{'0' * 26}/events").status_code == 404


def test_a_frame_is_one_message_whatever_is_in_it() -> None:
    event = Event(7, "j", "note", {"text": "a\r\n\r\nid: 9\nevent: result"}, 1.5)
    assert frame(event) == (
        'id: 7\nevent: note\ndata: {"job":"j","at":1.5,"text":"a\\r\\n\\r\\nid: 9\\nevent: result"}\n\n'
    )
    assert frame(None).startswith(":")


class Story:
    """A queue that only has events."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.reads = 0

    def add(self, count: int, job: str = "a") -> None:
        for _ in range(count):
            self.told.append(Event(len(self.told) + 1, job, "note", {}, 0.0))

    def events(self, after: int = 0, job: str | None = None, limit: int = 500) -> list[Event]:
        self.reads += 1
        return [e for e in self.told if e.id > after and job in (None, e.job)][:limit]

    def last_event(self) -> int:
        return len(self.told)


def test_many_listeners_share_one_reader_and_miss_nothing() -> None:
    async def listen(feed: Feed, after: int, count: int) -> list[int]:
        ids: list[int] = []
        async for event in feed.listen(after):
            if event is not None:
                ids.append(event.id)
                if len(ids) == count:
                    break
        return ids

    async def main() -> None:
        story = Story()
        story.add(1200)
        feed = Feed(story)  # type: ignore[arg-type]
        late = [asyncio.create_task(listen(feed, 1200, 3000)) for _ in range(50)]
        early = asyncio.create_task(listen(feed, 0, 4200))
        for _ in range(30):
            story.add(100)
            await asyncio.sleep(0.01)
        assert all(ids == list(range(1201, 4201)) for ids in await asyncio.gather(*late))
        assert await early == list(range(1, 4201))
        assert story.reads < 200
        feed.close()

    asyncio.run(asyncio.wait_for(main(), 30))


def test_silence_is_filled_with_comments_and_closing_ends_it() -> None:
    async def main() -> None:
        feed = Feed(Story(), heartbeat=0.02)  # type: ignore[arg-type]
        beats = 0
        async for event in feed.listen(0):
            assert event is None
            beats += 1
            if beats == 3:
                feed.close()
        assert beats == 3

    asyncio.run(asyncio.wait_for(main(), 10))


def test_progress_is_a_glance_at_what_runs(live: Any) -> None:
    with live.client() as client:
        id = client.post(JOBS, json=SLOW).json()["id"]
        until = time.monotonic() + 20
        while time.monotonic() < until:
            running = client.get("/api/v1/progress").json()["running"]
            if running and running[0].get("fraction"):
                assert running[0]["id"] == id
                break
            time.sleep(0.05)
        else:
            pytest.fail("the job was never seen running")


def test_a_stop_ends_open_streams_and_the_server(lively: Callable[..., Any]) -> None:
    live = lively()
    with live.client() as client, client.stream("GET", "/api/v1/events") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        begun = time.monotonic()
        assert live.stop() == 0, "".join(live.log)
        assert time.monotonic() - begun < 10
