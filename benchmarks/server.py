"""How quickly the server answers, alone and under load; all on loopback, with the fake engine unless told otherwise.

    python benchmarks/server.py [--quick] [--only NAME]... [--clients N] [--seconds N] [--models-dir DIR --model NAME]

`start` measures from the start of the process to the open port and to the first answer; `overhead` the wall time of an
img2img over HTTP (picture in the body, event stream, picture back) minus that of the same work in this process, 512x512
PNG; `progress` the latency of GET /progress while a job samples; `load` 200 clients that ask once a second, every tenth
also uploading, while a job samples. With `--models-dir` the job of `progress` and `load` samples with torch on one core
and the server has the other; `load` then also says by how much sampling was slowed down.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
from PIL import Image

NAMES: Final = ("start", "overhead", "progress", "load")
API: Final = "/api/v1"
SCRIPT: Final = """
import json, sys
from pathlib import Path
from redraw.server.config import ServeConfig
from redraw.server.run import serve
given = json.loads(sys.argv[1])
given["data_dir"] = Path(given["data_dir"])
given["models_dirs"] = tuple(Path(p) for p in given["models_dirs"])
serve(ServeConfig(**given), opened=lambda url: print(url, flush=True))
"""


class Server:
    """A server in a process of its own, and when its port was open."""

    def __init__(self, folder: Path, options: argparse.Namespace, *, real: bool, step: float = 0.0) -> None:
        dirs = [str(options.models_dir)] if real else []
        given: dict[str, Any] = {
            "port": 0,
            "data_dir": str(folder),
            "models_dirs": dirs,
            "device": "cpu",
            "dtype": "fp32",
        }
        given |= {"engine": "real", "model": options.model} if real else {"engine": "fake"}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "REDRAW_FAKE_STEP": str(step)}
        self.begun = time.perf_counter()
        command = [sys.executable, "-c", SCRIPT, json.dumps(given)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        if self.process.stdout is None:
            raise RuntimeError("the server has no output")
        self.url = self.process.stdout.readline().strip()
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        socket.create_connection((host, int(port))).close()
        self.port_open = time.perf_counter() - self.begun
        self.client = httpx.Client(base_url=self.url, timeout=120, trust_env=False)
        self.client.get("/health").raise_for_status()
        self.answered = time.perf_counter() - self.begun
        while self.client.get("/ready").status_code != 200:
            time.sleep(0.02)
        self.ready = time.perf_counter() - self.begun

    def stop(self) -> None:
        """End it."""
        self.client.close()
        self.process.terminate()
        self.process.wait(30)

    def submit(self, **request: Any) -> str:
        """Submit a job and return its id."""
        kind = "img2img" if "images" in request else "txt2img"
        answer = self.client.post(f"{API}/jobs", json={"kind": kind, "request": request})
        answer.raise_for_status()
        return str(answer.json()["id"])

    def until(self, job: str, state: str) -> dict[str, Any]:
        """Wait until a job is in a state, and return it."""
        while True:
            found: dict[str, Any] = self.client.get(f"{API}/jobs/{job}").json()
            if found["state"] == state:
                return found
            if found["state"] in ("failed", "cancelled"):
                raise RuntimeError(found["error"])
            time.sleep(0.02)


@contextlib.contextmanager
def serving(options: argparse.Namespace, *, real: bool = False, step: float = 0.0) -> Iterator[Server]:
    """Give a server that ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), options, real=real, step=step)
        try:
            yield server
        finally:
            server.stop()


def percentiles(times: Sequence[float]) -> str:
    """Return p50, p99 and the worst in milliseconds."""
    ordered = sorted(times)
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return (
        f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, worst {ordered[-1] * 1000:.1f} ms ({len(ordered)} answers)"
    )


def picture(side: int = 512) -> bytes:
    """A PNG that compresses as photographs do."""
    y, x = np.mgrid[0:side, 0:side]
    pixels = np.stack([x // 2 % 256, y // 2 % 256, (x + y) // 4 % 256], -1).astype(np.uint8)
    pixels += np.random.default_rng(0).integers(0, 8, pixels.shape, np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def start(options: argparse.Namespace) -> None:
    """Measure the way to the open port."""
    rows = []
    for _ in range(3 if options.quick else 7):
        with serving(options) as server:
            rows.append((server.port_open, server.answered, server.ready))
    for name, column in zip(("port open", "first answer", "worker ready"), zip(*rows, strict=True), strict=True):
        print(f"* start, {name}: median {statistics.median(column):.2f} s, worst {max(column):.2f} s")


def overhead(options: argparse.Namespace) -> None:
    """Measure what HTTP, queue and worker add to an img2img of 512x512."""
    data = picture()
    there, here = [], []
    with serving(options) as server:
        for number in range(5 if options.quick else 20):
            there.append(_timed(lambda n=number: _over_http(server, data, n)))
            here.append(_timed(lambda n=number: _in_process(data, n)))
    print(
        f"* overhead, img2img 512x512 PNG in and out: HTTP {statistics.median(there) * 1000:.0f} ms, in process"
        f" {statistics.median(here) * 1000:.0f} ms, difference of the medians"
        f" {(statistics.median(there) - statistics.median(here)) * 1000:.0f} ms (goal: at most 100 ms),"
        f" worst {(max(there) - min(here)) * 1000:.0f} ms, {len(there)} runs"
    )


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _over_http(server: Server, data: bytes, seed: int) -> bytes:
    inline = {"data": base64.b64encode(data).decode()}
    job = server.submit(images=[inline], prompt="a cat", steps=4, seed=seed, width=512, height=512)
    with server.client.stream("GET", f"{API}/jobs/{job}/events") as answer:
        for line in answer.iter_lines():
            if line == "event: end":
                break
    result = server.client.get(f"{API}/jobs/{job}/results").json()[0]
    return server.client.get(result["links"]["picture"]).content


def _in_process(data: bytes, seed: int) -> bytes:
    """The same work without server and queue: decode, make, thumbnail, encode with the recipe."""
    from redraw.image.io import open_picture
    from redraw.jobs.engine import Made
    from redraw.jobs.fake import FakeEngine
    from redraw.jobs.results import Packing, pack
    from redraw.request import Img2Img, PictureRef

    open_picture(data)
    ref = PictureRef.from_bytes(data)
    request = Img2Img(images=(ref,), prompt="a cat", steps=4, seed=seed, width=512, height=512)
    made = [event for event in FakeEngine().begin(request, frozenset()) if isinstance(event, Made)]
    return pack(made[0], Packing()).file


def progress(options: argparse.Namespace) -> None:
    """Measure GET /progress while a job samples."""
    real = options.models_dir is not None
    with serving(options, real=real, step=0.05) as server:
        job = _long_job(server, real)
        times = []
        until = time.perf_counter() + (options.seconds if not options.quick else 5)
        while time.perf_counter() < until:
            begun = time.perf_counter()
            server.client.get(f"{API}/progress").raise_for_status()
            times.append(time.perf_counter() - begun)
            time.sleep(0.005)
        print(f"* progress while {_who(real)} samples: {percentiles(times)} (goal: p99 under 50 ms)")
        server.client.post(f"{API}/jobs/{job}/cancel")


def _who(real: bool) -> str:
    return "torch" if real else "the fake engine"


def _long_job(server: Server, real: bool) -> str:
    """Submit a job that samples for a while, and wait until it does."""
    side = 256 if real else 64
    job = server.submit(prompt="a cat", steps=1000, batch_count=10, width=side, height=side)
    server.until(job, "running")
    while not server.client.get(f"{API}/jobs/{job}").json()["progress"].get("step"):
        time.sleep(0.05)
    return job


def load(options: argparse.Namespace) -> None:
    """Measure many polling clients, some of which upload."""
    real = options.models_dir is not None
    with serving(options, real=real, step=0.05) as server:
        seconds = 5.0 if options.quick else float(options.seconds)
        job = _long_job(server, real)
        alone = _rate(server, job, seconds)
        polls, uploads, errors, rate = asyncio.run(_crowd(server, job, options.clients, seconds))
        again = _rate(server, job, seconds)
        print(f"* load, {options.clients} clients, polls: {percentiles(polls)}, {errors} errors")
        print(f"* load, uploads of 512x512: {percentiles(uploads)}")
        quiet = (alone + again) / 2
        print(
            f"* load, {_who(real)}: {quiet:.2f} steps/s without, {rate:.2f} with it:"
            f" slowed by {100 * (1 - rate / quiet):.1f} %"
        )
        server.client.post(f"{API}/jobs/{job}/cancel")


def _step(server: Server, job: str) -> tuple[float, int]:
    return time.perf_counter(), int(server.client.get(f"{API}/jobs/{job}").json()["progress"].get("step", 0))


def _rate(server: Server, job: str, seconds: float) -> float:
    """Return steps a second over some seconds in which nobody else asks."""
    (t0, s0) = _step(server, job)
    time.sleep(seconds)
    (t1, s1) = _step(server, job)
    return (s1 - s0) / (t1 - t0)


async def _crowd(server: Server, job: str, clients: int, seconds: float) -> tuple[list[float], list[float], int, float]:
    """Let clients poll once a second, every tenth uploading too; bare sockets, as httpx costs more than the server."""
    polls, uploads, errors = list[float](), list[float](), 0
    data = picture()
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    head = f"Host: {host}:{port}\r\n"
    poll = f"GET {API}/progress HTTP/1.1\r\n{head}\r\n".encode()
    length = f"Content-Type: image/png\r\nContent-Length: {len(data)}\r\n"
    upload = f"POST {API}/pictures HTTP/1.1\r\n{head}{length}\r\n".encode() + data
    until = time.perf_counter() + seconds

    async def one(number: int) -> None:
        nonlocal errors
        await asyncio.sleep(number / clients)
        reader, writer = await asyncio.open_connection(host, int(port))
        while time.perf_counter() < until:
            begun = time.perf_counter()
            errors += not await _asked(reader, writer, poll)
            polls.append(time.perf_counter() - begun)
            if number % 10 == 0:
                sent = time.perf_counter()
                errors += not await _asked(reader, writer, upload)
                uploads.append(time.perf_counter() - sent)
            await asyncio.sleep(max(0.0, 1.0 - (time.perf_counter() - begun)))
        writer.close()
        await writer.wait_closed()

    (t0, s0) = _step(server, job)
    await asyncio.gather(*(one(number) for number in range(clients)))
    (t1, s1) = _step(server, job)
    return polls, uploads, errors, (s1 - s0) / (t1 - t0)


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bool:
    """Send a request and read its whole answer; return whether that was a good one."""
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))
    return head.split(b" ")[1].startswith(b"2")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=NAMES)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--models-dir", type=Path)
    parser.add_argument("--model")
    options = parser.parse_args()
    print(f"* load average before: {' '.join(f'{x:.1f}' for x in os.getloadavg())}, {os.cpu_count()} cores", flush=True)
    for name in options.only or NAMES:
        {"start": start, "overhead": overhead, "progress": progress, "load": load}[name](options)
        sys.stdout.flush()
    print(f"* load average after: {' '.join(f'{x:.1f}' for x in os.getloadavg())}")


if __name__ == "__main__":
    main()
