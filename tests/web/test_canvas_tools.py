"""The canvas' tools in a real browser: what shapes, lasso, fill, move and region do to the pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tests.web.test_canvas as stage
from playwright.sync_api import Page

bundle = stage.bundle
canvas = stage.canvas

START = """
const { engine } = tools;
const blank = (width, height, color) => {
  const sheet = new OffscreenCanvas(width, height);
  const graphics = sheet.getContext("2d");
  graphics.fillStyle = color;
  graphics.fillRect(0, 0, width, height);
  return sheet;
};
const alphaOf = (id) => tools.bytes(id).filter((_, at) => at % 4 === 3);
const sumOf = (id) => alphaOf(id).reduce((sum, value) => sum + value, 0) / 255;
const key = (name) => {
  window.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
};
const click = (x, y) => tools.stroke([[x, y]]);
"""


def run(page: Page, body: str) -> dict[str, Any]:
    """Run `body` in the page with the names of START; what it returns."""
    found: dict[str, Any] = page.evaluate("async () => {" + START + body + "}")
    return found


def test_a_rectangle_masks_its_whole_pixels_and_no_other(canvas: Callable[..., Page]) -> None:
    found = run(
        canvas(),
        """
        engine.open(blank(700, 500, "#808080"), "grey");
        engine.setTarget("mask");
        engine.setTool("rectangle");
        tools.stroke([[50.3, 60.2], [120, 90], [149.8, 160.4]]);
        const alpha = alphaOf("mask");
        const wrong = alpha.filter((value, at) => {
          const x = at % 700, y = Math.floor(at / 700);
          return value !== (x >= 50 && x < 150 && y >= 60 && y < 160 ? 255 : 0);
        }).length;
        engine.undo();
        return { wrong, undone: engine.hasMask };
        """,
    )
    assert found == {"wrong": 0, "undone": False}


def test_an_ellipse_has_its_area_and_takes_the_same_away_again(canvas: Callable[..., Page]) -> None:
    found = run(
        canvas(),
        """
        engine.open(blank(700, 500, "#808080"), "grey");
        engine.setTarget("mask");
        engine.setTool("ellipse");
        tools.stroke([[100, 100], [300, 250]]);
        const area = sumOf("mask");
        engine.setSubtract(true);
        tools.stroke([[90, 90], [310, 260]]);
        return { area, left: sumOf("mask") };
        """,
    )
    assert abs(found["area"] - 3.14159265 * 100 * 75) < 60
    assert found["left"] == 0


def test_a_polygon_is_closed_by_enter_and_left_by_escape(canvas: Callable[..., Page]) -> None:
    found = run(
        canvas(),
        """
        engine.open(blank(700, 500, "#808080"), "grey");
        engine.setTarget("mask");
        engine.setTool("polygon");
        const corners = [[100, 100], [300, 100], [300, 300]];
        for (const [x, y] of corners) click(x, y);
        key("Escape");
        const left = engine.hasMask;
        for (const [x, y] of corners) click(x, y);
        key("Enter");
        return { left, area: sumOf("mask") };
        """,
    )
    assert found["left"] is False
    assert abs(found["area"] - 20_000) < 60


def test_a_click_with_a_shape_is_no_step(canvas: Callable[..., Page]) -> None:
    found = run(
        canvas(),
        """
        engine.open(blank(700, 500, "#808080"), "grey");
        engine.setTarget("mask");
        for (const tool of ["rectangle", "ellipse", "lasso", "region"]) {
          engine.setTool(tool);
          click(200, 200);
        }
        return { undo: engine.canUndo, mask: engine.hasMask, region: engine.region };
        """,
    )
    assert found == {"undo": False, "mask": False, "region": None}


def test_a_fill_leaves_no_rim_and_is_fast(canvas: Callable[..., Page]) -> None:
    found = run(
        canvas(),
        """
        const sheet = blank(2048, 2048, "#ffffff");
        const graphics = sheet.getContext("2d");
        graphics.fillStyle = "#000000";
        graphics.beginPath();
        graphics.arc(1000, 1000, 900, 0, 7);
        graphics.fill();
        const rim = graphics.getImageData(0, 0, 2048, 2048).data;
        engine.open(sheet, "disc");
        engine.setTarget("mask");
        engine.setTool("fill");
        const times = [];
        for (let round = 0; round < 4; round += 1) {
          const start = performance.now();
          click(1000, 1000);
          times.push(performance.now() - start);
          if (round < 3) engine.undo();
        }
        const alpha = alphaOf("mask");
        let bare = 0, far = 0;
        for (let at = 0; at < alpha.length; at += 1) {
          if (rim[4 * at] < 128 && alpha[at] < 255) bare += 1;
          const x = (at % 2048) + 0.5 - 1000, y = Math.floor(at / 2048) + 0.5 - 1000;
          if (alpha[at] > 0 && Math.hypot(x, y) > 902.5) far += 1;
        }
        return { bare, far, best: Math.min(...times) };
        """,
    )
    print(f"fill of 2048x2048: {found['best']:.0f} ms")
    assert (found["bare"], found["far"]) == (0, 0)
    assert found["best"] < 900  # the goal is 150 on a machine that is not shared


def test_a_pasted_layer_is_carried_scaled_and_brought_back_by_undo(canvas: Callable[..., Page]) -> None:
    page = canvas()
    found = run(
        page,
        """
        engine.open(blank(700, 500, "#e8e8e8"), "light");
        const id = engine.paste(tools.noise(200, 100), "noise", { x: 350, y: 250, scaleX: 1, scaleY: 1, angle: 0 });
        engine.setTool("move");
        const at = () => ({ ...engine.layers.find((layer) => layer.id === id).placement });
        tools.stroke([[350, 250], [360, 255], [390, 270]]);
        const carried = at();
        tools.stroke([[490, 320], [540, 345]]);
        const scaled = at();
        key("ArrowRight");
        const nudged = at();
        engine.undo(); engine.undo(); engine.undo();
        return { carried, scaled, nudged, back: at() };
        """,
    )
    assert found["carried"] == {"x": 390, "y": 270, "scaleX": 1, "scaleY": 1, "angle": 0}
    scaled = found["scaled"]
    assert abs(scaled["scaleX"] - 1.25) < 0.001
    assert abs(scaled["scaleY"] - 1.25) < 0.001
    assert found["nudged"] == {**scaled, "x": scaled["x"] + 1}
    assert found["back"] == {"x": 350, "y": 250, "scaleX": 1, "scaleY": 1, "angle": 0}


def test_the_region_is_of_whole_pixels_inside_and_escape_takes_it_away(canvas: Callable[..., Page]) -> None:
    found = run(
        canvas(),
        """
        engine.open(blank(700, 500, "#e8e8e8"), "light");
        engine.setTool("region");
        tools.stroke([[600.4, 400.4], [650, 450], [900, 470.3]]);
        const region = { ...engine.region };
        key("Escape");
        return { region, after: engine.region };
        """,
    )
    assert found == {"region": {"x": 600, "y": 400, "width": 100, "height": 70}, "after": None}
