"""Work goes on: undo reaches the first pixel, jobs outlive the page, the queue does what one asks of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from tests.web import acting
from tests.web.conftest import Studio, Trouble

STATES = "async (id) => (await (await fetch(`/api/v1/jobs/${id}`)).json()).state"


@pytest.fixture(scope="module")
def slow_studio(launch: Callable[..., Studio]) -> Studio:
    """A server whose jobs take some seconds, with previews."""
    return launch("--engine", "fake", REDRAW_FAKE_STEP="0.5")


@pytest.fixture
def slow(slow_studio: Studio, open_page: Callable[..., Page]) -> Page:
    """A page with a small picture in front of the slow server, whose queue is empty."""
    with slow_studio.client() as client:
        client.post("/api/v1/queue/resume")
        for job in client.get("/api/v1/jobs?state=waiting,paused,running&limit=100").json()["items"]:
            client.post(f"/api/v1/jobs/{job['id']}/cancel")
    page = open_page(slow_studio.url)
    small(page)
    page.wait_for_function("() => document.querySelector('.go')?.innerText.startsWith('Generate')")
    return page


def small(page: Page) -> None:
    """Open a small grey picture."""
    acting.begin(page, empty=True)
    page.get_by_role("button", name="Reset all fields").click()
    acting.choose(page, acting.payload("grey.png", acting.png("#808080", (200, 150))))


def state_of(page: Page, job: str) -> str:
    """A job's state, as the server says."""
    found: str = page.request.get(f"/api/v1/jobs/{job}").json()["state"]
    return found


def wait_state(page: Page, job: str, *states: str) -> None:
    """Wait until a job is in one of these states."""
    acting.wait_until(page, f"async ([id, states]) => states.includes(await ({STATES})(id))", [job, list(states)])


def running(page: Page) -> Locator:
    """The progress of the job at work, in the form."""
    return page.get_by_role("region", name="Generate").get_by_role("progressbar")


def queue(page: Page) -> Locator:
    """The queue's panel, opened."""
    page.get_by_role("tab", name=re.compile("^Queue")).click()
    return page.get_by_role("region", name="Queue", exact=True)


def order(page: Page) -> list[str]:
    """Prompts of the waiting jobs as the panel has them."""
    return page.get_by_role("region", name="Queue", exact=True).locator("ol .title").all_inner_texts()


def page_title(page: Page, prompt: str) -> Locator:
    """The title of a job in the queue's panel."""
    return page.locator(".title", has_text=re.compile(f"^{prompt}$"))


def wait_order(page: Page, *prompts: str) -> None:
    """Wait until panel and server have the waiting jobs in this order."""
    expect(page.get_by_role("region", name="Queue", exact=True).locator("ol .title")).to_have_text(list(prompts))
    acting.wait_until(
        page,
        "async (wanted) => (await (await fetch('/api/v1/queue')).json()).line"
        ".map((one) => one.request.prompt).join() === wanted.join()",
        list(prompts),
    )


def three_waiting(page: Page) -> list[str]:
    """One job at work and three that wait; their ids."""
    acting.set_field(page, "steps", 150)
    made = []
    for prompt in ("at work", "one", "two", "three"):
        acting.set_prompt(page, prompt)
        made.append(acting.send(page).job)
    wait_state(page, made[0], "running")
    queue(page)
    wait_order(page, "one", "two", "three")
    return made


def end(page: Page) -> None:
    """Cancel everything."""
    for job in acting.jobs(page, "waiting", "paused", "running"):
        page.request.post(f"/api/v1/jobs/{job['id']}/cancel", headers={"x-redraw": "1"})


def test_fifty_strokes_are_undone_to_the_first_pixel_and_done_again(fake_page: Page) -> None:
    page = fake_page
    small(page)
    acting.set_mode(page, "Sketch")
    acting.set_brush(page, "Size", 12)
    for number in range(50):
        y = 5 + number % 25 * 5
        acting.stroke(page, [(10 + number, y), (150, y + 3)], steps=2)
    painted = acting.layer_pixels(page, "sketch")
    assert painted is not None
    assert painted.getbbox() is not None
    for _ in range(50):
        page.keyboard.press("Control+z")
    empty = acting.layer_pixels(page, "sketch")
    assert empty is None or empty.getbbox() is None
    assert not page.evaluate("() => window.redraw.engine().hasPaint")
    for _ in range(50):
        page.keyboard.press("Control+Shift+z")
    again = acting.layer_pixels(page, "sketch")
    assert again is not None
    assert again.tobytes() == painted.tobytes()
    assert not page.evaluate("() => window.redraw.engine().canRedo")


def test_a_stroke_may_leave_the_picture_and_the_canvas(fake_page: Page) -> None:
    page = fake_page
    small(page)
    acting.set_mode(page, "Inpaint")
    acting.set_brush(page, "Size", 20)
    page.mouse.move(*acting.screen(page, (100, 75)))
    page.mouse.down()
    page.mouse.move(1430, 5, steps=4)
    page.mouse.move(1430, 890, steps=4)
    page.mouse.move(*acting.screen(page, (100, 100)), steps=4)
    page.mouse.up()
    mask = acting.layer_pixels(page, "mask")
    assert mask is not None
    assert mask.getchannel("A").getpixel((100, 75)) == 255
    assert mask.getchannel("A").getpixel((110, 102)) != 0
    page.mouse.move(*acting.screen(page, (30, 30)), steps=3)
    after = acting.layer_pixels(page, "mask")
    assert after is not None
    assert after.tobytes() == mask.tobytes(), "the stroke went on after the button was let go"
    page.keyboard.press("Control+z")
    assert not page.evaluate("() => window.redraw.engine().hasMask")


def test_a_refresh_in_the_middle_of_a_job_finds_it_again_and_a_second_page_sees_it(
    slow: Page, slow_studio: Studio, open_page: Callable[..., Page]
) -> None:
    acting.set_field(slow, "steps", 40)
    job = acting.send(slow).job
    running(slow).wait_for()
    expect(slow).to_have_title(re.compile(r"^\[\d+%( ETA: \d+s)?\] Redraw$"))
    slow.get_by_alt_text("Preview of the picture at work").wait_for()
    slow.reload()
    acting.wait_form(slow)
    running(slow).wait_for()
    expect(running(slow)).not_to_have_attribute("aria-valuenow", "0")
    second = open_page(slow_studio.url)
    acting.begin(second)
    running(second).wait_for()
    assert state_of(slow, job) == "running", "it was over before it was looked at"
    assert acting.wait_job(slow, job).size == (200, 150)
    acting.wait_job(second, job)
    expect(slow).to_have_title("grey.png – Redraw")


def test_interrupt_keeps_the_picture_as_it_is(slow: Page) -> None:
    acting.set_field(slow, "steps", 150)
    job = acting.send(slow).job
    running(slow).wait_for()
    slow.get_by_role("button", name="Interrupt", exact=True).click()
    acting.wait_job(slow, job)
    wait_state(slow, job, "done", "interrupted")
    assert "stopped at step" in str(acting.result_record(slow))


def test_the_first_interrupt_lets_the_picture_be_finished_and_the_second_does_not(slow: Page) -> None:
    slow.get_by_role("button", name="Settings", exact=True).click()
    slow.get_by_label("The first interrupt finishes the picture at work").check()
    slow.keyboard.press("Escape")
    slow.get_by_role("dialog").wait_for(state="detached")
    acting.set_field(slow, "steps", 150)
    slow.get_by_role("button", name="Batch", exact=True).click()
    acting.set_field(slow, "batch_count", 2)
    job = acting.send(slow).job
    running(slow).wait_for()
    slow.get_by_role("button", name="Interrupt", exact=True).click()
    again = slow.get_by_role("button", name="Stop at once")
    again.wait_for()
    assert state_of(slow, job) == "running"
    again.click()
    wait_state(slow, job, "done", "interrupted")
    acting.wait_job(slow, job)
    assert len(slow.request.get(f"/api/v1/jobs/{job}/results").json()) == 1


def test_skip_goes_on_with_the_next_picture_and_cancel_leaves_none(slow: Page) -> None:
    acting.set_field(slow, "steps", 30)
    slow.get_by_role("button", name="Batch", exact=True).click()
    acting.set_field(slow, "batch_count", 3)
    job = acting.send(slow).job
    running(slow).wait_for()
    slow.get_by_role("button", name="Skip this picture").click()
    expect(slow.get_by_role("region", name="Generate")).to_contain_text("picture 2 of 3")
    acting.wait_job(slow, job)
    slow.get_by_role("tab", name=re.compile("^Queue")).click()
    slow.get_by_role("button", name="Cancel without a picture").click()
    wait_state(slow, job, "cancelled")
    found = slow.request.get(f"/api/v1/jobs/{job}/results").json()
    assert len(found) == 1
    assert "stopped at step" in str(slow.request.get(f"/api/v1/results/{found[0]['id']}").json())


def test_waiting_jobs_are_reordered_by_drag_keys_and_menu(slow: Page) -> None:
    three_waiting(slow)
    panel = queue(slow)
    grip = panel.get_by_role("button", name=re.compile("^Move three"))
    first = panel.get_by_role("button", name=re.compile("^Move one")).bounding_box()
    last = grip.bounding_box()
    assert first is not None
    assert last is not None
    slow.mouse.move(last["x"] + 8, last["y"] + last["height"] / 2)
    slow.mouse.down()
    slow.mouse.move(last["x"] + 8, first["y"] + 2, steps=6)
    slow.mouse.up()
    wait_order(slow, "three", "one", "two")
    panel.get_by_role("button", name=re.compile("^Move three")).focus()
    slow.keyboard.press("ArrowDown")
    wait_order(slow, "one", "three", "two")
    expect(panel.get_by_role("button", name=re.compile("^Move three"))).to_be_focused()
    slow.keyboard.press("End")
    wait_order(slow, "one", "two", "three")
    panel.get_by_role("button", name="More for two").click()
    slow.get_by_role("menuitem", name="To the front").click()
    wait_order(slow, "two", "one", "three")
    acting.set_prompt(slow, "jumped")
    slow.locator("#field-prompt").press("Control+Shift+Enter")
    wait_order(slow, "jumped", "two", "one", "three")
    end(slow)


def test_waiting_jobs_are_paused_changed_and_cancelled(slow: Page) -> None:
    made = three_waiting(slow)
    panel = queue(slow)
    panel.get_by_role("button", name="More for one").click()
    slow.get_by_role("menuitem", name="Pause").click()
    wait_state(slow, made[1], "paused")
    expect(panel.locator("li", has=page_title(slow, "one")).locator(".badge")).to_have_text("Paused")
    assert sorted(order(slow)) == ["one", "three", "two"], "each job has one place in the line"
    panel.get_by_role("button", name="Pause queue").click()
    expect(panel.get_by_role("status").filter(has_text="The queue is paused")).to_be_visible()
    assert slow.request.get("/api/v1/queue").json()["held"] is True
    panel.get_by_role("button", name="More for two").click()
    slow.get_by_role("menuitem", name="Change …").click()
    dialog = slow.get_by_role("dialog", name="Change a waiting job")
    dialog.get_by_label("Prompt", exact=True).fill("another")
    dialog.get_by_label("Sampling steps").fill("3")
    dialog.get_by_role("button", name="Save").click()
    dialog.wait_for(state="detached")
    changed = slow.request.get(f"/api/v1/jobs/{made[2]}").json()["request"]
    assert (changed["prompt"], changed["steps"]) == ("another", 3)
    expect(panel.locator("li", has_text="another")).to_be_visible()
    panel.get_by_role("button", name="Cancel all").click()
    panel.get_by_role("button", name="Yes, do it").click()
    for job in made[1:]:
        wait_state(slow, job, "cancelled")
    assert state_of(slow, made[0]) == "running"
    panel.get_by_role("button", name="Resume queue").click()
    end(slow)


def test_a_change_that_is_refused_stays_in_its_window_and_says_where(slow: Page, trouble: Trouble) -> None:
    trouble.allow("422")
    made = three_waiting(slow)
    queue(slow).get_by_role("button", name="More for one").click()
    slow.get_by_role("menuitem", name="Change …").click()
    dialog = slow.get_by_role("dialog", name="Change a waiting job")
    dialog.get_by_label("Sampling steps").evaluate("(one) => { one.removeAttribute('max'); }")
    dialog.get_by_label("Sampling steps").fill("100000")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    expect(dialog.get_by_label("Sampling steps")).to_have_attribute("aria-invalid", "true")
    assert slow.request.get(f"/api/v1/jobs/{made[1]}").json()["request"]["steps"] == 150
    end(slow)


def test_generate_forever_goes_on_until_it_is_ended(slow: Page) -> None:
    acting.set_field(slow, "steps", 4)
    acting.set_prompt(slow, "for ever")
    slow.get_by_role("button", name="More ways to generate").click()
    with slow.expect_response(acting.is_new_job):
        slow.get_by_role("menuitem", name="Generate forever").click()
    with slow.expect_response(acting.is_new_job, timeout=acting.LONG):
        pass
    slow.get_by_role("button", name="Cancel generate forever").click()
    mine = "async () => (await (await fetch('/api/v1/jobs?text=for%20ever&limit=50')).json()).items"
    acting.wait_until(slow, f"async () => (await ({mine})()).every((one) => one.state === 'done')", None)
    slow.wait_for_function("() => document.querySelector('.go').innerText.startsWith('Generate')")
    assert 2 <= len(slow.evaluate(mine)) <= 3


def test_ctrl_enter_in_the_prompt_generates(fake_page: Page) -> None:
    small(fake_page)
    acting.set_prompt(fake_page, "by keys")

    def press(page: Page) -> None:
        page.locator("#field-prompt").press("Control+Enter")

    job, request = acting.send(fake_page, press)
    assert request["prompt"] == "by keys"
    assert fake_page.locator("#field-prompt").input_value() == "by keys"
    acting.wait_job(fake_page, job)


def test_a_double_press_makes_two_jobs_and_a_lost_answer_none_more(fake_page: Page, trouble: Trouble) -> None:
    page = fake_page
    small(page)
    acting.set_prompt(page, "pressed twice")
    mine = "async (text) => (await (await fetch(`/api/v1/jobs?text=${text}&limit=50`)).json()).items.length"
    page.locator(".go").dblclick()
    acting.wait_until(page, f"async (text) => await ({mine})(text) === 2", "pressed%20twice")
    page.locator(".go", has_text="Generate").wait_for()
    trouble.allow("ERR_FAILED")
    lost: list[Any] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().json()["id"])  # the server has it
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/jobs", lose)
    acting.set_prompt(page, "lost once")
    job = acting.send(page).job
    assert lost == [job]
    acting.wait_job(page, job)
    assert page.evaluate(mine, "lost%20once") == 1
