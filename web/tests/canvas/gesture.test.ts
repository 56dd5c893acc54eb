// @vitest-environment node
import { describe, expect, test } from "vitest";
import { pinch, wheelWish } from "../../src/canvas/gesture";

const plain = { deltaX: 0, deltaY: 0, deltaMode: 0, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false };

describe("wheel", () => {
  test("a plain wheel zooms, up is closer", () => {
    const up = wheelWish({ ...plain, deltaY: -120 });
    const down = wheelWish({ ...plain, deltaY: 120 });
    expect("zoom" in up && up.zoom).toBeGreaterThan(1.1);
    expect("zoom" in down && down.zoom).toBeLessThan(0.9);
  });

  test("lines and pages of other browsers count about as much as pixels", () => {
    const lines = wheelWish({ ...plain, deltaY: -3, deltaMode: 1 });
    expect("zoom" in lines && lines.zoom).toBeGreaterThan(1.1);
  });

  test("Ctrl and Cmd zoom, finely where it is a pinch", () => {
    const hand = wheelWish({ ...plain, deltaY: -4, ctrlKey: true });
    expect("zoom" in hand && hand.zoom).toBeCloseTo(Math.exp(0.04), 6);
    expect("zoom" in wheelWish({ ...plain, deltaY: 120, metaKey: true })).toBe(true);
  });

  test("Shift pans sideways, whichever axis the system reports", () => {
    expect(wheelWish({ ...plain, deltaY: 100, shiftKey: true })).toEqual({ pan: { x: -100, y: 0 } });
    expect(wheelWish({ ...plain, deltaX: 100, shiftKey: true })).toEqual({ pan: { x: -100, y: 0 } });
  });

  test("two fingers on a touchpad pan", () => {
    expect(wheelWish({ ...plain, deltaY: 7, wheelDeltaY: -21 })).toEqual({ pan: { x: -0, y: -7 } });
    expect(wheelWish({ ...plain, deltaX: 3, deltaY: 4 })).toEqual({ pan: { x: -3, y: -4 } });
  });

  test("Alt sizes the brush", () => {
    const wish = wheelWish({ ...plain, deltaY: -120, altKey: true });
    expect("size" in wish && wish.size).toBeGreaterThan(1.1);
  });

  test("one mad turn does not zoom without bounds", () => {
    const wish = wheelWish({ ...plain, deltaY: -99999 });
    expect("zoom" in wish && wish.zoom).toBeLessThan(2);
  });
});

describe("pinch", () => {
  test("fingers twice as far apart zoom by two, and their middle pans", () => {
    const found = pinch([{ x: 0, y: 0 }, { x: 100, y: 0 }], [{ x: -40, y: 10 }, { x: 160, y: 10 }]);
    expect(found).toEqual({ factor: 2, from: { x: 50, y: 0 }, to: { x: 60, y: 10 } });
  });

  test("fingers on one spot do not zoom", () => {
    expect(pinch([{ x: 0, y: 0 }, { x: 3, y: 0 }], [{ x: 0, y: 0 }, { x: 90, y: 0 }]).factor).toBe(1);
  });
});
