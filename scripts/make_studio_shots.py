"""Photograph the studio for docs/images: `python -m scripts.make_studio_shots [FOLDER]`.

A real server with the starter model, Chromium through Playwright; empty, at work, with results and with an error, on
three sizes of screen, light and dark. About five minutes on two CPU cores, offline.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from scripts.make_inpaint_sheets import Shape, draw

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "images"
SIZES: Final = ((1440, 900), (1024, 768), (820, 1180))
"""The first one's files have no width in their names."""
SCHEMES: Final = ("dark", "light")
COLORS: Final = 256
LONG: Final = 600_000
PROMPTS: Final = (
    ("a star on a light blue background", 3),
    ("a balloon on a light blue background", 2),
    ("a ufo on a light blue background", 1),
    ("a rocket on a light blue background", 1),
)
"""What takes the sun's place, and with which seed; the last one is looked at."""
SUN: Final = (470.0, 115.0)
RADIUS: Final = 92
SWITCHES: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_AT: Final = """([x, y]) => {
  const canvas = window.redraw.engine(), box = document.querySelector("canvas.surface").getBoundingClientRect();
  const at = canvas.toScreen({ x, y });
  return [box.left + at.x, box.top + at.y];
}"""


@dataclass(frozen=True)
class Screen:
    """A window's size in CSS pixels and the colors the system wants."""

    width: int
    height: int
    scheme: str

    @property
    def name(self) -> str:
        """What its files' names end with."""
        return self.scheme if (self.width, self.height) == SIZES[0] else f"{self.scheme}-{self.width}"


def scene() -> bytes:
    """The picture that is worked on: a house between hills under the sun, 640x400, as a PNG file."""
    shapes: list[tuple[str, Shape, str]] = [
        ("ellipse", (-150, 200, 330, 620), "#6fc24a"),
        ("ellipse", (330, 250, 850, 700), "#4c9d3a"),
        ("rectangle", (0, 312, 640, 400), "#58ab3f"),
        ("ellipse", (SUN[0] - 46, SUN[1] - 46, SUN[0] + 46, SUN[1] + 46), "#ffd24d"),
        ("rectangle", (70, 190, 220, 336), "#efd09a"),
        ("polygon", (44, 192, 145, 92, 246, 192), "#c2372c"),
        ("rectangle", (96, 214, 140, 262), "#5b98d4"),
        ("rectangle", (160, 234, 198, 336), "#70452b"),
        ("rectangle", (302, 250, 322, 336), "#70452b"),
        ("ellipse", (262, 128, 362, 274), "#2f8f48"),
    ]
    file = io.BytesIO()
    draw(640, 400, "#8ecdf7", shapes).save(file, "PNG")
    return file.getvalue()


@contextmanager
def server() -> Iterator[str]:
    """A server on a free port with an empty data folder; its address."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "redraw", "serve", "--port", "0", "--data-dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            yield _address(process)
        finally:
            process.terminate()
            process.wait(30)


def _address(process: subprocess.Popen[str]) -> str:
    for line in process.stdout or ():
        found = re.search(r"http://[\w.:\[\]]+", line)
        if not found:
            continue
        for _ in range(240):
            with suppress(httpx.HTTPError):
                if httpx.get(f"{found[0]}/health", trust_env=False).is_success:
                    return found[0]
            time.sleep(0.25)
    raise SystemExit("the server did not come up")


def begin(browser: Browser, url: str) -> Page:
    """Open the page as on a first visit and end the tour."""
    context = browser.new_context(base_url=url, reduced_motion="reduce", locale="en-US")
    context.set_default_timeout(LONG)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("dialog").get_by_role("button", name="Skip").click()
    page.wait_for_function("() => window.redraw.engine().size !== null")
    return page


def menu(page: Page, name: str) -> None:
    """Choose an entry of the File menu."""
    page.get_by_role("button", name="File", exact=True).click()
    page.get_by_role("menuitem", name=name).click()


def open_scene(page: Page) -> None:
    """Open the picture, go to Inpaint and mask the sun."""
    with page.expect_file_chooser() as chooser:
        menu(page, "Open a picture")
    chooser.value.set_files({"name": "hills.png", "mimeType": "image/png", "buffer": scene()})
    page.wait_for_function("() => window.redraw.engine().size?.width === 640")
    page.get_by_role("radio", name="Inpaint", exact=True).click()
    page.get_by_role("radiogroup", name="Tools").get_by_role("radio", name=re.compile("^Ellipse")).click()
    page.mouse.move(*page.evaluate(_AT, [SUN[0] - RADIUS, SUN[1] - RADIUS]))
    page.mouse.down()
    page.mouse.move(*page.evaluate(_AT, [SUN[0] + RADIUS, SUN[1] + RADIUS]), steps=4)
    page.mouse.up()
    page.get_by_role("radiogroup", name="Tools").get_by_role("radio", name=re.compile("^Brush")).click()


def fill_form(page: Page, prompt: str, seed: int, steps: int = 20) -> None:
    """Say what is to be seen in place of the sun."""
    page.locator("#field-prompt").fill(prompt)
    for name in ("only_masked", "masked_content"):
        choice = page.locator(f'[data-field="{name}"]').locator("label.option")
        choice.filter(has_text=re.compile("^(Only masked|fill)$")).click()
    for name, value in {"strength": 1, "steps": steps, "padding": 10, "seed": seed}.items():
        field = page.locator(f"#field-{name}")
        if field.is_visible():
            field.fill(str(value))
            field.press("Enter")


def generate(page: Page, count: int) -> None:
    """Make a picture and wait until so many are in the strip."""
    page.locator(".go").click()
    page.wait_for_function(
        """(count) => document.querySelectorAll('[data-tour="strip"] [data-id]').length >= count""", arg=count
    )


def make_empty(page: Page) -> None:
    """Nothing is open."""
    menu(page, "Close the picture")
    page.locator("#field-prompt").fill("")
    page.get_by_role("heading", name="Drop a picture here").wait_for()


def make_result(page: Page) -> None:
    """Four tries in the strip, the last one compared with its source."""
    open_scene(page)
    for count, (prompt, seed) in enumerate(PROMPTS, 1):
        fill_form(page, prompt, seed)
        generate(page, count)
    page.get_by_role("region", name="Shown result").get_by_role("button", name="Slider", exact=True).click()
    handle = page.get_by_role("slider", name="Divider between the two pictures")
    handle.focus()
    for _ in range(2):
        handle.press("PageUp")
    handle.evaluate("(one) => one.blur()")
    acted = page.get_by_role("toolbar", name="Result")
    acted.get_by_role("button", name="Favorite", exact=True).click()


def make_working(page: Page) -> None:
    """A picture is being made, half of it is there."""
    page.keyboard.press("Escape")
    page.locator(".result-stage").wait_for(state="detached")
    fill_form(page, PROMPTS[-1][0], 5, steps=50)
    page.locator(".go").click()
    page.wait_for_function(r"() => Number(/^\[(\d+)%/.exec(document.title)?.[1] ?? 0) >= 40")


def make_error(page: Page) -> None:
    """The server is lost."""
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.title.startsWith('[')")
    page.context.set_offline(True)
    page.locator(".go").click()
    page.get_by_role("region", name="Messages").get_by_text("does not answer").wait_for()


STATES: Final[dict[str, Callable[[Page], None]]] = {
    "empty": make_empty,
    "result": make_result,
    "working": make_working,
    "error": make_error,
}


def save(page: Page, path: Path) -> None:
    """Keep what the page looks like, in 256 colors."""
    page.mouse.move(1, 1)
    page.evaluate("() => document.querySelectorAll('aside, aside *').forEach((one) => { one.scrollTop = 0; })")
    page.wait_for_function("() => [...document.images].every((one) => one.complete)")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)


def show_on(page: Page, screen: Screen) -> None:
    """Turn the window into another screen."""
    page.set_viewport_size({"width": screen.width, "height": screen.height})
    page.emulate_media(color_scheme="dark" if screen.scheme == "dark" else "light")
    page.wait_for_function("(scheme) => document.documentElement.dataset.theme === scheme", arg=screen.scheme)
    if page.locator(".result-stage").count() == 0:
        page.evaluate("() => window.redraw.actions.find((one) => one.name === 'view.fit').run()")


def main(folder: Path = FOLDER) -> None:
    """Write all pictures."""
    program = os.environ.get("REDRAW_CHROMIUM") or shutil.which("chromium")
    if program is None:
        raise SystemExit("chromium is not installed; $REDRAW_CHROMIUM names another browser")
    folder.mkdir(parents=True, exist_ok=True)
    screens = [Screen(*size, scheme) for size in SIZES for scheme in SCHEMES]
    with sync_playwright() as playwright, server() as url:
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        page = begin(browser, url)
        for state, make in STATES.items():
            show_on(page, screens[0])
            make(page)
            for screen in screens:
                show_on(page, screen)
                save(page, folder / f"studio-{state}-{screen.name}.png")
        browser.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
