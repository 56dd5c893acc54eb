"""The studio for everybody: axe on every view, keys alone, three languages, fingers and pens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Locator, Page, expect
from tests.web import acting
from tests.web.conftest import ROOT, Studio

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
ENGLISH = ROOT / "web" / "src" / "i18n" / "en"
MODES = ("img2img", "Sketch", "Inpaint", "Inpaint sketch", "Inpaint upload", "Batch", "txt2img")
RUN = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map(({ target, any, all }) => {
    return `${target.join(" ")} [${[...any, ...all].map((check) => check.message).join("; ")}]`;
  }).join(" | ")}`)"""
FOCUS = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  const text = (one.getAttribute("aria-label") ?? one.innerText ?? "").trim().slice(0, 40) || one.id;
  return { name: one === document.body ? "" : `${one.tagName.toLowerCase()} ${text}`,
    shown: box.width > 0 && box.height > 0,
    inside: box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight, x: box.left, y: box.top,
    ring: [one, one.parentElement, one.parentElement?.parentElement, ...one.querySelectorAll("*")]
      .some((each) => each && getComputedStyle(each).outlineStyle !== "none") };
}"""
TEXTS = """() => {
  const all = [document.title];
  for (const one of document.querySelectorAll(":not(noscript, script, style)")) {
    for (const name of ["aria-label", "title", "placeholder", "alt"]) all.push(one.getAttribute(name) ?? "");
    for (const node of one.childNodes) if (node.nodeType === Node.TEXT_NODE) all.push(node.nodeValue);
  }
  return all.map((text) => text.trim()).filter(Boolean);
}"""
SMALL = """() => [...document.querySelectorAll("button, input, select, textarea, a[href], summary, [role=slider]")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && one.tabIndex >= 0)
  .map((one) => [one, one.closest("label") ?? one].map((each) => each.getBoundingClientRect()).concat(one))
  .filter(([own, label, one]) => Math.max(own.width, label.width) < 24 || Math.max(own.height, label.height) < 24)
  .filter(([own]) => own.width > 1 && own.right > 0 && own.bottom > 0 && own.left < innerWidth && own.top < innerHeight)
  .map(([own, , one]) => `${one.outerHTML.slice(0, 160)} ${own.width}x${own.height}`)"""


class Axe:
    """Looks at views with axe-core and keeps what it finds."""

    def __init__(self, page: Page) -> None:
        if not AXE.is_file():
            pytest.skip("axe-core of web/node_modules is not installed (browser test)")
        self.page = page
        self.script = AXE.read_text(encoding="utf-8")
        self.found: list[str] = []

    def look(self, view: str) -> None:
        """Examine the page as it is now."""
        self.page.mouse.move(0, 0)
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(self.script)
        self.found += [f"{view}: {one}" for one in self.page.evaluate(RUN)]

    def judge(self) -> None:
        """Fail if something serious or critical was found."""
        assert not self.found, "\n".join(self.found)


def command(page: Page, name: str) -> None:
    """Do something by the command palette."""
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Commands")
    dialog.get_by_role("combobox").fill(name)
    dialog.get_by_role("option", name=re.compile(f"^{re.escape(name)}")).first.wait_for()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()


def close(page: Page) -> None:
    """Close the dialog that is open."""
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def focused(page: Page) -> dict[str, Any]:
    """What has the focus."""
    found: dict[str, Any] = page.evaluate(FOCUS)
    return found


def tab_to(page: Page, target: Locator, *, back: bool = False, most: int = 120) -> None:
    """Press Tab until something has the focus."""
    for _ in range(most):
        if target.evaluate("(one) => one === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"Tab did not reach {target}")


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    """How the system wants its colors."""
    return str(request.param)


@pytest.fixture
def quiet(open_page: Callable[..., Page], fake_studio: Studio, scheme: str) -> Page:
    """The page without motion, so that axe sees settled colors."""
    return open_page(fake_studio.url, color_scheme=scheme, reduced_motion="reduce")


def test_axe_finds_nothing_in_the_tour_the_empty_page_and_every_mode(quiet: Page, scheme: str) -> None:
    page, axe = quiet, Axe(quiet)
    page.get_by_role("dialog").wait_for(timeout=acting.LONG)
    assert page.evaluate("() => document.documentElement.dataset.theme") == scheme
    axe.look("tour")
    acting.begin(page, empty=True)
    axe.look("empty")
    acting.choose(page, acting.payload("red.png", acting.png("red", (200, 100))))
    for mode in MODES:
        acting.set_mode(page, mode)
        axe.look(mode)
    acting.set_mode(page, "Inpaint")
    acting.stroke(page, [(40, 40), (120, 50)])
    for name in ("Result", "History", "Queue", "Layers"):
        page.get_by_role("tab", name=name).click()
        axe.look(f"{name} tab")
    for tool in ("Rectangle", "Region", "Polygon", "Eraser"):
        acting.tool(page, tool)
        axe.look(tool)
    page.get_by_role("button", name="File", exact=True).click()
    axe.look("menu")
    axe.judge()


def test_axe_finds_nothing_in_results_comparisons_and_the_viewer(quiet: Page) -> None:
    page, axe = quiet, Axe(quiet)
    acting.begin(page)
    acting.choose(page, acting.payload("red.png", acting.png("red", (200, 100))))
    acting.make(page)
    acting.make(page)
    axe.look("result")
    group = page.get_by_role("region", name="Shown result").get_by_role("group", name="Compare")
    for name in ("Slider", "Side by side", "Hold to see the other", "Difference"):
        group.get_by_role("button", name=name, exact=True).click()
        axe.look(name)
    page.get_by_role("button", name=re.compile("^Compared with")).click()
    axe.look("compare with")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="History").click()
    grid = page.get_by_role("region", name="History").locator("[data-id]")
    grid.nth(1).wait_for()
    grid.first.locator(".shot").click(modifiers=["Control"])
    axe.look("history, one selected")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Trash", exact=True).click()
    axe.look("trash")
    page.get_by_role("tab", name="Result").click()
    page.keyboard.press("Shift+F")
    viewer = page.get_by_role("dialog", name="Full-screen viewer")
    viewer.wait_for()
    page.keyboard.press("i")
    axe.look("viewer")
    page.keyboard.press("c")
    axe.look("viewer, comparing")
    axe.judge()


def test_axe_finds_nothing_in_the_dialogs(quiet: Page) -> None:
    page, axe = quiet, Axe(quiet)
    acting.begin(page)
    acting.make(page)
    page.keyboard.press("Control+k")
    page.get_by_role("dialog", name="Commands").wait_for()
    axe.look("palette")
    close(page)
    names = ("Shortcuts", "Settings", "Choose fields", "Blank canvas", "Read a picture", "Enlarge", "Where the result")
    for name in names:
        command(page, name)
        page.get_by_role("dialog").wait_for()
        axe.look(name)
        close(page)
    for button, item in (("Add style", "Edit styles…"), ("Presets", "Save, export, import…")):
        page.get_by_role("button", name=button, exact=True).click()
        page.get_by_role("menuitem", name=item).click()
        page.get_by_role("dialog").wait_for()
        axe.look(item)
        close(page)
    axe.judge()


def test_axe_finds_nothing_in_the_queue_at_work_the_batch_and_an_error(
    launch: Callable[..., Studio], open_page: Callable[..., Page], scheme: str
) -> None:
    studio = launch("--engine", "fake", REDRAW_FAKE_STEP="2")
    page = open_page(studio.url, color_scheme=scheme, reduced_motion="reduce")
    axe = Axe(page)
    acting.begin(page)
    acting.generate(page)
    page.get_by_role("button", name=re.compile("^Interrupt")).first.wait_for()
    acting.generate(page)
    page.get_by_role("tab", name="Queue").click()
    waiting = page.get_by_role("button", name=re.compile("^More for"))
    waiting.first.wait_for()
    axe.look("at work")
    waiting.first.click()
    page.get_by_role("menuitem", name="Change …").click()
    page.get_by_role("dialog").wait_for()
    axe.look("job dialog")
    close(page)
    acting.set_mode(page, "Batch")
    files = [acting.payload(f"{name}.png", acting.png(name, (64, 64))) for name in ("red", "lime", "blue")]
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Pictures…").click()
    chooser.value.set_files(files)
    page.get_by_text("lime.png").wait_for()
    axe.look("batch with files")
    acting.set_mode(page, "Inpaint")
    acting.generate(page)
    acting.notice(page, "There is no mask yet").wait_for()
    axe.look("error")
    axe.judge()


def test_axe_finds_nothing_on_smaller_screens(open_page: Callable[..., Page], fake_studio: Studio, scheme: str) -> None:
    for size in ((1024, 768), (820, 1180)):
        page = open_page(
            fake_studio.url,
            color_scheme=scheme,
            reduced_motion="reduce",
            viewport={"width": size[0], "height": size[1]},
            has_touch=size[0] < 900,
        )
        axe = Axe(page)
        acting.begin(page)
        axe.look(f"{size}")
        if size[0] > 900:
            page.get_by_role("button", name="Results and layers").click()
            axe.look(f"{size} with the drawer")
        acting.make(page)
        axe.look(f"{size} result")
        axe.judge()


def test_inpainting_needs_no_mouse_from_loading_to_the_result(page: Page) -> None:
    acting.wait_form(page)
    tour = page.get_by_role("dialog")
    tour.wait_for(timeout=acting.LONG)
    page.keyboard.press("Escape")
    expect(tour).to_be_hidden()
    before = acting.layers(page)
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Control+o")
    chooser.value.set_files(acting.payload("red.png", acting.png("red", (128, 128))))
    acting.wait_open(page, before)
    tab_to(page, page.get_by_role("radio", name="img2img", exact=True))
    for _ in range(2):
        page.keyboard.press("ArrowRight", delay=100)  # as long as a finger rests on it
    expect(page.get_by_role("radio", name="Inpaint", exact=True)).to_be_checked()
    surface = page.locator(acting.SURFACE)
    tab_to(page, surface)
    assert focused(page)["ring"], "one sees that the canvas has the focus"
    page.keyboard.press("b")
    for key in ("ArrowRight", "Space", "ArrowRight", "ArrowRight", "Shift+ArrowDown", "Space"):
        page.keyboard.press(key)
    page.wait_for_function("() => window.redraw.engine().hasMask")
    mask = acting.layer_pixels(page, "mask")
    assert mask is not None
    box = mask.getchannel("A").getbbox()
    assert box
    assert 64 in range(box[0], box[2])
    assert 64 in range(box[1], box[3])
    tab_to(page, page.locator("#field-prompt"), back=True)
    page.keyboard.press("Control+a")
    page.keyboard.type("a yellow star")
    page.keyboard.press("Control+Enter")
    made = acting.result_pixels(page, acting.wait_results(page, 1)[0])
    stage = page.get_by_role("region", name="Shown result")
    expect(stage).to_be_visible()
    assert job_prompt(page) == "a yellow star"
    left, top, right, bottom = box
    around = Image.new("L", made.size, 255)
    around.paste(0, (left - 16, top - 16, right + 16, bottom + 16))
    moved = ImageChops.difference(made, Image.new("RGB", made.size, "red")).convert("L")
    assert ImageChops.multiply(moved, around).getbbox() is None, "only what was masked"
    assert moved.getbbox() is not None
    page.keyboard.press("Escape")
    expect(stage).to_be_hidden()
    assert focused(page)["name"], "the focus is not lost"


def job_prompt(page: Page) -> str:
    """Prompt of the newest result's job."""
    record = acting.result_record(page)
    return str(page.request.get(f"/api/v1/jobs/{record['job']}").json()["request"]["prompt"])


def test_tab_goes_through_everything_once_in_reading_order_and_shows_where_it_is(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page)
    page.evaluate("() => document.activeElement.blur()")
    seen: list[dict[str, Any]] = []
    for _ in range(150):
        page.keyboard.press("Tab")
        now = focused(page)
        if not now["name"]:
            break
        assert (now["shown"], now["inside"]) == (True, True), f"{now['name']} cannot be seen"
        assert now["ring"], f"{now['name']} does not show that it has the focus"
        seen.append(now)
    names = [one["name"] for one in seen]
    assert 30 < len(names) < 150
    order = [names.index(name) for name in ("button File", "textarea field-prompt", "canvas Canvas", "button Result")]
    assert order == sorted(order), names


@pytest.mark.parametrize(
    ("opener", "title"),
    [
        ("Settings", "Settings"),
        ("Shortcuts", "Shortcuts"),
        ("Choose fields", "Choose fields"),
        ("Commands", "Commands"),
    ],
)
def test_a_dialog_takes_the_focus_keeps_it_and_gives_it_back(fake_page: Page, opener: str, title: str) -> None:
    page = fake_page
    acting.begin(page)
    button = page.get_by_role("button", name=re.compile(f"^{opener}")).first
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=title)
    dialog.wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert dialog.evaluate("(one) => one.contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()


def test_escape_closes_the_nearest_thing_first(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page)
    acting.make(page)
    stage = page.get_by_role("region", name="Shown result")
    page.get_by_role("button", name="File", exact=True).click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_be_hidden()
    expect(stage).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("dialog", name="Commands").wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(stage).to_be_visible()
    page.keyboard.press("Shift+F")
    page.get_by_role("dialog", name="Full-screen viewer").wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(stage).to_be_visible()
    page.keyboard.press("Escape")
    expect(stage).to_be_hidden()


def keys_of_english() -> set[str]:
    """Areas of the texts, the first part of each key."""
    return {path.stem for path in ENGLISH.glob("*.ts")} - {"index"}


def raw_keys(page: Page) -> list[str]:
    """Texts of the page that are keys of texts."""
    areas = "|".join(sorted(keys_of_english()))
    pattern = re.compile(rf"\b(?:{areas})(?:\.[a-zA-Z]\w*)+\b")
    return [text for text in page.evaluate(TEXTS) if pattern.search(text) and not re.search(r"\.(png|jpe?g)", text)]


@pytest.mark.parametrize(
    ("language", "name", "generate", "settings"),
    [("zh-CN", "简体中文", "生成", "设置"), ("ja", "日本語", "生成", "設定")],
)
def test_the_page_speaks_the_chosen_language_and_goes_on_to_after_a_reload(
    fake_page: Page, language: str, name: str, generate: str, settings: str
) -> None:
    page = fake_page
    acting.begin(page)
    acting.choose(page, acting.payload("red.png", acting.png("red", (200, 100))))
    assert page.evaluate("() => document.documentElement.lang") == "en"
    assert raw_keys(page) == []
    english = set(page.evaluate(TEXTS))
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Language").select_option(label=name)
    page.wait_for_function("(language) => document.documentElement.lang === language", arg=language)
    expect(page.get_by_role("dialog", name=settings)).to_be_visible()
    close(page)
    expect(page.locator(".go")).to_contain_text(generate)
    for mode in range(7):
        page.get_by_role("radiogroup").first.get_by_role("radio").nth(mode).click()
        assert raw_keys(page) == []
    for tab in page.get_by_role("tab").all():
        tab.click()
        assert raw_keys(page) == []
    same = {text for text in english & set(page.evaluate(TEXTS)) if re.search(r"[a-z]{3}.* .*[a-z]{3}", text)}
    kept = {"demo.png", "redraw-starter"}
    assert {text for text in same - kept if not re.search(r"png|DPM|Euler|Ctrl|Align Your Steps", text)} == set(), (
        "left in English"
    )
    acting.wait_kept(page, "picture red.png")
    page.reload()
    acting.wait_form(page)
    page.wait_for_function("(language) => document.documentElement.lang === language", arg=language)
    expect(page.locator(".go")).to_contain_text(generate)
    page.get_by_role("radiogroup").first.get_by_role("radio").first.click()
    page.locator(".go").click()
    acting.wait_results(page, 1)
    for shortcut in ("?", "Control+k", "Control+,", "Control+Shift+P"):
        page.keyboard.press(shortcut)
        page.get_by_role("dialog").wait_for()
        assert raw_keys(page) == []
        close(page)


def pointer(page: Page, kind: str, number: int, how: str, point: tuple[float, float]) -> None:
    """Send the canvas what a finger or a pen does, at a point of the window."""
    page.locator(acting.SURFACE).evaluate(
        """(canvas, [kind, pointerId, pointerType, x, y]) => canvas.dispatchEvent(new PointerEvent(kind, {
          pointerId, pointerType, clientX: x, clientY: y, bubbles: true, cancelable: true, isPrimary: pointerId < 20,
          pressure: kind === "pointerup" ? 0 : 0.6, button: kind === "pointermove" ? -1 : 0,
          buttons: kind === "pointerup" ? 0 : 1,
        }))""",
        [kind, number, how, *point],
    )


@pytest.fixture
def tablet(open_page: Callable[..., Page], fake_studio: Studio) -> Page:
    """The page on a tablet held upright, with a picture in inpaint mode."""
    page = open_page(fake_studio.url, viewport={"width": 820, "height": 1180}, has_touch=True)
    acting.begin(page)
    acting.choose(page, acting.payload("red.png", acting.png("red", (400, 300))))
    page.locator("[data-tour=modes] select").select_option("inpaint")
    return page


def test_two_fingers_zoom_the_canvas(tablet: Page) -> None:
    zoom = tablet.evaluate("() => window.redraw.engine().zoom")
    middle = acting.screen(tablet, (200, 150))
    for number, side in ((31, -1), (32, 1)):
        pointer(tablet, "pointerdown", number, "touch", (middle[0] + 40 * side, middle[1]))
    for step in range(1, 6):
        for number, side in ((31, -1), (32, 1)):
            pointer(tablet, "pointermove", number, "touch", (middle[0] + (40 + 12 * step) * side, middle[1]))
    for number, side in ((31, -1), (32, 1)):
        pointer(tablet, "pointerup", number, "touch", (middle[0] + 100 * side, middle[1]))
    assert tablet.evaluate("() => window.redraw.engine().zoom") == pytest.approx(zoom * 2.5, rel=0.1)
    assert acting.screen(tablet, (200, 150)) == pytest.approx(middle, abs=4), "the middle stays between the fingers"
    assert not tablet.evaluate("() => window.redraw.engine().hasMask")


def test_with_a_pen_at_hand_a_finger_only_pans(tablet: Page) -> None:
    points = [acting.screen(tablet, (60 + 40 * step, 100)) for step in range(5)]
    pointer(tablet, "pointerdown", 7, "pen", points[0])
    for point in points[1:]:
        pointer(tablet, "pointermove", 7, "pen", point)
    pointer(tablet, "pointerup", 7, "pen", points[-1])
    tablet.wait_for_function("() => window.redraw.engine().hasMask")
    before = acting.layer_pixels(tablet, "mask")
    corner = acting.screen(tablet, (0, 0))
    pointer(tablet, "pointerdown", 41, "touch", points[0])
    pointer(tablet, "pointermove", 41, "touch", (points[0][0] + 30, points[0][1] + 60))
    pointer(tablet, "pointermove", 41, "touch", (points[0][0] + 40, points[0][1] + 90))
    pointer(tablet, "pointerup", 41, "touch", (points[0][0] + 40, points[0][1] + 90))
    after = acting.layer_pixels(tablet, "mask")
    assert before
    assert after
    assert before.tobytes() == after.tobytes()
    moved = acting.screen(tablet, (0, 0))
    assert (moved[0] - corner[0], moved[1] - corner[1]) == pytest.approx((40, 90), abs=12)


def test_targets_are_large_enough_for_fingers(tablet: Page) -> None:
    assert tablet.evaluate(SMALL) == []
    for name in ("Result", "History", "Queue", "Layers"):
        tablet.get_by_role("tab", name=name).tap()
        assert tablet.evaluate(SMALL) == [], name
    tablet.get_by_role("tab", name="Parameters").tap()
    acting.stroke(tablet, [(100, 100), (200, 120)])
    acting.make(tablet)
    assert tablet.evaluate(SMALL) == []


ACTIONS = (
    """() => window.redraw.actions.map(({ name, shortcut, enabled }) => ({ name, shortcut, enabled: enabled() }))"""
)


def doubled(actions: list[dict[str, Any]]) -> list[str]:
    """Shortcuts that two enabled actions have, but for those of a result over the canvas: they come first."""
    taken: dict[str, list[str]] = {}
    for one in actions:
        if one["enabled"] and one["shortcut"]:
            taken.setdefault(one["shortcut"], []).append(one["name"])
    on_top = ("results.", "send.")
    return [
        f"{shortcut}: {names}"
        for shortcut, names in taken.items()
        if len(names) > 1 and not (names[0].startswith(on_top) and not names[1].startswith(on_top) and len(names) == 2)
    ]


def test_every_action_has_a_text_and_a_shortcut_of_its_own(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page)
    for mode in MODES:
        acting.set_mode(page, mode)
        assert doubled(page.evaluate(ACTIONS)) == [], mode
    acting.set_mode(page, "Sketch")
    acting.make(page)
    actions = page.evaluate(ACTIONS)
    assert doubled(actions) == []
    names = [one["name"] for one in actions]
    assert len(names) == len(set(names)) > 60
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Shortcuts")
    sheet.locator("kbd").first.wait_for()
    listed = sheet.locator("dl > div").evaluate_all(
        "(all) => all.map((one) => [one.querySelector('dt').innerText, one.querySelector('dd').innerText])"
    )
    own = sheet.locator("section").last.locator("dt").count()
    assert len(listed) - own == sum(one["shortcut"] is not None for one in actions)
    assert all(key for _, key in listed)
    assert all(text and "." not in text for text, _ in listed), listed
    assert raw_keys(page) == []


def test_the_palette_finds_and_runs_a_command(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page)
    before = page.evaluate("() => document.documentElement.dataset.theme")
    command(page, "Light or dark")
    page.wait_for_function("(before) => document.documentElement.dataset.theme !== before", arg=before)
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Commands")
    shown = dialog.get_by_role("option").all_inner_texts()
    enabled = [one for one in page.evaluate(ACTIONS) if one["enabled"] and one["name"] != "help.palette"]
    assert len(shown) == len(enabled)
    dialog.get_by_role("combobox").fill("no such thing")
    expect(dialog.get_by_role("status")).to_have_text("Nothing is called that.")
    assert json.dumps(shown).count("action.") == 0
