"""What goes wrong is said on the page, with what to do next; nothing painted is lost by it."""

from __future__ import annotations

import json
import re
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, expect
from tests.web import acting
from tests.web.conftest import ROOT, SHOTS, Studio, Trouble, start

STARTER = ROOT / "src" / "redraw" / "starter" / "redraw-starter.safetensors"
BIG = """(size) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(size)], "big.png", { type: "image/png" }));
  return transfer;
}"""
LOST = r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED|ERR_ABORTED|ERR_FAILED"


def shot(page: Page, name: str) -> None:
    """Keep what the page looks like, for the eyes of those who work on it."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"trouble-{name}.png")


def alert(page: Page, title: str, timeout: float = 30_000) -> Locator:
    """The error of this title, awaited."""
    found = page.get_by_role("region", name="Messages").get_by_role("alert").filter(has_text=title)
    found.first.wait_for(timeout=timeout)
    return found.first


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int) -> bytes:
    """A PNG of few bytes that would be side x side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    data = b"".join(rows.compress(row) for _ in range(side)) + rows.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def painted(page: Page) -> bytes:
    """The mask's pixels."""
    mask = acting.layer_pixels(page, "mask")
    assert mask is not None
    return mask.tobytes()


def begin_masked(page: Page) -> bytes:
    """Open a picture, paint a mask on it and return that."""
    acting.begin(page, empty=True)
    acting.drop(page, acting.payload("red.png", acting.png("red", (240, 160))))
    acting.wait_open(page)
    acting.set_mode(page, "Inpaint")
    acting.stroke(page, [(50, 50), (120, 70)])
    page.wait_for_function("() => window.redraw.engine().hasMask")
    return painted(page)


def sent(page: Page, what: str) -> list[str]:
    """Addresses that the page posts to from now on, those that contain `what`."""
    found: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and what in request.url:
            found.append(request.url)

    page.on("request", note)
    return found


def test_files_that_are_no_picture_are_refused_before_they_are_sent(fake_page: Page) -> None:
    page = fake_page
    mask = begin_masked(page)
    posted = sent(page, "/pictures")
    big = page.evaluate_handle(BIG, 200 * 1024 * 1024)
    acting.drop_on(page, page.locator(".canvas-stage"), big, "Open")
    message = alert(page, "This picture is too large")
    expect(message).to_contain_text("The file has 200 MB")
    expect(message).to_contain_text("64 MB and 64 megapixels; make the picture smaller")
    shot(page, "200mb")
    acting.dismiss(page)
    for name, content, text in (
        ("notes.png", b"Dear diary, this is a text.\n" * 9, "is none of the known kinds"),
        ("empty.png", b"", "“empty.png” is none of the known kinds"),
    ):
        acting.drop(page, acting.payload(name, content))
        message = alert(page, "This file is no picture that can be used")
        expect(message).to_contain_text(text)
        expect(message).to_contain_text("PNG, JPEG, WebP")
        shot(page, name)
        acting.dismiss(page)
    acting.drop(page, acting.payload("bomb.png", bomb(30_000)))
    message = alert(page, "This picture is too large")
    expect(message).to_contain_text("30000 × 30000 pixels")
    shot(page, "bomb")
    assert posted == []
    assert painted(page) == mask
    assert acting.document_size(page) == (240, 160)


def test_a_damaged_picture_is_refused_by_the_server_in_words(fake_page: Page, trouble: Trouble) -> None:
    trouble.allow("status of 422")
    page = fake_page
    mask = begin_masked(page)
    whole = acting.DEMO.read_bytes()
    acting.drop(page, acting.payload("half.png", whole[: len(whole) // 2]))
    message = alert(page, "This file is no picture that can be used")
    shot(page, "truncated")
    expect(message).to_contain_text(re.compile("truncated|damaged|broken|incomplete|ends", re.IGNORECASE))
    expect(message).not_to_contain_text("/tmp")
    assert painted(page) == mask


def test_what_a_mode_lacks_is_said_and_nothing_is_sent(fake_page: Page) -> None:
    page = fake_page
    acting.begin(page, empty=True)
    posted = sent(page, "/api/v1/jobs")
    acting.generate(page)
    expect(alert(page, "There is no picture yet")).to_contain_text("drop it here")
    acting.dismiss(page)
    acting.drop(page, acting.payload("red.png", acting.png("red", (240, 160))))
    acting.wait_open(page)
    for mode, title, text in (
        ("Inpaint", "There is no mask yet", "Paint over what is to be redrawn"),
        ("Inpaint sketch", "There is no paint yet", "Paint something"),
    ):
        acting.set_mode(page, mode)
        page.keyboard.press("Control+Enter")
        expect(alert(page, title)).to_contain_text(text)
        shot(page, mode.replace(" ", "-"))
        acting.dismiss(page)
    assert posted == []


def test_a_number_out_of_range_is_marked_at_its_field(fake_page: Page, trouble: Trouble, tmp_path: Path) -> None:
    trouble.allow("status of 422")
    page = fake_page
    acting.begin(page)
    acting.set_number(page, "Sampling steps", 99_999)
    most = int(page.locator("#field-steps").input_value())
    assert most < 99_999, "the box takes what is allowed"
    given = tmp_path / "settings.json"
    given.write_text(json.dumps({"redraw": 1, "form": {"values": {"steps": most + 5}}}), encoding="utf-8")
    page.get_by_role("button", name="Settings", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("dialog").get_by_role("button", name="Import").click()
    chooser.value.set_files(given)
    acting.notice(page, "Settings were imported").wait_for()
    page.keyboard.press("Escape")
    acting.generate(page)
    box = page.locator("#field-steps")
    field = page.locator('[data-field="steps"]')
    expect(field.get_by_role("alert")).to_contain_text(f"and {most}", timeout=acting.LONG)
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(box).to_have_attribute("aria-describedby", "field-steps-error")
    shot(page, "steps")
    acting.set_number(page, "Sampling steps", 5)
    expect(field.get_by_role("alert")).to_have_count(0)
    acting.dismiss(page)
    acting.make(page)


def test_a_full_queue_says_so_and_shows_the_way_to_it(
    launch: Callable[..., Studio], open_page: Callable[..., Page], trouble: Trouble
) -> None:
    trouble.allow("status of 429")
    page = open_page(launch("--engine", "fake", REDRAW_QUEUE_LIMIT="1").url)
    acting.begin(page)
    acting.set_prompt(page, "slow: 0.5")
    acting.generate(page)
    page.get_by_role("button", name="Interrupt").wait_for(timeout=acting.LONG)
    acting.generate(page)
    expect(page.locator(".go .count")).to_have_text("1", timeout=acting.LONG)
    expect(page.locator(".go")).to_be_enabled()
    acting.generate(page)
    message = alert(page, "The queue is full")
    expect(message).to_contain_text("Wait for some jobs to end, or cancel jobs that wait.")
    shot(page, "full")
    message.get_by_role("button", name="Show the queue").click()
    expect(page.get_by_role("tab", name="Queue")).to_have_attribute("aria-selected", "true")


def restarted(studio: Studio) -> Studio:
    """The same server again, on its port and data."""
    return start(studio.data_dir, "--engine", "fake", "--port", studio.url.rpartition(":")[2])


def test_a_lost_server_loses_no_stroke_and_the_page_goes_on_when_it_is_back(
    launch: Callable[..., Studio], open_page: Callable[..., Page], trouble: Trouble
) -> None:
    trouble.allow(LOST)
    studio = launch("--engine", "fake")
    page = open_page(studio.url)
    begin_masked(page)
    studio.stop()
    waiting = page.get_by_role("status").filter(has_text="server")
    waiting.first.wait_for(timeout=acting.LONG)
    acting.stroke(page, [(150, 110), (210, 120)])
    mask = painted(page)
    shot(page, "lost-painting")
    acting.generate(page)
    message = alert(page, "The server does not answer")
    expect(message).to_contain_text("Nothing you painted is lost")
    shot(page, "lost-generate")
    assert painted(page) == mask
    again = restarted(studio)
    try:
        waiting.first.wait_for(state="detached", timeout=acting.LONG)
        expect(message).to_have_count(0, timeout=acting.LONG)
        assert painted(page) == mask
        assert acting.make(page).size == (240, 160)
    finally:
        again.stop()


def test_a_job_goes_on_and_its_picture_comes_after_the_server_was_lost(
    launch: Callable[..., Studio], open_page: Callable[..., Page], trouble: Trouble
) -> None:
    trouble.allow(LOST)
    studio = launch("--engine", "fake")
    page = open_page(studio.url)
    acting.begin(page)
    acting.set_prompt(page, "slow: 0.3")
    acting.generate(page)
    page.get_by_role("button", name="Interrupt").wait_for(timeout=acting.LONG)
    studio.stop()
    page.get_by_role("status").filter(has_text="server").first.wait_for(timeout=acting.LONG)
    again = restarted(studio)
    try:
        acting.wait_results(page, 1)
        expect(page.get_by_role("button", name="Interrupt")).to_have_count(0)
    finally:
        again.stop()


def test_a_model_that_disappears_is_named_with_what_to_do(
    launch: Callable[..., Studio], open_page: Callable[..., Page], tmp_path: Path, trouble: Trouble
) -> None:
    trouble.allow("status of (404|422)")
    models = tmp_path / "models"
    models.mkdir()
    shutil.copyfile(STARTER, models / "gone-tomorrow.safetensors")
    page = open_page(launch("--models-dir", str(models)).url)
    acting.begin(page)
    page.get_by_label("Model", exact=True).select_option(label="gone-tomorrow")
    (models / "gone-tomorrow.safetensors").unlink()
    acting.generate(page)
    message = alert(page, "The model cannot be used", acting.LONG)
    shot(page, "model")
    expect(message).to_contain_text("gone-tomorrow")
    expect(message).to_contain_text("Choose another model")
    expect(message).not_to_contain_text(str(models))
    message.get_by_role("button", name="Refresh models").click()
    expect(page.get_by_label("Model", exact=True).locator("option:checked")).to_have_text("gone-tomorrow (not there)")
    page.get_by_label("Model", exact=True).select_option(label="redraw-starter")
    acting.make(page)


def test_a_server_with_a_password_works_for_those_who_have_it(
    launch: Callable[..., Studio], open_page: Callable[..., Page]
) -> None:
    studio = launch("--engine", "fake", "--api-auth", "me:secret")
    page = open_page(studio.url, http_credentials={"username": "me", "password": "secret"})
    begin_masked(page)
    assert acting.make(page).size == (240, 160)


def test_two_windows_keep_a_canvas_each(fake_page: Page) -> None:
    first = fake_page
    acting.begin(first)
    second = first.context.new_page()
    second.goto("/")
    acting.wait_form(second)
    for page, color in ((first, "red"), (second, "blue")):
        page.bring_to_front()
        acting.choose(page, acting.payload(f"{color}.png", acting.png(color, (90, 60))))
        acting.wait_kept(page, f"picture {color}.png")
    for page, seen in ((first, (255, 0, 0)), (second, (0, 0, 255))):
        page.bring_to_front()
        page.reload()
        acting.wait_open(page)
        assert acting.color_at(page, (30, 30)) == seen


@pytest.mark.parametrize("text", ["fail: the sky is too large", "die"])
def test_a_job_that_fails_says_why(fake_page: Page, text: str) -> None:
    page = fake_page
    acting.begin(page)
    acting.set_prompt(page, text)
    acting.generate(page)
    message = page.get_by_role("region", name="Messages").get_by_role("alert").first
    message.wait_for(timeout=acting.LONG)
    shot(page, text[:4])
    expect(message).to_contain_text("The sky is too large" if "sky" in text else re.compile("try", re.IGNORECASE))
