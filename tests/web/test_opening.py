"""Pictures come in by every door, upright, and what was open is there again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat, PngImagePlugin, features
from playwright.sync_api import Page, expect
from tests.web import acting
from tests.web.conftest import Studio

CORNERS = {"red": (220, 20, 20), "lime": (20, 220, 20), "blue": (20, 20, 220), "yellow": (230, 230, 20)}
A1111 = """a red fox in the snow, <lora:none:0.5>
Negative prompt: blurry, text
Steps: 31, Sampler: Euler a, Schedule type: Karras, CFG scale: 5.5, Seed: 987654321, Size: 384x256, \
Denoising strength: 0.42"""


def quarters(size: tuple[int, int] = (120, 80)) -> Image.Image:
    """A picture with a color of its own in each corner."""
    wide, high = size
    picture = Image.new("RGB", size)
    draw = ImageDraw.Draw(picture)
    for number, color in enumerate(CORNERS.values()):
        left, top = number % 2 * wide // 2, number // 2 * high // 2
        draw.rectangle((left, top, left + wide // 2, top + high // 2), fill=color)
    return picture


def turned(orientation: int, upright: Image.Image) -> bytes:
    """A JPEG that is `upright` once its EXIF orientation is followed."""
    way = Image.Transpose
    stored = {
        2: way.FLIP_LEFT_RIGHT,
        3: way.ROTATE_180,
        4: way.FLIP_TOP_BOTTOM,
        5: way.TRANSPOSE,
        6: way.ROTATE_90,
        7: way.TRANSVERSE,
        8: way.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = upright.transpose(stored[orientation]) if orientation in stored else upright
    return acting.encoded(picture, "JPEG", quality=95, exif=exif)


def nearest(color: tuple[int, ...]) -> str:
    """Which of the corners' colors this is."""
    return min(CORNERS, key=lambda name: sum(abs(a - b) for a, b in zip(CORNERS[name], color, strict=True)))


def corners(page: Page) -> list[str]:
    """Names of the colors in the document's corners, as they are read."""
    wide, high = acting.document_size(page) or (0, 0)
    return [nearest(acting.color_at(page, (x, y))) for y in (5, high - 5) for x in (5, wide - 5)]


def open_title(page: Page, name: str) -> None:
    """Wait until the page says that this file is open."""
    expect(page).to_have_title(f"{name} – Redraw")


def test_the_first_visit_shows_an_example_and_a_tour_and_one_click_redraws_it(page: Page) -> None:
    acting.wait_form(page)
    tour = page.get_by_role("dialog")
    tour.get_by_role("heading", name="Your picture").wait_for(timeout=acting.LONG)
    seen = []
    for _ in range(4):
        seen.append(tour.get_by_role("heading").inner_text())
        tour.get_by_role("button", name=re.compile("^(Next|Start)$")).click()
    tour.wait_for(state="detached")
    assert len(set(seen)) == 4
    open_title(page, "demo.png")
    assert page.locator("#field-prompt").input_value() != ""
    source = Image.open(acting.DEMO).convert("RGB")
    made = acting.make(page)
    expect(page.get_by_role("region", name="Result").first).to_be_visible()
    assert made.size == source.size
    assert max(ImageStat.Stat(ImageChops.difference(made, source)).mean) > 2


def test_the_second_visit_has_no_tour_and_the_canvas_of_before(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page)
    acting.choose(page, acting.payload("red.png", acting.png("red", (200, 100))))
    acting.wait_kept(page, "picture red.png")
    second = page.context.new_page()
    second.goto("/")
    acting.wait_form(second)
    acting.wait_open(second)
    open_title(second, "red.png")
    assert (acting.document_size(second), acting.color_at(second, (20, 20))) == ((200, 100), (255, 0, 0))
    assert second.get_by_role("dialog").count() == 0


def test_a_refresh_brings_back_layers_mask_sketch_mode_and_form(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page)
    acting.choose(page, acting.payload("grey.png", acting.png("grey", (240, 160))))
    page.get_by_role("tab", name="Layers").click()
    before_layer = acting.layers(page)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("tabpanel").get_by_role("button", name="Add picture").click()
    chooser.value.set_files(acting.payload("sticker.png", acting.png("blue", (60, 60))))
    acting.wait_open(page, before_layer)
    acting.set_mode(page, "Inpaint")
    acting.stroke(page, [(30, 30), (80, 40)])
    acting.set_mode(page, "Sketch")
    acting.stroke(page, [(180, 120), (220, 130)])
    acting.set_prompt(page, "a house with a red door")
    acting.set_number(page, "Denoising strength", 0.33)
    acting.wait_kept(page, "picture grey.png", "pasted sticker.png", "mask", "sketch")
    kinds: tuple[acting.Kind, ...] = ("picture", "pasted", "sketch", "mask")
    before = {kind: acting.layer_pixels(page, kind) for kind in kinds}
    assert all(before.values())
    page.reload()
    acting.wait_form(page)
    acting.wait_open(page)
    for kind in kinds:
        after = acting.layer_pixels(page, kind)
        assert after is not None, kind
        assert after.tobytes() == before[kind].tobytes(), kind  # type: ignore[union-attr]
    expect(page.get_by_role("radio", name="Sketch", exact=True)).to_be_checked()
    expect(page.locator("#field-prompt")).to_have_value("a house with a red door")
    expect(page.locator("#field-strength")).to_have_value("0.33")


def test_back_and_forward_do_not_lose_the_canvas(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page)
    acting.choose(page, acting.payload("red.png", acting.png("red", (200, 100))))
    acting.wait_kept(page, "picture red.png")
    page.goto("/api/v1/styles")
    page.go_back()
    acting.wait_open(page)
    open_title(page, "red.png")
    assert acting.color_at(page, (20, 20)) == (255, 0, 0)


def test_a_drop_opens_a_picture_or_lays_it_on_the_one_that_is_open(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page, empty=True)
    acting.drop(page, acting.payload("red.png", acting.png("red", (200, 100))), zone="Open")
    acting.wait_open(page)
    open_title(page, "red.png")
    assert page.locator(".zone").count() == 0
    before = acting.layers(page)
    acting.drop(page, acting.payload("dot.png", acting.png("blue", (40, 40))), zone="Add as layer")
    acting.wait_open(page, before)
    open_title(page, "red.png")
    assert acting.color_at(page, (100, 50)) == (0, 0, 255)
    before = acting.layers(page)
    acting.drop(page, acting.payload("lime.png", acting.png("lime", (80, 90))), zone="Open")
    acting.wait_open(page, before)
    open_title(page, "lime.png")
    page.keyboard.press("Control+z")
    open_title(page, "red.png")


def test_a_drop_beside_every_zone_still_leads_to_the_canvas(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page, empty=True)
    acting.drop(page, acting.payload("red.png", acting.png("red", (200, 100))), zone=None)
    acting.wait_open(page)
    acting.set_mode(page, "Inpaint")
    half = Image.new("L", (200, 100), 0)
    half.paste(255, (100, 0, 200, 100))
    acting.drop(page, acting.payload("mask.png", acting.encoded(half)), zone="Use as mask")
    page.wait_for_function("() => window.redraw.engine().hasMask")
    mask = acting.layer_pixels(page, "mask")
    assert mask is not None
    assert (mask.getpixel((30, 50))[3], mask.getpixel((170, 50))[3]) == (0, 255)  # type: ignore[index]


def test_a_paste_opens_a_picture_or_lays_it_on_with_the_other_choice_at_hand(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page, empty=True)
    acting.paste(page, acting.payload("image.png", acting.png("red", (200, 100))))
    acting.wait_open(page)
    assert acting.color_at(page, (20, 20)) == (255, 0, 0)
    acting.paste(page, acting.payload("image.png", acting.png("blue", (50, 50))))
    message = acting.notice(page, "Added as a layer")
    message.wait_for()
    assert [acting.color_at(page, at) for at in ((20, 20), (100, 50))] == [(255, 0, 0), (0, 0, 255)]
    message.get_by_role("button", name="Open it as the picture").click()
    page.wait_for_function("() => window.redraw.engine().size.width === 50")
    assert acting.color_at(page, (20, 20)) == (0, 0, 255)


def test_the_clipboard_is_read_by_a_button_too_if_the_browser_lets_it(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page, empty=True)
    page.get_by_role("region", name="Open a picture").get_by_role("button", name="Paste").click()
    acting.notice(page, "Press Ctrl+V instead").wait_for()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async () => {
      const sheet = new OffscreenCanvas(70, 50), graphics = sheet.getContext("2d");
      graphics.fillStyle = "#00ff00";
      graphics.fillRect(0, 0, 70, 50);
      await navigator.clipboard.write([new ClipboardItem({ "image/png": await sheet.convertToBlob() })]);
    }"""
    )
    page.get_by_role("region", name="Open a picture").get_by_role("button", name="Paste").click()
    acting.wait_open(page)
    assert (acting.document_size(page), acting.color_at(page, (9, 9))) == ((70, 50), (0, 255, 0))


def test_photographs_appear_upright_whatever_way_the_camera_was_held(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page, empty=True)
    found = {}
    for orientation in range(1, 9):
        before = acting.layers(page)
        acting.drop(page, acting.payload(f"{orientation}.jpg", turned(orientation, quarters()), "image/jpeg"))
        acting.wait_open(page, before)
        open_title(page, f"{orientation}.jpg")
        found[orientation] = (acting.document_size(page), corners(page))
    assert found == {orientation: ((120, 80), list(CORNERS)) for orientation in range(1, 9)}


def test_the_result_of_a_turned_photograph_is_upright_too(page: Page) -> None:
    acting.begin(page, empty=True)
    acting.drop(page, acting.payload("6.jpg", turned(6, quarters((192, 128))), "image/jpeg"))
    acting.wait_open(page)
    acting.set_number(page, "Denoising strength", 0)
    made = acting.make(page)
    wide, high = made.size
    assert (wide, high) == (192, 128)
    seen = [made.getpixel((x, y)) for y in (high // 5, high * 4 // 5) for x in (wide // 5, wide * 4 // 5)]
    assert [nearest(one) for one in seen] == list(CORNERS)  # type: ignore[arg-type]


def kinds_of_files() -> dict[str, tuple[bytes, tuple[int, int, int] | None]]:
    """Files by name, with the color that the middle shows; None where it shows none, or one of the profile's."""
    red, size = (200, 30, 40), (64, 48)
    plain = Image.new("RGB", size, red)
    files: dict[str, tuple[bytes, tuple[int, int, int] | None]] = {
        "alpha.png": (acting.png((200, 30, 40, 255), size, "RGBA"), red),
        "clear.png": (acting.png((200, 30, 40, 0), size, "RGBA"), None),
        "deep.png": (acting.encoded(Image.new("I;16", size, 0x8080)), (128, 128, 128)),
        "grey-alpha.png": (acting.png((90, 255), size, "LA"), (90, 90, 90)),
        "print.jpg": (acting.encoded(Image.new("CMYK", size, (0, 255, 255, 0)), "JPEG", quality=95), None),
        "scan.tif": (acting.encoded(plain, "TIFF"), red),
        "web.webp": (acting.encoded(plain, "WEBP", lossless=True), red),
        "old.gif": (acting.encoded(plain.quantize(4), "GIF"), red),
        "bits.bmp": (acting.encoded(plain, "BMP"), red),
    }
    if features.check("avif"):
        files["small.avif"] = (acting.encoded(plain, "AVIF", quality=95), red)
    return files


def test_every_kind_of_picture_file_opens(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page, empty=True)
    for name, (content, color) in kinds_of_files().items():
        before = acting.layers(page)
        acting.drop(page, acting.payload(name, content, ""))
        acting.wait_open(page, before)
        open_title(page, name)
        assert acting.document_size(page) == (64, 48), name
        if color is not None:
            seen = acting.color_at(page, (30, 20))
            assert max(abs(a - b) for a, b in zip(seen, color, strict=True)) <= 4, (name, seen)
        if name == "print.jpg":
            seen = acting.color_at(page, (30, 20))
            assert seen[0] > seen[1] + 100, seen
    assert page.get_by_role("alert").count() == 0


def test_a_blank_canvas_has_the_size_and_color_one_asks_for(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page, empty=True)
    acting.menu(page, "Blank canvas…")
    dialog = page.get_by_role("dialog", name="Blank canvas")
    dialog.get_by_label("Width").fill("5")
    expect(dialog.get_by_role("alert")).to_contain_text("from 8 to")
    expect(dialog.get_by_role("button", name="Create")).to_be_disabled()
    dialog.get_by_label("Width").fill("320")
    dialog.get_by_label("Height").fill("200")
    dialog.get_by_label("Color").fill("#336699")
    dialog.get_by_role("button", name="Create").click()
    acting.wait_open(page)
    assert (acting.document_size(page), acting.color_at(page, (160, 100))) == ((320, 200), (0x33, 0x66, 0x99))
    assert acting.make(page).size == (320, 200)


def test_the_history_opens_a_picture_as_the_next_input_and_close_leaves_nothing(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page)
    made = acting.make(page)
    page.reload()
    acting.wait_form(page)
    page.get_by_role("tab", name="History").click()
    page.get_by_role("tabpanel").locator("[data-id] .shot").first.click()
    page.get_by_role("button", name="Use as input", exact=True).first.click()
    page.locator(".result-stage").wait_for(state="detached")
    acting.wait_open(page)
    open_ = acting.layer_pixels(page, "picture")
    assert open_ is not None
    assert open_.convert("RGB").tobytes() == made.tobytes()
    acting.menu(page, "Close the picture")
    page.get_by_role("heading", name="Drop a picture here").wait_for()
    expect(page).to_have_title("Redraw")
    assert acting.document_size(page) is None


def read_values(page: Page) -> dict[str, Any]:
    """What the form says of the fields that the infotext has."""
    values: dict[str, Any] = {}
    for name in ("prompt", "negative_prompt", "steps", "seed", "width", "height", "cfg_scale", "strength"):
        field = page.locator(f"#field-{name}")
        values[name] = field.input_value()
    for name in ("sampler", "scheduler"):
        values[name] = page.locator(f"#field-{name}").evaluate("(one) => one.selectedOptions[0].text")
    return values


READ = {
    "prompt": "a red fox in the snow, <lora:none:0.5>",
    "negative_prompt": "blurry, text",
    "steps": "31",
    "seed": "987654321",
    "width": "384",
    "height": "256",
    "cfg_scale": "5.5",
    "strength": "0.42",
    "sampler": "Euler a",
    "scheduler": "Karras",
}


def a1111_png() -> bytes:
    """A picture as A1111 saves it."""
    told = PngImagePlugin.PngInfo()
    told.add_text("parameters", A1111)
    return acting.encoded(Image.new("RGB", (48, 32), "teal"), pnginfo=told)


@pytest.mark.parametrize(("name", "kind"), [("fox.png", "image/png"), ("fox.txt", "text/plain")])
def test_a_file_dropped_on_the_prompt_fills_the_form(fake_page: Page, name: str, kind: str) -> None:
    page = fake_page
    acting.begin(page)
    content = a1111_png() if kind == "image/png" else A1111.encode()
    acting.drop_on(page, page.locator("#field-prompt"), acting.transfer(page, acting.payload(name, content, kind)))
    message = acting.notice(page, "Parameters were read")
    message.wait_for()
    assert read_values(page) == READ
    open_title(page, "demo.png")
    message.get_by_role("button", name="Undo").click()
    expect(page.locator("#field-prompt")).to_have_value("a castle on a meadow")


def test_the_drop_view_shows_what_a_picture_says_of_itself(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page)
    acting.menu(page, "Read a picture's parameters…")
    dialog = page.get_by_role("dialog", name="Parameters of a picture")
    acting.drop_on(page, dialog.locator(".drop"), acting.transfer(page, acting.payload("fox.png", a1111_png())))
    table = dialog.get_by_role("table").first
    for word in ("987654321", "Euler a", "5.5", "0.42"):
        expect(table).to_contain_text(word)
    expect(dialog).to_contain_text("a red fox in the snow")
    expect(page.locator("#field-prompt")).to_have_value("a castle on a meadow")
    dialog.get_by_role("button", name="Use prompt only").click()
    expect(page.locator("#field-prompt")).to_have_value(READ["prompt"])
    expect(page.locator("#field-strength")).to_have_value("0.7")


def test_settings_travel_as_a_file(
    fake_page: Page, open_page: Callable[..., Page], fake_studio: Studio, tmp_path: Path
) -> None:
    page = fake_page
    acting.begin(page)
    acting.set_prompt(page, "two boats")
    acting.set_mode(page, "Inpaint")
    page.get_by_role("button", name="Settings", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name="Export").click()
    download.value.save_as(tmp_path / "redraw-studio.json")
    other = open_page(fake_studio.url)
    acting.begin(other)
    other.get_by_role("button", name="Settings", exact=True).click()
    for path, text in (
        (acting.DEMO, "This is no file of settings"),
        (tmp_path / "redraw-studio.json", "Settings were imported"),
    ):
        with other.expect_file_chooser() as chooser:
            other.get_by_role("dialog").get_by_role("button", name="Import").click()
        chooser.value.set_files(path)
        acting.notice(other, text).wait_for()
    other.keyboard.press("Escape")
    expect(other.locator("#field-prompt")).to_have_value("two boats")
    expect(other.get_by_role("radio", name="Inpaint", exact=True)).to_be_checked()
