"""A real browser (Debian's Chromium through Playwright) in front of real servers, alert to every complaint."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from scripts import build_web

ROOT = Path(__file__).resolve().parents[2]
expect.set_options(timeout=30_000)  # for a busy machine; what is right is seen at once
SHOTS = ROOT / "build" / "web-shots"
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_REPORT = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Note whether a test failed, for the screenshot that is taken afterwards."""
    report = yield
    if report.failed:
        item.stash[_REPORT] = True
    return report


@dataclass
class Studio:
    """A `redraw serve` process."""

    url: str
    data_dir: Path
    process: subprocess.Popen[str]
    log: list[str]

    def client(self, **options: Any) -> httpx.Client:
        """A client of it that needs no browser."""
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False, headers={"x-redraw": "1"}, **options)

    def stop(self) -> None:
        """End it now, as a crash or a lost network would."""
        self.process.kill()
        self.process.wait(20)


@dataclass
class Trouble:
    """What a page complained about: console errors, uncaught errors, failed requests, strict CSP, foreign origins."""

    found: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """Let complaints pass that this regular expression finds something in."""
        self.allowed.append(pattern)

    @property
    def left(self) -> list[str]:
        """The complaints that nothing allows."""
        return [one for one in self.found if not any(re.search(pattern, one) for pattern in self.allowed)]

    def watch(self, page: Page, origin: str) -> None:
        """Listen to a page that may only speak to one origin."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.found.append(f"uncaught: {error.message}\n{error.stack}"))
        page.on("requestfailed", self._failed)
        page.on("request", lambda request: self._asked(request, origin))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.found.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _failed(self, request: Request) -> None:
        if (
            request.failure != "net::ERR_ABORTED"
        ):  # what the page itself gave up: a stream it closed, a fetch it replaced
            self.found.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _asked(self, request: Request, origin: str) -> None:
        target = urlsplit(request.url)
        if target.scheme not in ("blob", "data") and f"{target.scheme}://{target.netloc}" != origin:
            self.found.append(f"foreign: {request.method} {request.url}")


def chromium() -> str | None:
    """The browser: `$REDRAW_CHROMIUM`, else Debian's; None if there is none."""
    named = os.environ.get("REDRAW_CHROMIUM")
    return named or shutil.which("chromium", path="/usr/bin:/bin") or shutil.which("chromium-browser", path="/usr/bin")


def start(data_dir: Path, *options: str, **environment: str) -> Studio:
    """Start a server on a free port and wait until it answers."""
    command = [sys.executable, "-m", "redraw", "serve", "--port", "0", "--data-dir", str(data_dir), *options]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("REDRAW_")}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**alone, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", **environment},
    )
    assert process.stdout is not None
    log: list[str] = []
    threading.Thread(target=_keep, args=(process.stdout, log), daemon=True).start()
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"http://[\w.:\[\]]+", "".join(log))
        with suppress(httpx.HTTPError):
            if found and httpx.get(f"{found[0]}/health", trust_env=False, timeout=5).is_success:
                return Studio(found[0], data_dir, process, log)
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise AssertionError(f"the server did not come up:\n{''.join(log)}")


def _keep(stream: Any, log: list[str]) -> None:
    with stream:
        log.extend(iter(stream.readline, ""))


@contextmanager
def studios(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Studio]]:
    """Starts servers and ends them all."""
    with ExitStack() as stack:

        def launch(*options: str, **environment: str) -> Studio:
            studio = start(tmp_path_factory.mktemp("studio"), *options, **environment)
            stack.callback(_end, studio)
            return studio

        yield launch


def _end(studio: Studio) -> None:
    studio.process.terminate()
    try:
        studio.process.wait(20)
    except subprocess.TimeoutExpired:
        studio.stop()


@pytest.fixture(scope="session")
def built_page() -> Path:
    """The folder of the built page, built first where its sources changed; one worker builds, the others wait."""
    import fcntl

    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "page.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if build_web.is_stale(ROOT):
            try:
                build_web.build(ROOT)
            except (build_web.WebError, ImportError) as error:
                pytest.fail(f"{error}\n`make web` builds the page.", pytrace=False)
    return build_web.static_of(ROOT)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window. Of one module: Playwright's loop would be in the way of others that use asyncio."""
    program = chromium()
    if program is None:
        pytest.skip("chromium is not installed (browser test)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def studio(built_page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A server with the starter model and a data folder of its own, one for each worker."""
    with studios(tmp_path_factory) as launch:
        yield launch()


@pytest.fixture(scope="module")
def launch(built_page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Studio]]:
    """Starts servers with options and variables: `launch("--engine", "fake", REDRAW_FAKE_STEP="0.5")`."""
    with studios(tmp_path_factory) as launched:
        yield launched


@pytest.fixture(scope="module")
def fake_studio(launch: Callable[..., Studio]) -> Studio:
    """A server whose results are squares of one color at once."""
    return launch("--engine", "fake")


@pytest.fixture
def trouble() -> Trouble:
    """What the test's pages complain about; `trouble.allow(...)` says what the test expects of that."""
    return Trouble()


@pytest.fixture
def open_page(browser: Browser, trouble: Trouble, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens pages: `open_page(url, **context options)`. In the end none may have complained."""
    with ExitStack() as stack:
        opened: list[Page] = []

        def make(url: str, path: str = "/", **options: Any) -> Page:
            settings = {
                "viewport": {"width": 1440, "height": 900},
                "locale": "en-US",
                "color_scheme": "light",
                **options,
            }
            context = browser.new_context(base_url=url, **settings)
            stack.callback(context.close)
            context.set_default_timeout(30_000)
            page = context.new_page()
            opened.append(page)
            trouble.watch(page, url)
            page.goto(path)
            return page

        yield make
        complaints = trouble.left
        if request.node.stash.get(_REPORT, False) or complaints:
            _picture(opened, request.node.name)
    assert not complaints, "the page complained:\n" + "\n".join(complaints)


def _picture(pages: list[Page], name: str) -> None:
    """Keep what the pages of a test that failed looked like."""
    from playwright.sync_api import Error

    SHOTS.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^\w.-]+", "-", name)
    for number, page in enumerate(pages):
        with suppress(Error):  # it crashed, or the test closed it
            page.screenshot(path=SHOTS / f"{stem}{f'-{number}' if number else ''}.png")


@pytest.fixture
def page(studio: Studio, open_page: Callable[..., Page]) -> Page:
    """The studio's page in front of the starter model, 1440x900."""
    return open_page(studio.url)


@pytest.fixture
def fake_page(fake_studio: Studio, open_page: Callable[..., Page]) -> Page:
    """The studio's page in front of a server that only pretends, 1440x900."""
    return open_page(fake_studio.url)
