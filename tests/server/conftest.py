"""Servers for tests: in this process, and alive in another one with the fake engine."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from redraw.jobs.fake import FakeEngine
from redraw.jobs.queue import Queue
from redraw.server.app import create_app, limits_of
from redraw.server.config import ServeConfig


def png(width: int = 16, height: int = 16, seed: int = 0) -> bytes:
    """A small picture file."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="session")
def make_png() -> Callable[..., bytes]:
    """Makes small picture files."""
    return png


@dataclass
class Local:
    """A server in this process."""

    client: TestClient
    queue: Queue
    config: ServeConfig

    def work(self) -> None:
        """Do the next job as a worker would."""
        job = self.queue.claim("test", lease=15.0)
        assert job is not None
        for event in FakeEngine().begin(self.queue.request_of(job), frozenset()):
            if hasattr(event, "picture"):
                from redraw.jobs.results import Packing, pack

                packed = pack(event, Packing.of(job.options))
                self.queue.add_result(job.id, "test", event.index, **vars(packed))
            else:
                self.queue.beat(job.id, "test", progress=event.progress)
        self.queue.finish(job.id, "test", "done")

    def submit(self, **fields: Any) -> str:
        """Submit a job and return its id."""
        body = {"kind": "txt2img", "request": {"prompt": "a cat", "width": 16, "height": 16, "steps": 2, **fields}}
        answer = self.client.post("/api/v1/jobs", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Callable[..., Local]]:
    """Makes servers in this process; nobody works for them but `Local.work`."""
    with ExitStack() as stack:

        def make(page: Path = tmp_path / "no-page", **options: Any) -> Local:
            config = ServeConfig(data_dir=tmp_path / "data", **options).check()
            queue = stack.enter_context(Queue.open(config.data_dir, limits=limits_of(config)))
            app = create_app(config, queue, page=page)
            client = stack.enter_context(TestClient(app, base_url="http://localhost", raise_server_exceptions=False))
            return Local(client, queue, config)

        yield make


@pytest.fixture
def server(local: Callable[..., Local]) -> Local:
    """A server in this process with ordinary settings."""
    return local()


SCRIPT = """
import json, sys
from pathlib import Path
from redraw.server.config import ServeConfig
from redraw.server.run import serve
given = json.loads(sys.argv[1])
given["data_dir"] = Path(given["data_dir"])
given["models_dirs"] = tuple(Path(p) for p in given.get("models_dirs", ()))
given["auth"] = tuple(map(tuple, given.get("auth", ())))
given["hosts"] = tuple(given.get("hosts", ()))
serve(ServeConfig(**given), opened=lambda url: print(url, flush=True))
"""


@dataclass
class Live:
    """A server in a process of its own."""

    url: str
    process: subprocess.Popen[str]
    log: list[str]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        return host, int(port)

    def client(self, **options: Any) -> httpx.Client:
        """A client of it."""
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, **options)

    def raw(self, data: bytes, timeout: float = 10.0) -> bytes:
        """What it answers to these bytes, until it hangs up."""
        with socket.create_connection(self.address, timeout=timeout) as sock:
            sock.sendall(data)
            answer = b""
            try:
                while piece := sock.recv(65536):
                    answer += piece
            except (TimeoutError, ConnectionResetError):
                pass
            return answer

    def stop(self) -> int:
        """Ask it to stop and return its exit status."""
        self.process.terminate()
        return self.process.wait(30)


def start(given: dict[str, Any]) -> Live:
    """Start a server and wait until it answers."""
    command = [sys.executable, "-c", SCRIPT, json.dumps({"port": 0, "engine": "fake", **given})]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "REDRAW_FAKE_STEP": str(given.pop("step", 0.0))}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)
    assert process.stdout is not None
    assert process.stderr is not None
    url, log, errors = process.stdout.readline().strip(), list[str](), process.stderr
    threading.Thread(target=lambda: log.extend(errors), daemon=True).start()
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/health", trust_env=False, timeout=30).is_success:
                return Live(url, process, log)
        except httpx.HTTPError:
            time.sleep(0.05)
    process.kill()
    raise AssertionError("the server did not come up: " + "".join(log))


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Live]]:
    """Starts servers in processes of their own, ended with the module."""
    started: list[Live] = []

    def make(**options: Any) -> Live:
        started.append(start({"data_dir": str(tmp_path_factory.mktemp("live")), **options}))
        return started[-1]

    yield make
    for live in started:
        live.process.terminate()
    for live in started:
        try:
            live.process.wait(20)
        except subprocess.TimeoutExpired:
            live.process.kill()
            live.process.wait()
        for pipe in (live.process.stdout, live.process.stderr):
            if pipe is not None:
                pipe.close()
