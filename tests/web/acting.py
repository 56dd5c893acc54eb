"""What a person does on the page, for the browser tests: by mouse, keys, roles and labels.

Points and colors are of the document (the open picture), in pixels from its top left. `window.redraw` only says where a
point of the document lies on the screen and what is there.
"""

from __future__ import annotations

import base64
import io
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, Response

SURFACE = "canvas.surface"
STRIP = '[data-tour="strip"] [data-id]'
DEMO = Path(__file__).resolve().parents[2] / "src" / "redraw" / "starter" / "demo.png"
"""The picture of the first visit."""
LONG = 120_000
"""Milliseconds that a picture of the starter model may take on a machine that does much else."""

Point = tuple[float, float]
Kind = Literal["picture", "pasted", "sketch", "mask"]

_READY = """() => document.querySelector('[data-field="strength"], [data-field="prompt"]') !== null"""
_OPEN = """(before) => {
  const canvas = window.redraw.engine();
  const isLoading = document.querySelector(".canvas-stage progress, .empty progress") !== null;
  return canvas.size !== null && !isLoading && canvas.layers.map((one) => one.id).join() !== before;
}"""
_LAYERS = "() => window.redraw?.engine().layers.map((one) => one.id).join() ?? ''"
_AT = """([x, y]) => {
  const canvas = window.redraw.engine(), box = document.querySelector("canvas.surface").getBoundingClientRect();
  const at = canvas.toScreen({ x, y });
  return [box.left + at.x, box.top + at.y];
}"""
_KEPT = """async () => {
  const asked = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  if (!(await indexedDB.databases()).some((one) => one.name === "redraw")) return "";
  const database = await asked(indexedDB.open("redraw"));
  const all = await asked(database.transaction("canvas").objectStore("canvas").getAll());
  database.close();
  const [newest] = all.sort((a, b) => b.at - a.at);
  return newest ? newest.document.layers.map((one) => `${one.kind} ${one.name}`).join() : "";
}"""
_MADE = """async ([strip, job]) => {
  const [first] = await (await fetch(`/api/v1/jobs/${job}/results`)).json();
  return [...document.querySelectorAll(strip)].find((one) => one.dataset.id === first?.id)?.dataset.id ?? null;
}"""
_TRANSFER = """(files) => {
  const transfer = new DataTransfer();
  for (const { name, mimeType, base64 } of files) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: mimeType }));
  }
  return transfer;
}"""
_DRAG = """(element, [kind, transfer]) => {
  const box = element.getBoundingClientRect();
  element.dispatchEvent(new DragEvent(kind, {
    bubbles: true, cancelable: true, composed: true, dataTransfer: transfer,
    clientX: box.left + box.width / 2, clientY: box.top + box.height / 2,
  }));
}"""


def png(color: str | tuple[int, ...] = "red", size: tuple[int, int] = (96, 64), mode: str = "RGB") -> bytes:
    """A PNG of one color."""
    return encoded(Image.new(mode, size, color))


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as the bytes of a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def payload(name: str, content: bytes | Path, kind: str = "image/png") -> FilePayload:
    """A file for `choose`, `drop` and `paste`."""
    return {"name": name, "mimeType": kind, "buffer": content if isinstance(content, bytes) else content.read_bytes()}


def skip_tour(page: Page) -> None:
    """Wait for the first visit's tour and end it; the example is open then."""
    page.get_by_role("dialog").get_by_role("button", name="Skip").click(timeout=LONG)
    page.get_by_role("dialog").wait_for(state="detached")


def begin(page: Page, *, empty: bool = False) -> None:
    """Begin at the first visit: the tour is ended; `empty` closes the example too."""
    wait_form(page)
    skip_tour(page)
    if empty:
        menu(page, "Close the picture")
        page.get_by_role("heading", name="Drop a picture here").wait_for()


def wait_form(page: Page) -> None:
    """Wait until the form knows the server's fields."""
    page.wait_for_function(_READY, timeout=LONG)


def menu(page: Page, name: str) -> None:
    """Choose an entry of the File menu."""
    page.get_by_role("button", name="File", exact=True).click()
    page.get_by_role("menuitem", name=name).click()


def set_mode(page: Page, name: str) -> None:
    """Choose a mode by its label: "Inpaint sketch"."""
    page.get_by_role("radio", name=name, exact=True).click()


def tool(page: Page, name: str) -> None:
    """Choose a tool by its label: "Brush"."""
    page.get_by_role("radiogroup", name="Tools", exact=True).get_by_role(
        "radio", name=re.compile(f"^{name}\\b")
    ).click()


def layers(page: Page) -> str:
    """The layers that there are now, for `wait_open`."""
    found: str = page.evaluate(_LAYERS)
    return found


def wait_open(page: Page, before: str = "") -> None:
    """Wait until a picture is open and loaded, and the layers are others than `before`."""
    page.wait_for_function(_OPEN, arg=before, timeout=LONG)


def wait_kept(page: Page, *words: str) -> None:
    """Wait until the browser keeps a canvas with layers that are called so."""
    wait_until(
        page,
        f"async (words) => {{ const kept = await ({_KEPT})(); return words.every((one) => kept.includes(one)); }}",
        list(words),
    )


def wait_until(page: Page, script: str, arg: Any, timeout: float = LONG) -> Any:
    """Ask the page again and again, also by an async function, until it says something; return that."""
    until = time.monotonic() + timeout / 1000
    while not (found := page.evaluate(script, arg)):
        assert time.monotonic() < until, f"the page never came to {script}"
        page.wait_for_timeout(150)
    return found


def choose(page: Page, file: FilePayload | Path, action: str = "Open a picture…", *, wait: bool = True) -> None:
    """Give a file to the browser's own dialog of a File menu's entry."""
    before = layers(page)
    with page.expect_file_chooser() as chooser:
        menu(page, action)
    chooser.value.set_files(file)
    if wait:
        wait_open(page, before)


def transfer(page: Page, *files: FilePayload) -> Any:
    """A DataTransfer in the page that carries files."""
    given = [{**file, "buffer": None, "base64": base64.b64encode(file["buffer"]).decode()} for file in files]
    return page.evaluate_handle(_TRANSFER, given)


def drop(page: Page, *files: FilePayload, zone: str | None = "Open") -> None:
    """Drag files over the canvas and let them fall on the zone of that name; None: on the canvas itself."""
    drop_on(page, page.locator(".canvas-stage"), transfer(page, *files), zone)


def drop_on(page: Page, target: Locator, carried: Any, zone: str | None = None) -> None:
    """Drag a DataTransfer over an element and let it fall there, or on a zone that shows itself meanwhile."""
    element = target.element_handle()
    for kind in ("dragenter", "dragover"):
        element.evaluate(_DRAG, [kind, carried])
    if zone is not None:
        found = page.locator(".zone", has_text=re.compile(f"^\\s*{zone}\\s*$"))
        found.wait_for()
        element = found.element_handle()
        for kind in ("dragenter", "dragover"):
            element.evaluate(_DRAG, [kind, carried])
    element.evaluate(_DRAG, ["drop", carried])


def paste(page: Page, *files: FilePayload) -> None:
    """Press Ctrl+V with files on the clipboard, as the browser tells it to the page."""
    page.evaluate(
        "(clipboardData) => (document.activeElement ?? document.body).dispatchEvent("
        "new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData }))",
        transfer(page, *files),
    )


def screen(page: Page, point: Point) -> Point:
    """Where a point of the document is in the window, CSS pixels."""
    x, y = page.evaluate(_AT, list(point))
    return x, y


def stroke(page: Page, points: Sequence[Point], *, steps: int = 4, modifiers: Sequence[str] = ()) -> None:
    """Press at the first point, go along the others and let go."""
    for key in modifiers:
        page.keyboard.down(key)
    page.mouse.move(*screen(page, points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*screen(page, point), steps=steps)
    page.mouse.up()
    for key in modifiers:
        page.keyboard.up(key)


def click(page: Page, point: Point) -> None:
    """Click on a point of the document."""
    page.mouse.click(*screen(page, point))


def color_at(page: Page, point: Point) -> tuple[int, int, int]:
    """Color of the document there, all layers as seen, without the mask."""
    found: str = page.evaluate("([x, y]) => window.redraw.engine().colorAt({ x, y })", list(point))
    assert found is not None, f"{point} is outside of the picture"
    return int(found[1:3], 16), int(found[3:5], 16), int(found[5:7], 16)


def document_size(page: Page) -> tuple[int, int] | None:
    """Width and height of the document in pixels; None if nothing is open."""
    size = page.evaluate("() => window.redraw.engine().size")
    return (size["width"], size["height"]) if size else None


def layer_pixels(page: Page, kind: Kind) -> Image.Image | None:
    """Pixels of the first layer of a kind, RGBA; None if there is none."""
    found = page.evaluate(
        """async (kind) => {
      const layer = window.redraw.engine().layers.find((one) => one.kind === kind);
      if (!layer) return null;
      const bytes = new Uint8Array(await (await layer.canvas.convertToBlob()).arrayBuffer());
      let text = "";
      for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
      return btoa(text);
    }""",
        kind,
    )
    return None if found is None else Image.open(io.BytesIO(base64.b64decode(found))).convert("RGBA")


def shown_picture(page: Page) -> Image.Image:
    """What is drawn on the screen's canvas element: with zoom, tint and guides."""
    found: str = page.evaluate("(surface) => document.querySelector(surface).toDataURL()", SURFACE)
    return Image.open(io.BytesIO(base64.b64decode(found.partition(",")[2]))).convert("RGBA")


def set_number(page: Page, label: str, number: float | str) -> None:
    """Type into a number box of the form."""
    box = page.get_by_label(label, exact=True).and_(page.get_by_role("spinbutton"))
    box.fill(str(number))
    box.press("Enter")


def set_prompt(page: Page, text: str) -> None:
    """Type the prompt."""
    page.locator("#field-prompt").fill(text)


def generate(page: Page) -> None:
    """Press Generate (it is called Queue while something is at work)."""
    page.get_by_role("button", name=re.compile(r"^(Generate|Queue)\b")).and_(page.locator(".go")).click()


def results(page: Page) -> list[str]:
    """Ids of this visit's results, the newest first."""
    return [one.get_attribute("data-id") or "" for one in page.locator(STRIP).all()]


def wait_results(page: Page, count: int, timeout: float = LONG) -> list[str]:
    """Wait until this visit has so many results; their ids, the newest first."""
    page.wait_for_function(
        "([strip, count]) => document.querySelectorAll(strip).length >= count", arg=[STRIP, count], timeout=timeout
    )
    return results(page)


def make(page: Page) -> Image.Image:
    """Generate one picture, wait until it is in the strip and return it."""
    with page.expect_response(is_new_job, timeout=LONG) as answered:
        generate(page)
    return result_pixels(page, wait_until(page, _MADE, [STRIP, answered.value.json()["id"]]))


def result_pixels(page: Page, result: str | None = None) -> Image.Image:
    """Pixels of a result (the newest one)."""
    found = page.request.get(f"/api/v1/results/{result or results(page)[0]}/picture")
    assert found.ok, found.text()
    return Image.open(io.BytesIO(found.body())).convert("RGB")


def result_record(page: Page, result: str | None = None) -> dict[str, Any]:
    """What the server knows of a result (the newest one)."""
    found = page.request.get(f"/api/v1/results/{result or results(page)[0]}")
    assert found.ok, found.text()
    record: dict[str, Any] = found.json()
    return record


def back_to_canvas(page: Page) -> None:
    """Leave the result that is looked at."""
    page.get_by_role("toolbar", name="Result").get_by_role("button", name="Back to canvas").click()
    page.locator(".result-stage").wait_for(state="detached")


def notice(page: Page, text: str) -> Locator:
    """The message that has this text; wait for it with `.wait_for()`."""
    return page.get_by_role("region", name="Messages").locator(".notice").filter(has_text=text)


def dismiss(page: Page) -> None:
    """Close every message, also one that is just going."""
    closing = page.get_by_role("region", name="Messages").get_by_role("button", name="Close")
    closing.evaluate_all("(all) => all.forEach((one) => one.click())")
    page.get_by_role("region", name="Messages").locator(".notice").first.wait_for(state="detached")


class Sent(NamedTuple):
    """A job that the page sent: its id, and the request's fields as they were sent."""

    job: str
    request: dict[str, Any]


def send(page: Page, press: Callable[[Page], None] = generate) -> Sent:
    """Press Generate (or do what else sends a job) and return what was sent, as soon as the server has it."""
    with page.expect_response(is_new_job, timeout=LONG) as answered:
        press(page)
    response = answered.value
    assert response.ok, response.text()
    return Sent(response.json()["id"], json.loads(response.request.post_data or "{}")["request"])


def sent(page: Page, press: Callable[[Page], None] = generate) -> dict[str, Any]:
    """Press Generate (or do what else sends a job) and return the request as it was sent."""
    return send(page, press).request


def wait_job(page: Page, job: str, timeout: float = LONG) -> Image.Image:
    """Wait until a job's first result is in the strip; its pixels."""
    return result_pixels(page, wait_until(page, _MADE, [STRIP, job], timeout))


def is_new_job(response: Response) -> bool:
    """Whether the server answers a job that was sent."""
    return response.request.method == "POST" and response.url.endswith("/api/v1/jobs")


def jobs(page: Page, *states: str) -> list[dict[str, Any]]:
    """Jobs as the server knows them, the oldest first; in some states or in all."""
    query = "&".join(["order=oldest", "limit=500", *(f"state={one}" for one in states)])
    found: list[dict[str, Any]] = page.request.get(f"/api/v1/jobs?{query}").json()["items"]
    return found


def stored(page: Page, file: dict[str, Any]) -> Image.Image:
    """The picture that a request names, as the server keeps it."""
    found = page.request.get(f"/api/v1/pictures/{file['sha256']}")
    assert found.ok, found.text()
    return Image.open(io.BytesIO(found.body()))


def result_file(page: Page, result: str | None = None) -> bytes:
    """The file of a result (the newest one)."""
    found = page.request.get(f"/api/v1/results/{result or results(page)[0]}/picture")
    assert found.ok, found.text()
    return found.body()


def set_brush(page: Page, label: str, number: int) -> None:
    """Type "Size", "Hardness" or "Opacity" of the brush."""
    options = page.get_by_role("group", name="Options of the tool")
    options.get_by_role("button", name=re.compile(f"^{label}")).click()
    box = page.get_by_role("dialog").get_by_role("spinbutton")
    box.fill(str(number))
    box.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def set_color(page: Page, color: str) -> None:
    """Type the brush's color as `#rrggbb`."""
    page.get_by_role("button", name=re.compile("^Color: #")).click()
    box = page.get_by_label("Color as hex digits")
    box.fill(color)
    box.press("Enter")
    page.keyboard.press("Escape")
    box.wait_for(state="detached")


def set_field(page: Page, name: str, value: float | str) -> None:
    """Type into the box of a field, by the field's name in the request: "steps"."""
    box = page.locator(f"#field-{name}")
    box.fill(str(value))
    box.press("Enter")


def choose_option(page: Page, name: str, option: str) -> None:
    """Choose one of a field's few words: `choose_option(page, "only_masked", "Only masked")`."""
    page.locator(f'[data-field="{name}"]').get_by_text(option, exact=True).click()


def undo(page: Page) -> None:
    """Press the button that takes the last step on the canvas back."""
    page.get_by_role("button", name=re.compile("^Undo: ")).and_(page.locator(".canvas-stage button")).click()


def close_popup(page: Page) -> None:
    """Close the small window that hangs open, by Escape."""
    page.keyboard.press("Escape")
    page.locator("[data-reka-popper-content-wrapper]").first.wait_for(state="detached")
