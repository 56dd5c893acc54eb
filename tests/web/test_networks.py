"""Networks from cards: put into the prompt, weighed, taken out; by mouse and by keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from safetensors.torch import save_file
from tests.web import acting
from tests.web.conftest import Studio
from tests.web.test_access import Axe, close, command

KEY = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k"


def save_lora(path: Path, width: int, **metadata: str) -> None:
    """A LoRA for models whose text is so wide."""
    path.parent.mkdir(parents=True, exist_ok=True)
    down, up = torch.zeros(2, width), torch.zeros(320, 2)
    save_file({f"{KEY}.lora_down.weight": down, f"{KEY}.lora_up.weight": up}, path, metadata=metadata or None)


@pytest.fixture(scope="module")
def stocked(launch: Callable[..., Studio], tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A server with two LoRAs, one of which is for a larger model, and an embedding."""
    models = tmp_path_factory.mktemp("models")
    save_lora(models / "Lora" / "art" / "ink.safetensors", 20, **{"modelspec.title": "Ink wash"})
    beside = {"activation text": "inkwash, rice paper", "preferred weight": 0.7, "negative text": "color"}
    (models / "Lora" / "art" / "ink.json").write_text(json.dumps(beside))
    (models / "Lora" / "art" / "ink.png").write_bytes(acting.png("navy"))
    save_lora(models / "Lora" / "grain.safetensors", 2048)
    (models / "embeddings").mkdir()
    save_file({"emb_params": torch.zeros(2, 64)}, models / "embeddings" / "bad-hands.safetensors")
    return launch("--engine", "fake", "--models-dir", str(models))


def opened(page: Page) -> Locator:
    """The dialog, opened by its button beside the styles."""
    page.get_by_role("button", name="Networks", exact=True).click()
    dialog = page.get_by_role("dialog", name="Networks")
    dialog.get_by_role("listitem").first.wait_for()
    return dialog


def test_a_press_puts_a_lora_into_the_prompt_a_slider_weighs_it_and_a_press_takes_it_out(
    open_page: Callable[..., Page], stocked: Studio
) -> None:
    page = open_page(stocked.url)
    acting.begin(page)
    prompt = page.locator("#field-prompt")
    prompt.fill("a house")
    dialog = opened(page)
    card = dialog.get_by_role("button", name="Ink wash", exact=True)
    expect(card.locator("img")).to_have_js_property("complete", True)
    assert card.locator("img").evaluate("(one) => one.naturalWidth") > 0
    card.click()
    expect(card).to_have_attribute("aria-pressed", "true")
    expect(prompt).to_have_value("a house <lora:art/ink:0.7>")
    strength = dialog.get_by_role("spinbutton", name="Strength of Ink wash")
    strength.press("ArrowUp")
    expect(prompt).to_have_value("a house <lora:art/ink:0.75>")
    strength.fill("1.2")
    strength.press("Enter")
    expect(prompt).to_have_value("a house <lora:art/ink:1.2>")
    dialog.get_by_role("button", name="rice paper").click()
    dialog.get_by_role("button", name="negative words").click()
    expect(prompt).to_have_value("a house <lora:art/ink:1.2>, rice paper")
    expect(page.locator("#field-negative_prompt")).to_have_value("color")
    dialog.get_by_role("button", name="rice paper").click()
    card.click()
    expect(prompt).to_have_value("a house")
    expect(strength).to_be_hidden()


def test_what_the_prompt_says_already_is_seen_and_its_chip_takes_it_out(
    open_page: Callable[..., Page], stocked: Studio
) -> None:
    page = open_page(stocked.url)
    acting.begin(page)
    page.locator("#field-prompt").fill("a house, <lora:ink:0.5:1>, a tree")
    chips = page.get_by_role("group", name="Networks")
    expect(chips.get_by_text("0.5 / 1")).to_be_visible()
    dialog = opened(page)
    expect(dialog.get_by_role("button", name="Ink wash", exact=True)).to_have_attribute("aria-pressed", "true")
    close(page)
    chips.get_by_role("button", name="Take ink out").click()
    expect(page.locator("#field-prompt")).to_have_value("a house, a tree")


def test_an_embedding_goes_into_either_prompt_and_what_does_not_fit_says_so(
    open_page: Callable[..., Page], stocked: Studio
) -> None:
    page = open_page(stocked.url)
    acting.begin(page)
    command(page, "Networks")
    dialog = page.get_by_role("dialog", name="Networks")
    expect(dialog.get_by_text("For Stable Diffusion XL: does not fit redraw-starter")).to_be_visible()
    dialog.get_by_role("searchbox").fill("rice")
    expect(dialog.get_by_role("status")).to_have_text("1 shown")
    dialog.get_by_role("searchbox").fill("")
    dialog.get_by_role("tab", name="Embeddings").click()
    dialog.get_by_role("switch", name="Into the negative prompt").click()
    dialog.get_by_role("button", name="bad-hands", exact=True).click()
    expect(page.locator("#field-negative_prompt")).to_have_value("bad-hands")
    strength = dialog.get_by_role("spinbutton", name="Strength of bad-hands (negative prompt)")
    strength.press("ArrowDown")
    expect(page.locator("#field-negative_prompt")).to_have_value("(bad-hands:0.95)")
    dialog.get_by_role("tab", name="Hypernetworks").click()
    expect(dialog.get_by_text("“hypernetworks”")).to_be_visible()


def test_cards_are_put_by_keys_alone(open_page: Callable[..., Page], stocked: Studio) -> None:
    page = open_page(stocked.url)
    acting.begin(page)
    page.locator("#field-prompt").fill("")
    dialog = opened(page)
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("ink")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Ink wash":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#field-prompt")).to_have_value("<lora:art/ink:0.7>")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Networks", exact=True)).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_networks(open_page: Callable[..., Page], stocked: Studio, scheme: str) -> None:
    page = open_page(stocked.url, color_scheme=scheme, reduced_motion="reduce")
    acting.begin(page)
    axe, dialog = Axe(page), opened(page)
    dialog.get_by_role("button", name="Ink wash", exact=True).click()
    for name in ("LoRA", "Embeddings", "Hypernetworks"):
        dialog.get_by_role("tab", name=name).click()
        axe.look(name)
    close(page)
    axe.look("chips")
    axe.judge()
