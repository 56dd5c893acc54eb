import { describe, expect, it } from "vitest";
import { fitted, fittingScale, panned, placed, sameShape, scaleOf, usesArrows, wheelFactor, zoomed, zoomKey } from "@/shared/picture/zoom";

const picture = { width: 1000, height: 500 };
const pane = { width: 532, height: 532 };

describe("the place of a picture in its pane", () => {
  it("is fitted with a margin and centered", () => {
    expect(fittingScale(picture, pane)).toBe(0.5);
    expect(placed(fitted(), picture, pane)).toEqual({ left: 16, top: 141, width: 500, height: 250, scale: 0.5 });
  });

  it("never enlarges a tiny picture beyond eight times when it is fitted", () => {
    expect(fittingScale({ width: 4, height: 4 }, pane)).toBe(8);
  });

  it("keeps the point under the pointer where it is while zooming", () => {
    const start = { fit: false, scale: 1, x: 0, y: 0 };
    const at = { x: 100, y: -20 };
    const point = (view: typeof start): number => (at.x - view.x) / view.scale;
    const after = zoomed(start, { width: 4000, height: 4000 }, pane, 2, at.x, at.y);
    expect(point(after)).toBeCloseTo(point(start));
    expect(after.scale).toBe(2);
  });

  it("stops at the highest and at the lowest scale", () => {
    expect(zoomed(fitted(), picture, pane, 1e6).scale).toBe(32);
    expect(zoomed(fitted(), picture, pane, 1e-6).scale).toBe(0.02);
  });

  it("does not move a fitted picture, and moves another one no further than its edge", () => {
    expect(panned(fitted(), picture, pane, 50, 50)).toEqual(fitted());
    const near = panned({ fit: false, scale: 1, x: 0, y: 0 }, picture, pane, 9999, 9999);
    expect(near.x).toBe((1000 - 532) / 2 + 16);
    expect(near.y).toBe(0);
  });

  it("answers with the fitting scale while it is fitted", () => {
    expect(scaleOf(fitted(), picture, pane)).toBe(0.5);
    expect(scaleOf({ fit: false, scale: 3, x: 0, y: 0 }, picture, pane)).toBe(3);
  });
});

describe("what wheel and keys mean", () => {
  it("turns the wheel towards a person into zooming out", () => {
    expect(wheelFactor({ deltaY: 100, deltaMode: 0, ctrlKey: false })).toBeLessThan(1);
    expect(wheelFactor({ deltaY: -3, deltaMode: 1, ctrlKey: false })).toBeGreaterThan(1);
  });

  it("reads + - 0 and 1, but not with Ctrl", () => {
    const key = (text: string, ctrlKey = false): KeyboardEvent => new KeyboardEvent("keydown", { key: text, ctrlKey });
    expect(["+", "-", "0", "1", "2"].map((text) => zoomKey(key(text)))).toEqual(["in", "out", "fit", "full", null]);
    expect(zoomKey(key("0", true))).toBeNull();
  });

  it("leaves the arrows to sliders and text fields", () => {
    document.body.innerHTML = '<input id="a" type="range"><div role="slider" id="b"></div><button id="c"></button>';
    expect(["a", "b", "c"].map((id) => usesArrows(document.getElementById(id)))).toEqual([true, true, false]);
  });

  it("calls two sizes of the same shape even if rounding differs", () => {
    expect(sameShape({ width: 512, height: 768 }, { width: 1023, height: 1536 })).toBe(true);
    expect(sameShape({ width: 512, height: 512 }, { width: 512, height: 768 })).toBe(false);
  });
});
