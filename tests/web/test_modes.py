"""Every mode sends what was painted, chosen and set, and what must stay as it was keeps every bit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, PngImagePlugin
from playwright.sync_api import Page, expect
from tests.web import acting
from tests.web.conftest import ROOT

DEMO = ROOT / "src" / "redraw" / "starter" / "demo.png"
RED = (229, 72, 77)


def scene(size: tuple[int, int] = (256, 192)) -> Image.Image:
    """A piece of the example, so that the model has something to see."""
    return Image.open(DEMO).convert("RGB").resize(size, Image.Resampling.LANCZOS)


def opened(page: Page, picture: Image.Image | None = None, mode: str = "img2img", **options: Any) -> Image.Image:
    """Begin with a picture and a mode; the picture."""
    acting.begin(page, empty=True)
    page.get_by_role("button", name="Reset all fields").click()
    shown = picture or scene()
    acting.choose(page, acting.payload("scene.png", acting.encoded(shown, **options)))
    acting.set_mode(page, mode)
    return shown


def quick(page: Page, steps: int = 4, seed: int = 7) -> None:
    """Ask for few steps and a seed, so that the starter model is soon done."""
    acting.set_prompt(page, "a castle on a meadow")
    acting.set_field(page, "steps", steps)
    acting.set_field(page, "seed", seed)


def array(picture: Image.Image, kind: str = "RGB") -> NDArray[np.int16]:
    """A picture's numbers."""
    return np.asarray(picture.convert(kind)).astype(np.int16)


def reach(mask: Image.Image, sigma: float) -> NDArray[np.bool_]:
    """Where a mask's blur may reach."""
    far = int(2.5 * sigma + 0.5)
    return np.asarray(mask.convert("L").filter(ImageFilter.MaxFilter(2 * far + 1))) > 0


def test_img2img_redraws_the_whole_picture(page: Page) -> None:
    shown = opened(page)
    quick(page)
    job, request = acting.send(page)
    assert set(request) == {"images", "prompt", "steps", "seed"}
    made = acting.wait_job(page, job)
    assert made.size == shown.size
    changed = np.abs(array(made) - array(shown)).max(axis=2) > 2
    assert changed.mean() > 0.5


def test_a_stroke_of_the_sketch_is_in_the_picture_that_is_drawn(page: Page) -> None:
    shown = opened(page, mode="Sketch")
    quick(page)
    plain = acting.make(page)
    acting.back_to_canvas(page)
    acting.set_color(page, "#e5484d")
    acting.set_brush(page, "Size", 40)
    acting.stroke(page, [(60, 60), (200, 60)])
    job, request = acting.send(page)
    paint = acting.stored(page, request["paint"])
    assert "mask" not in request
    assert (paint.mode, paint.size) == ("RGBA", shown.size)
    assert paint.getpixel((130, 60)) == (*RED, 255)
    assert paint.getpixel((130, 150))[3] == 0  # type: ignore[index]
    assert acting.stored(page, request["images"][0]).convert("RGB").tobytes() == shown.tobytes()
    made = acting.wait_job(page, job)
    apart = np.abs(array(made) - array(plain)).max(axis=2)
    assert apart[40:80, 80:180].mean() > apart[150:, :].mean()


def test_inpaint_changes_what_is_masked_and_nothing_else(page: Page) -> None:
    shown = opened(page, mode="Inpaint")
    quick(page)
    acting.set_brush(page, "Size", 60)
    acting.stroke(page, [(90, 90), (150, 100)])
    job, request = acting.send(page)
    assert {"images", "mask"} <= set(request)
    assert "paint" not in request
    mask = acting.stored(page, request["mask"]).convert("L")
    assert (mask.size, mask.getpixel((120, 95)), mask.getpixel((10, 10))) == (shown.size, 255, 0)
    apart = np.abs(array(acting.wait_job(page, job)) - array(shown)).max(axis=2)
    outside = ~reach(mask, 4)
    assert outside.mean() > 0.3
    assert int(apart[outside].max()) == 0, "outside of the mask's reach something changed"
    assert (apart[np.asarray(mask) == 255] > 2).mean() > 0.4


def test_inpaint_sketch_redraws_what_was_painted_with_its_colors(page: Page) -> None:
    shown = opened(page, mode="Inpaint sketch")
    quick(page)
    acting.set_color(page, "#e5484d")
    acting.set_brush(page, "Size", 50)
    acting.stroke(page, [(90, 90), (150, 100)])
    acting.set_brush(page, "Mask transparency", 25)
    job, request = acting.send(page)
    assert (request["paint_is_mask"], request["mask_transparency"]) == (True, 25)
    assert "mask" not in request
    painted = acting.stored(page, request["paint"])
    assert painted.getpixel((120, 95)) == (*RED, 255)
    apart = np.abs(array(acting.wait_job(page, job)) - array(shown)).max(axis=2)
    assert int(apart[~reach(painted.getchannel("A"), 4)].max()) == 0
    assert (apart[np.asarray(painted.getchannel("A")) == 255] > 2).mean() > 0.4


def test_the_greys_of_a_mask_from_a_file_are_sent(page: Page) -> None:
    shown = opened(page, mode="Inpaint upload")
    quick(page)
    grey = Image.linear_gradient("L").resize(shown.size)
    grey.paste(0, (0, 0, 256, 60))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Load mask file").first.click()
    chooser.value.set_files(acting.payload("mask.png", acting.encoded(grey)))
    page.wait_for_function("() => window.redraw.engine().hasMask")
    job, request = acting.send(page)
    assert {"images", "mask"} <= set(request)
    mask = acting.stored(page, request["mask"]).convert("L")
    assert int(np.abs(array(mask, "L") - array(grey, "L")).max()) <= 1
    assert len(np.unique(np.asarray(mask))) > 100
    apart = np.abs(array(acting.wait_job(page, job)) - array(shown)).max(axis=2)
    assert int(apart[~reach(mask, 4)].max()) == 0
    assert (apart[170:] > 2).mean() > 0.4


def test_txt2img_sends_no_picture(page: Page) -> None:
    acting.begin(page, empty=True)
    page.get_by_role("button", name="Reset all fields").click()
    acting.set_mode(page, "txt2img")
    quick(page)
    acting.set_field(page, "width", 128)
    acting.set_field(page, "height", 96)
    job, request = acting.send(page)
    assert request == {"prompt": "a castle on a meadow", "steps": 4, "seed": 7, "width": 128, "height": 96}
    assert acting.wait_job(page, job).size == (128, 96)
    assert acting.result_record(page)["kind"] == "txt2img"


def painted(color: str, size: tuple[int, int], parameters: str | None = None) -> bytes:
    """A PNG of one color that may tell how it was made."""
    told = PngImagePlugin.PngInfo()
    if parameters is not None:
        told.add_text("parameters", parameters)
    return acting.encoded(Image.new("RGB", size, color), pnginfo=told)


def batch_of(page: Page, files: dict[str, bytes], masks: dict[str, bytes]) -> None:
    """Put files and masks into the batch by its buttons."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Pictures…").click()
    chooser.value.set_files([acting.payload(name, file) for name, file in files.items()])
    page.locator("summary", has_text="Masks").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Masks…", exact=True).click()
    chooser.value.set_files([acting.payload(name, file) for name, file in masks.items()])
    expect(page.locator("summary", has_text="Masks")).to_contain_text(str(len(masks)))


def batch_jobs(page: Page, count: int) -> dict[str, dict[str, Any]]:
    """Start the batch; the jobs' requests by the name of their picture."""
    before = {job["id"] for job in acting.jobs(page)}
    page.get_by_role("button", name=f"Start {count} picture").click()
    acting.wait_until(
        page,
        "async ([known, count]) => (await (await fetch('/api/v1/jobs?limit=100')).json()).items"
        ".filter((one) => one.state === 'done' && !known.includes(one.id)).length === count",
        [list(before), count],
    )
    new = [job for job in acting.jobs(page) if job["id"] not in before]
    assert len(new) == count
    return {job["request"]["images"][0]["name"]: job for job in new}


def test_a_batch_redraws_each_file_at_its_own_size_with_its_own_mask_and_parameters(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page, empty=True)
    page.get_by_role("button", name="Reset all fields").click()
    acting.set_mode(page, "Batch")
    acting.set_prompt(page, "a house")
    told = "a red fox\nNegative prompt: text\nSteps: 9, Sampler: Euler a, CFG scale: 5, Seed: 1234, Size: 64x64"
    files = {
        "one.png": painted("red", (96, 64), told),
        "two.png": painted("lime", (64, 80)),
        "three.png": painted("blue", (72, 72)),
    }
    page.locator("summary", has_text="PNG info").click()
    page.get_by_label("Use each picture's own parameters").check()
    page.get_by_label("Seed", exact=True).and_(page.locator("[type=checkbox]")).check()
    batch_of(page, files, {f"{stem}.png": acting.png("white", (8, 8), "L") for stem in ("one", "two")})
    found = batch_jobs(page, 2)
    assert set(found) == {"one.png", "two.png"}, "a picture without its mask is left out"
    assert {name: job["request"]["mask"]["name"] for name, job in found.items()} == {
        "one.png": "one.png",
        "two.png": "two.png",
    }
    assert found["one.png"]["request"]["prompt"] == "a house a red fox"
    assert found["one.png"]["request"]["negative_prompt"] == "text"
    assert found["one.png"]["request"]["seed"] == 1234
    assert "steps" not in found["one.png"]["request"]
    assert found["two.png"]["request"]["prompt"] == "a house"
    assert found["two.png"]["request"]["seed"] != 1234
    page.get_by_role("button", name="Use no masks").click()
    rest = batch_jobs(page, 1)
    assert "mask" not in rest["three.png"]["request"]
    found |= rest
    sizes = {
        name: acting.result_pixels(page, page.request.get(f"/api/v1/jobs/{job['id']}/results").json()[0]["id"]).size
        for name, job in found.items()
    }
    assert sizes == {"one.png": (96, 64), "two.png": (64, 80), "three.png": (72, 72)}
    assert set(batch_jobs(page, 3)) == set(found), "what was sent can be sent again"


def masked(page: Page, *, size: int = 40) -> None:
    """Choose the inpaint mode and mask a disc in the middle of the scene."""
    acting.set_mode(page, "Inpaint")
    acting.set_brush(page, "Size", size)
    acting.stroke(page, [(120, 95), (130, 95)])


def sent_mask(page: Page) -> NDArray[np.uint8]:
    """What is sent as the mask now."""
    return np.asarray(acting.stored(page, acting.sent(page)["mask"]).convert("L"))


def test_the_close_up_is_shown_and_sent(fake_page: Page) -> None:
    page = fake_page
    opened(page)
    masked(page)
    page.mouse.move(5, 5)
    plain = drawn(page)
    acting.choose_option(page, "only_masked", "Only masked")
    wait_drawn(page, plain)
    near = drawn(page)
    acting.set_field(page, "padding", 48)
    wait_drawn(page, near)
    request = acting.sent(page)
    assert (request["only_masked"], request["padding"]) == (True, 48)
    acting.choose_option(page, "only_masked", "Whole picture")
    wait_drawn(page, plain, same=True)
    assert "only_masked" not in acting.sent(page)


def wait_drawn(page: Page, was: str, *, same: bool = False) -> None:
    """Wait until the canvas on the screen looks otherwise than it did, or just as it did."""
    page.wait_for_function(f"([was, same]) => (({DRAWN})() === was) === same", arg=[was, same])


DRAWN = "() => [...document.querySelectorAll('.canvas-stage canvas')].map((one) => one.toDataURL()).join()"


def drawn(page: Page) -> str:
    """The stage as it is drawn now, with everything that helps."""
    found: str = page.evaluate(DRAWN)
    return found


def test_only_masked_leaves_the_rest_as_it_was(page: Page) -> None:
    shown = opened(page)
    quick(page)
    masked(page, size=50)
    acting.choose_option(page, "only_masked", "Only masked")
    job, request = acting.send(page)
    assert request["only_masked"] is True
    made = acting.wait_job(page, job, 180_000)
    mask = acting.stored(page, request["mask"]).convert("L")
    apart = np.abs(array(made) - array(shown)).max(axis=2)
    assert int(apart[~reach(mask, 4)].max()) == 0
    assert (apart[np.asarray(mask) == 255] > 2).mean() > 0.4


TRIED = f"""async (slider, plain) => {{
  const frame = () => new Promise(requestAnimationFrame);
  const isPlain = () => ({DRAWN})() === plain;
  slider.value = "512";
  slider.dispatchEvent(new Event("input", {{ bubbles: true }}));
  const begun = performance.now();
  while (isPlain() && performance.now() - begun < 10000) await frame();
  if (isPlain()) return 0;
  while (!isPlain() && performance.now() - begun < 60000) await frame();
  return (performance.now() - begun) / 1000;
}}"""
"""Move a size's slider; for how many seconds the canvas looks otherwise than before."""


def test_the_outline_of_the_new_proportions_shows_while_a_size_is_tried(fake_page: Page) -> None:
    page = fake_page
    opened(page)
    page.get_by_text("Resize to", exact=True).click()
    page.mouse.move(5, 5)
    plain = drawn(page)
    seconds = page.locator('[data-field="width"] input[type=range]').evaluate(TRIED, plain)
    assert 1.5 < seconds < 60, "the outline has to be seen for a while, and then to go"
    request = acting.sent(page)
    assert (request["width"], request["height"]) == (512, 192)
    assert "scale" not in request
    acting.back_to_canvas(page)
    page.get_by_text("Resize by", exact=True).click()
    acting.set_field(page, "scale", 1.5)
    request = acting.sent(page)
    assert request["scale"] == 1.5
    assert "width" not in request
    acting.back_to_canvas(page)
    page.get_by_text("As picture", exact=True).click()
    assert not {"scale", "width", "height"} & set(acting.sent(page))


def test_the_mask_buttons_change_what_is_sent(fake_page: Page) -> None:
    page = fake_page
    opened(page)
    masked(page)
    plain = sent_mask(page)
    acting.back_to_canvas(page)

    def change(press: Callable[[], None]) -> NDArray[np.uint8]:
        press()
        made = sent_mask(page)
        acting.back_to_canvas(page)
        acting.undo(page)
        return made

    def by_menu(name: str) -> Callable[[], None]:
        def press() -> None:
            page.get_by_role("button", name="Mask", exact=True).click()
            page.get_by_role("dialog").get_by_role("spinbutton").fill("6")
            page.get_by_role("button", name=name, exact=True).click()
            acting.close_popup(page)

        return press

    inverted = change(page.get_by_role("button", name="Invert the mask").click)
    assert (inverted == 255 - plain).all()
    grown, shrunk = change(by_menu("Grow")), change(by_menu("Shrink"))
    assert (shrunk > 0).sum() < (plain > 0).sum() < (grown > 0).sum()
    assert grown[95, 120 - 20 - 4] == 255
    assert plain[95, 120 - 20 - 4] == 0
    soft = change(by_menu("Feather"))
    assert len(np.unique(soft)) > len(np.unique(plain))
    page.get_by_role("button", name="Clear the mask").click()
    acting.generate(page)
    acting.notice(page, "There is no mask yet").wait_for()
    assert page.evaluate("() => [scrollY, document.documentElement.scrollHeight - innerHeight]") == [0, 0]
    acting.undo(page)
    assert (sent_mask(page) == plain).all()


def test_a_mask_can_be_given_by_numbers(fake_page: Page) -> None:
    page = fake_page
    opened(page, mode="Inpaint")
    page.get_by_role("button", name="Mask by numbers").click()
    window = page.get_by_role("dialog")
    for label, number in {"Left": 20, "Top": 30, "Width": 100, "Height": 50}.items():
        window.get_by_label(label).fill(str(number))
    window.get_by_role("button", name="Add to mask").click()
    acting.close_popup(page)
    mask = sent_mask(page)
    assert (mask[30:80, 20:120] == 255).all()
    assert int((mask > 0).sum()) == 100 * 50


def test_a_part_that_was_cut_out_is_redrawn_and_put_back_at_its_place(fake_page: Page) -> None:
    page = fake_page
    shown = opened(page)
    acting.tool(page, "Region")
    acting.stroke(page, [(40, 32), (168, 128)])
    page.get_by_role("button", name="Work on this part").click()
    assert acting.document_size(page) == (128, 96)
    part = acting.make(page)
    assert part.size == (128, 96)
    page.get_by_role("button", name="Use as input", exact=True).first.click()
    page.locator(".result-stage").wait_for(state="detached")
    page.get_by_role("button", name="Put back").click()
    assert acting.document_size(page) == shown.size
    whole = acting.layer_pixels(page, "picture")
    assert whole is not None
    wanted = shown.copy()
    wanted.paste(part, (40, 32))
    assert int(np.abs(array(whole) - array(wanted)).max()) == 0


def test_the_request_has_styles_and_advanced_fields_and_leaves_defaults_out(fake_page: Page) -> None:
    page = fake_page
    page.request.put(
        "/api/v1/styles/Ink", data={"prompt": "{prompt}, ink", "negative_prompt": "photo"}, headers={"x-redraw": "1"}
    )
    page.reload()
    opened(page)
    acting.set_prompt(page, "a tree")
    request = acting.sent(page)
    assert set(request) == {"images", "prompt"}
    acting.back_to_canvas(page)
    page.get_by_role("button", name="Add style").click()
    page.get_by_role("menuitem", name="Ink").click()
    acting.set_field(page, "seed", 18446744073709551557)
    page.get_by_role("button", name="Choose fields").click()
    dialog = page.get_by_role("dialog", name="Choose fields")
    dialog.get_by_placeholder(re.compile("Search")).or_(dialog.get_by_label("Search settings")).first.fill("Tiling")
    dialog.get_by_role("checkbox", name=re.compile("^Tiling")).check()
    dialog.get_by_role("button", name="Done").click()
    page.locator("#field-tiling").click()
    acting.set_field(page, "strength", 0.5)
    job, request = acting.send(page)
    assert (request["prompt"], request["negative_prompt"]) == ("a tree, ink", "photo")
    assert (request["tiling"], request["strength"], int(request["seed"])) == (True, 0.5, 18446744073709551557)
    record = page.request.get(f"/api/v1/jobs/{job}").json()["request"]
    assert record["seed"] == 18446744073709551557
    acting.set_field(page, "strength", 0.75)
    assert "strength" not in acting.sent(page)


def test_a_second_picture_is_sent_as_its_own_file_also_after_undo_and_a_refresh(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page, empty=True)
    files = {"a.tif": Image.new("RGB", (96, 64), "red"), "b.tif": Image.new("RGB", (64, 96), "lime")}

    def named() -> str:
        image = acting.sent(page)["images"][0]
        acting.stored(page, image)
        name: str = image["name"]
        return name

    for name, picture in files.items():
        acting.choose(page, acting.payload(name, acting.encoded(picture, "TIFF"), "image/tiff"))
    uploads: list[str] = []
    page.on("request", lambda one: uploads.append(one.url) if one.url.endswith("/api/v1/pictures") else None)
    assert named() == "b.tif"
    acting.back_to_canvas(page)
    acting.undo(page)
    assert named() == "a.tif"
    acting.wait_until(page, _KEPT, "a.tif")
    page.reload()
    acting.wait_form(page)
    acting.wait_open(page)
    assert named() == "a.tif"
    assert uploads == []
    page.get_by_role("tab", name="Layers").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add picture").click()
    chooser.value.set_files(acting.payload("on-top.png", acting.png("blue", (20, 20))))
    page.wait_for_function("() => window.redraw.engine().layers.length > 1")
    assert named() == "picture.png"


_KEPT = """async (name) => {
  const asked = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  const database = await asked(indexedDB.open("redraw"));
  const all = await asked(database.transaction("canvas").objectStore("canvas").getAll());
  database.close();
  return all.some((one) => one.picture?.name === name && one.document.layers[0].name === name);
}"""
