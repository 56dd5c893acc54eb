"""Results: seen, compared, sent on, kept, found again, and made anew."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from tests.web import acting
from tests.web.conftest import Studio

SOURCE = acting.png("red", (200, 100))
COMPARE = {
    "slider": "Slider",
    "side": "Side by side",
    "hover": "Hold to see the other",
    "difference": "Difference",
    "off": "Only the result",
}


@pytest.fixture
def ready(fake_page: Page) -> Page:
    """The page with a red picture of 200x100 pixels open, the tour ended."""
    acting.begin(fake_page)
    acting.choose(fake_page, acting.payload("red.png", SOURCE))
    return fake_page


def stage(page: Page) -> Locator:
    """The result that is looked at."""
    return page.get_by_role("region", name="Shown result")


def toolbar(page: Page) -> Locator:
    """What can be done with the shown result."""
    return page.get_by_role("toolbar", name="Result")


def compare(page: Page, mode: str) -> None:
    """Choose a way of comparing."""
    stage(page).get_by_role("group", name="Compare").get_by_role("button", name=COMPARE[mode], exact=True).click()


def split(page: Page) -> int:
    """Where the slider's handle is, percent."""
    return int(page.get_by_role("slider", name="Divider between the two pictures").get_attribute("aria-valuenow") or -1)


def from_menu(page: Page, button: str, item: str) -> None:
    """Choose an entry of a menu of the result's toolbar."""
    toolbar(page).get_by_role("button", name=button, exact=True).last.click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def job_of(page: Page, result: str) -> dict[str, Any]:
    """The job a result came from."""
    answer = page.request.get(f"/api/v1/jobs/{acting.result_record(page, result)['job']}")
    assert answer.ok
    job: dict[str, Any] = answer.json()
    return job


def scales(page: Page) -> list[float]:
    """Width on the screen of each picture that is compared."""
    frames = stage(page).locator(".pane > .frame").all()
    return [(one.bounding_box() or {"width": 0})["width"] for one in frames]


def shown_id(page: Page) -> str | None:
    """Id of the result that the strip marks as shown."""
    return page.locator(f"{acting.STRIP}.shown").first.get_attribute("data-id")


def make_many(studio: Studio, count: int, **fields: Any) -> list[str]:
    """Make results through the API and wait for them; their ids, the newest first."""
    with studio.client() as client:
        for number in range(count):
            body = {"kind": "txt2img", "request": {"width": 64, "height": 64, "steps": 1, "seed": number, **fields}}
            client.post("/api/v1/jobs", json=body).raise_for_status()
            if number % 20 == 19:
                drain(client)
        drain(client)
        found: list[dict[str, Any]] = client.get("/api/v1/results", params={"limit": count}).json()["items"]
        return [one["id"] for one in found]


def drain(client: httpx.Client) -> None:
    """Wait until nothing is in the queue."""
    for state in ("waiting", "running"):
        while found := client.get("/api/v1/jobs", params={"state": state}).json()["items"]:
            client.get(f"/api/v1/jobs/{found[-1]['id']}", params={"wait": 20})


def history(page: Page) -> Locator:
    """Open the history and return its panel."""
    page.get_by_role("tab", name="History").click()
    return page.get_by_role("region", name="History")


def test_a_result_appears_in_the_strip_and_on_the_stage_and_escape_leads_back(ready: Page) -> None:
    made = acting.make(ready)
    expect(stage(ready)).to_be_visible()
    assert shown_id(ready) == acting.results(ready)[0]
    picture = stage(ready).get_by_role("img").first
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => [image.naturalWidth, image.naturalHeight]") == list(made.size)
    ready.keyboard.press("Escape")
    expect(stage(ready)).to_be_hidden()
    ready.keyboard.press("n")
    expect(stage(ready)).to_be_visible()
    acting.back_to_canvas(ready)


def test_the_slider_goes_with_the_mouse_and_with_keys(ready: Page) -> None:
    acting.make(ready)
    compare(ready, "slider")
    handle = ready.get_by_role("slider", name="Divider between the two pictures")
    assert split(ready) == 50
    box, pane = handle.bounding_box(), stage(ready).locator(".frame").first.bounding_box()
    assert box
    assert pane
    assert box["x"] + box["width"] / 2 == pytest.approx(pane["x"] + pane["width"] / 2, abs=2)
    ready.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    ready.mouse.down()
    ready.mouse.move(pane["x"] + pane["width"] * 0.8, box["y"] + 80, steps=5)
    ready.mouse.up()
    assert split(ready) == pytest.approx(80, abs=2)
    ready.keyboard.press("Escape")
    expect(stage(ready)).to_be_hidden()
    ready.keyboard.press("n")
    handle.focus()
    for key, value in (("Home", 0), ("ArrowRight", 2), ("Shift+ArrowRight", 12), ("End", 100), ("PageDown", 90)):
        ready.keyboard.press(key)
        assert split(ready) == value, key
    assert shown_id(ready) == acting.results(ready)[0], "the arrows belong to the slider"


def test_left_of_the_slider_is_the_source_and_right_of_it_the_result(ready: Page) -> None:
    made = acting.make(ready)
    compare(ready, "slider")
    ready.get_by_text("Source", exact=True).first.wait_for()
    ready.wait_for_function("() => [...document.querySelectorAll('.result-stage img')].every((one) => one.complete)")
    frame = stage(ready).locator(".frame").first
    seen = Image.open(io.BytesIO(frame.screenshot())).convert("RGB")
    wide, high = seen.size
    left, right = seen.getpixel((wide // 4, high * 3 // 4)), seen.getpixel((wide * 3 // 4, high * 3 // 4))
    there = made.getpixel((made.width * 3 // 4, made.height * 3 // 4))
    assert left == pytest.approx((255, 0, 0), abs=3)
    assert right == pytest.approx(there, abs=3)


def test_side_by_side_zooms_and_pans_in_step(ready: Page) -> None:
    acting.make(ready)
    compare(ready, "side")
    first, second = stage(ready).locator(".pane").all()
    before = scales(ready)
    box = first.bounding_box()
    assert box
    ready.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
    ready.mouse.wheel(0, -400)
    ready.wait_for_function(
        "(wide) => document.querySelector('.result-stage .frame').getBoundingClientRect().width > wide * 1.2",
        arg=before[0],
    )
    assert scales(ready)[0] == pytest.approx(scales(ready)[1])
    ready.keyboard.press("1")
    ready.keyboard.press("+")
    ready.keyboard.press("+")
    assert scales(ready)[0] == pytest.approx(scales(ready)[1])
    for _ in range(8):
        ready.keyboard.press("+")
    ready.mouse.down()
    ready.mouse.move(box["x"] + box["width"] / 3 + 50, box["y"] + box["height"] / 2 + 20, steps=3)
    ready.mouse.up()
    left, right = (one.locator(".frame").bounding_box() for one in (first, second))
    origins = [first.bounding_box(), second.bounding_box()]
    assert left
    assert right
    assert origins[0]
    assert origins[1]
    assert left["x"] - origins[0]["x"] == pytest.approx(right["x"] - origins[1]["x"], abs=1)
    ready.keyboard.press("0")
    assert scales(ready) == pytest.approx(before)


def test_holding_shows_the_other_and_the_difference_tells_figures(ready: Page) -> None:
    acting.make(ready)
    compare(ready, "hover")
    tag = stage(ready).locator(".tag")
    ready.mouse.move(5, 5)
    expect(tag).to_have_text("Result")
    stage(ready).locator(".pane").hover()
    expect(tag).to_have_text("Source")
    ready.mouse.move(5, 5)
    expect(tag).to_have_text("Result")
    other = stage(ready).get_by_role("button", name="Show the other")
    other.press("Enter")
    expect(tag).to_have_text("Source")
    compare(ready, "difference")
    expect(stage(ready).get_by_role("status").first).to_contain_text("of the pixels differ", timeout=acting.LONG)
    stage(ready).get_by_label("Amplified").select_option("16")
    expect(stage(ready).get_by_role("status").first).to_contain_text("of the pixels differ", timeout=acting.LONG)
    compare(ready, "off")
    expect(stage(ready).locator("canvas")).to_have_count(0)


def test_two_results_are_compared_with_each_other(ready: Page) -> None:
    acting.make(ready)
    acting.make(ready)
    older = acting.results(ready)[1]
    seed = acting.result_record(ready, older)["seed"]
    compare(ready, "side")
    stage(ready).get_by_role("button", name=re.compile("^Compared with")).click()
    ready.locator(".picker").get_by_role("button", name=f"Result, seed {seed}", exact=True).click()
    images = stage(ready).locator(".pane img")
    expect(images.first).to_have_attribute("src", re.compile(older))
    expect(images.last).to_have_attribute("src", re.compile(acting.results(ready)[0]))


@pytest.mark.parametrize(
    ("item", "mode"),
    [("img2img", "img2img"), ("Sketch", "Sketch"), ("Inpaint", "Inpaint"), ("Inpaint sketch", "Inpaint sketch")],
)
def test_sent_on_mode_picture_and_parent_follow(ready: Page, item: str, mode: str) -> None:
    first = acting.make(ready)
    parent = acting.results(ready)[0]
    before = acting.layers(ready)
    from_menu(ready, "Use as input", item)
    acting.wait_open(ready, before)
    expect(stage(ready)).to_be_hidden()
    expect(ready.get_by_role("radio", name=mode, exact=True)).to_be_checked()
    assert acting.document_size(ready) == first.size
    assert acting.color_at(ready, (150, 80)) == pytest.approx(first.getpixel((150, 80)), abs=1)
    if mode != "img2img":
        acting.stroke(ready, [(40, 40), (120, 50)])
    acting.make(ready)
    record = acting.result_record(ready)
    assert (record["parent"], job_of(ready, record["id"])["parent"]) == (parent, parent)


def test_a_result_is_enlarged_and_opened(ready: Page) -> None:
    acting.make(ready)
    before = acting.layers(ready)
    from_menu(ready, "Use as input", "Enlarge …")
    dialog = ready.get_by_role("dialog", name="Enlarge")
    expect(dialog.get_by_text("becomes")).to_contain_text("400 × 200")
    dialog.get_by_role("button", name="Enlarge", exact=True).click()
    with ready.expect_download() as saved:
        dialog.get_by_role("button", name="Download").click(timeout=acting.LONG)
    assert Image.open(io.BytesIO(saved.value.path().read_bytes())).size == (400, 200)
    dialog.get_by_role("button", name="Open on the canvas").click()
    acting.wait_open(ready, before)
    expect(dialog).to_be_hidden()
    assert acting.document_size(ready) == (400, 200)


def test_parameters_and_seed_of_a_result_come_back_into_the_form(ready: Page) -> None:
    acting.set_prompt(ready, "a fox in the snow")
    acting.set_number(ready, "Denoising strength", 0.31)
    acting.make(ready)
    seed = acting.result_record(ready)["seed"]
    acting.set_prompt(ready, "something else")
    acting.set_number(ready, "Denoising strength", 0.9)
    from_menu(ready, "More", "Use this seed")
    expect(ready.locator("#field-seed")).to_have_value(str(seed))
    from_menu(ready, "More", "Use these parameters")
    expect(ready.locator("#field-prompt")).to_have_value("a fox in the snow")
    expect(ready.locator("#field-strength")).to_have_value("0.31")


def test_a_step_runs_again_with_the_same_and_with_another_seed(ready: Page) -> None:
    first = acting.make(ready)
    from_menu(ready, "More", "Run again, same seed")
    same = acting.result_pixels(ready, acting.wait_results(ready, 2)[0])
    from_menu(ready, "More", "Run again, another seed")
    other = acting.result_pixels(ready, acting.wait_results(ready, 3)[0])
    seeds = [acting.result_record(ready, one)["seed"] for one in acting.results(ready)]
    assert same.tobytes() == first.tobytes()
    assert other.tobytes() != first.tobytes()
    assert seeds[1] == seeds[2] != seeds[0]


def test_a_favorite_is_kept_as_one(ready: Page) -> None:
    acting.make(ready)
    toolbar(ready).get_by_role("button", name="Favorite").click()
    expect(toolbar(ready).get_by_role("button", name="Not a favorite any more")).to_be_visible()
    ready.wait_for_function(
        "async (id) => (await (await fetch(`/api/v1/results/${id}`)).json()).favorite", arg=acting.results(ready)[0]
    )
    ready.keyboard.press("f")
    expect(toolbar(ready).get_by_role("button", name="Favorite", exact=True)).to_be_visible()


def test_delete_can_be_taken_back_and_the_trash_gives_back(ready: Page) -> None:
    acting.make(ready)
    acting.make(ready)
    newest, older = acting.results(ready)
    ready.keyboard.press("Delete")
    expect(ready.locator(f'[data-tour="strip"] [data-id="{newest}"]')).to_have_count(0)
    assert shown_id(ready) == older, "what is beside it comes on the stage"
    acting.notice(ready, "Moved to the trash").get_by_role("button", name="Undo").click()
    expect(ready.locator(f'[data-tour="strip"] [data-id="{newest}"]')).to_have_count(1)
    assert acting.results(ready) == [newest, older]
    assert shown_id(ready) == newest
    assert acting.result_record(ready, newest)["trashed"] is None
    toolbar(ready).get_by_role("button", name="Delete").click()
    expect(ready.locator(acting.STRIP)).to_have_count(1)
    panel = history(ready)
    expect(panel.locator(f'[data-id="{newest}"]')).to_have_count(0)
    panel.get_by_role("button", name="Trash", exact=True).click()
    trashed = panel.locator(f'[data-id="{newest}"]')
    trashed.hover()
    trashed.get_by_role("button", name="Put back").click()
    expect(trashed).to_have_count(0)
    panel.get_by_role("button", name="Trash", exact=True).click()
    expect(panel.locator(f'[data-id="{newest}"]')).to_have_count(1)


def test_the_trash_is_emptied_after_a_question(ready: Page) -> None:
    acting.make(ready)
    gone = acting.results(ready)[0]
    ready.keyboard.press("Delete")
    panel = history(ready)
    panel.get_by_role("button", name="Trash", exact=True).click()
    expect(panel.locator(f'[data-id="{gone}"]')).to_have_count(1)
    panel.get_by_role("button", name="Empty trash").click()
    panel.get_by_role("button", name="Empty trash").click()
    expect(panel.get_by_text("The trash is empty")).to_be_visible()
    assert ready.request.get(f"/api/v1/results/{gone}").status == 404


def test_the_history_is_searched_filtered_scrolled_and_cleared(
    launch: Callable[..., Studio], open_page: Callable[..., Page]
) -> None:
    studio = launch("--engine", "fake")
    ids = make_many(studio, 70, prompt="many squares")
    special = make_many(studio, 1, prompt="a lighthouse at night")[0]
    page = open_page(studio.url)
    acting.begin(page)
    panel = history(page)
    items = panel.locator("[data-id]")
    expect(items).to_have_count(60, timeout=acting.LONG)
    panel.hover()
    for _ in range(3):
        page.mouse.wheel(0, 900)
    expect(items).to_have_count(71, timeout=acting.LONG)
    assert len({one.get_attribute("data-id") for one in items.all()}) == 71
    panel.get_by_label("Search prompts and settings").fill("lighthouse")
    expect(items).to_have_count(1)
    assert items.first.get_attribute("data-id") == special
    items.first.locator(".shot").click()
    expect(stage(page)).to_be_visible()
    toolbar(page).get_by_role("button", name="Favorite").click()
    panel.get_by_role("button", name="Clear the search").click()
    panel.get_by_role("button", name="Favorites only").click()
    expect(items).to_have_count(1)
    panel.get_by_role("button", name="Favorites only").click()
    expect(items).to_have_count(60, timeout=acting.LONG)
    acting.back_to_canvas(page)
    items.nth(1).locator(".shot").click(modifiers=["Control"])
    items.nth(4).locator(".shot").click(modifiers=["Shift"])
    bar = panel.get_by_role("toolbar", name="4 selected")
    chosen = [one.get_attribute("data-id") for one in items.all()[1:5]]
    bar.get_by_role("button", name="Delete").click()
    for one in chosen:
        expect(panel.locator(f'[data-id="{one}"]')).to_have_count(0)
    assert set(chosen) <= set(ids)
    expect(stage(page)).to_be_hidden()
    panel.get_by_label("Search prompts and settings").fill("nothing has this")
    expect(panel.get_by_text("Nothing was found")).to_be_visible()


def test_the_history_is_chosen_from_with_keys(ready: Page, fake_studio: Studio) -> None:
    make_many(fake_studio, 4, prompt="for the keys")
    panel = history(ready)
    panel.get_by_label("Search prompts and settings").fill("for the keys")
    items = panel.locator("[data-id]")
    expect(items).to_have_count(4)
    items.first.locator(".shot").focus()
    ready.keyboard.press("ArrowRight")
    expect(items.nth(1).locator(".shot")).to_be_focused()
    ready.keyboard.press("Space")
    ready.keyboard.press("Shift+ArrowRight")
    panel.get_by_role("toolbar", name="2 selected").wait_for()
    ready.keyboard.press("Delete")
    expect(items).to_have_count(2)
    items.first.locator(".shot").focus()
    ready.keyboard.press("Enter")
    expect(stage(ready)).to_be_visible()


def test_the_tree_shows_three_generations_and_runs_a_step_again(ready: Page) -> None:
    acting.make(ready)
    for _ in range(2):
        before = acting.layers(ready)
        toolbar(ready).get_by_role("button", name="Use as input").first.click()
        acting.wait_open(ready, before)
        acting.make(ready)
    third, second, first = acting.results(ready)
    from_menu(ready, "More", "Where it comes from …")
    dialog = ready.get_by_role("dialog", name="Where this picture comes from")
    expect(dialog.get_by_role("button", name=re.compile("^Step 3"))).to_be_visible()
    assert dialog.locator("img").evaluate_all("(all) => all.map((one) => one.getAttribute('src').split('/')[4])")[
        1:
    ] == [
        first,
        second,
        third,
    ]
    dialog.get_by_role("button", name=re.compile("^Step 2")).click()
    expect(dialog.locator(".self").get_by_role("button", name=re.compile("^Step 2"))).to_be_visible()
    assert shown_id(ready) == second
    dialog.get_by_role("button", name="Run this step again").click()
    again = acting.result_record(ready, acting.wait_results(ready, 4)[0])
    assert again["parent"] == first
    assert again["seed"] == acting.result_record(ready, second)["seed"]
    expect(dialog).to_be_hidden()


def test_picture_and_infotext_are_copied(ready: Page) -> None:
    ready.context.grant_permissions(["clipboard-read", "clipboard-write"])
    acting.set_prompt(ready, "a copied square")
    made = acting.make(ready)
    ready.keyboard.press("Shift+I")
    acting.notice(ready, "Copied").wait_for()
    text = ready.evaluate("() => navigator.clipboard.readText()")
    assert text == acting.result_record(ready)["infotext"]
    assert text.startswith("a copied square")
    acting.dismiss(ready)
    toolbar(ready).get_by_role("button", name="Copy picture").click()
    acting.notice(ready, "Picture copied").wait_for()
    size = ready.evaluate("""async () => {
      const [entry] = await navigator.clipboard.read();
      const bitmap = await createImageBitmap(await entry.getType("image/png"));
      return [bitmap.width, bitmap.height];
    }""")
    assert size == list(made.size)


def test_without_the_clipboard_the_page_says_what_to_do(ready: Page) -> None:
    acting.make(ready)
    ready.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new DOMException('no')); }")
    ready.keyboard.press("Shift+I")
    acting.notice(ready, "The browser does not let the page copy").wait_for()


def test_a_downloaded_result_dropped_on_the_prompt_gives_its_parameters_back(ready: Page, tmp_path: Path) -> None:
    acting.set_prompt(ready, "a turtle on a beach")
    acting.set_number(ready, "Denoising strength", 0.27)
    acting.make(ready)
    with ready.expect_download() as saved:
        toolbar(ready).get_by_role("button", name="Download").click()
    seed = acting.result_record(ready)["seed"]
    assert str(seed) in saved.value.suggested_filename
    saved.value.save_as(tmp_path / "saved.png")
    acting.set_prompt(ready, "")
    acting.set_number(ready, "Denoising strength", 0.9)
    carried = acting.transfer(ready, acting.payload("saved.png", tmp_path / "saved.png"))
    acting.drop_on(ready, ready.locator("#field-prompt"), carried)
    expect(ready.locator("#field-prompt")).to_have_value("a turtle on a beach")
    expect(ready.locator("#field-strength")).to_have_value("0.27")


def test_the_viewer_does_everything_with_keys(ready: Page) -> None:
    acting.make(ready)
    acting.make(ready)
    newest, older = acting.results(ready)
    ready.keyboard.press("Shift+F")
    viewer = ready.get_by_role("dialog", name="Full-screen viewer")
    viewer.wait_for()
    ready.keyboard.press("ArrowRight")
    expect(viewer.locator("img").first).to_have_attribute("src", re.compile(older))
    ready.keyboard.press("Home")
    expect(viewer.locator("img").first).to_have_attribute("src", re.compile(newest))
    ready.keyboard.press("+")
    expect(viewer.locator(".where")).to_contain_text("%")
    ready.keyboard.press("0")
    expect(viewer.locator(".where")).not_to_contain_text("%")
    for key, name in (
        ("c", "Compare with the source"),
        ("i", "Show its settings"),
        ("t", "Show it repeated, to see seams"),
    ):
        ready.keyboard.press(key)
        expect(viewer.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
    ready.keyboard.press("f")
    expect(viewer.get_by_role("button", name="Not a favorite any more")).to_be_visible()
    ready.keyboard.press("b")
    ready.keyboard.press("Delete")
    expect(ready.locator(acting.STRIP)).to_have_count(1)
    ready.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(stage(ready)).to_be_visible()


def test_a_result_that_arrives_while_one_paints_does_not_cover_the_canvas(
    launch: Callable[..., Studio], open_page: Callable[..., Page]
) -> None:
    studio = launch("--engine", "fake", REDRAW_FAKE_STEP="0.3")
    page = open_page(studio.url)
    acting.begin(page)
    acting.choose(page, acting.payload("red.png", SOURCE))
    acting.set_mode(page, "Inpaint")
    acting.stroke(page, [(40, 40), (90, 40)])
    acting.generate(page)
    page.get_by_role("group", name="Results of this visit").wait_for()
    acting.stroke(page, [(40, 60), (90, 70)])
    acting.wait_results(page, 1)
    expect(stage(page)).to_be_hidden()
    acting.click(page, (150, 50))
    page.locator(acting.STRIP).first.locator(".shot").click()
    expect(stage(page)).to_be_visible()
