import { describe, expect, test } from "vitest";
import { createMove } from "@/canvas/tools/move";
import type { Placement } from "@/canvas/types";
import { FakeContext, at, drag, overlayCalls, pastedLayer } from "./hands";

const still: Placement = { x: 100, y: 50, scaleX: 1, scaleY: 1, angle: 0 };

/** A layer of 80x60 in the middle of a document of 200x100, selected; its corners are (60, 20) and (140, 80). */
function hands(placement: Partial<Placement> = {}, zoom = 4): FakeContext {
  const layer = pastedLayer("a", { width: 80, height: 60 }, { ...still, ...placement });
  return new FakeContext({ pasted: [layer], selected: "a", zoom });
}

describe("carrying", () => {
  test("a press on a layer selects it and the same drag moves it, as one step at release", () => {
    const fake = hands();
    fake.selectedId = null;
    drag(createMove(), fake, at(90, 45), at(95, 50), at(110, 40));
    expect(fake.selectedId).toBe("a");
    expect(fake.placement("a")).toEqual({ ...still, x: 120, y: 45 });
    expect(fake.calls).toEqual(["lay", "lay", "place"]);
  });

  test("a press beside all layers selects none", () => {
    const fake = hands();
    drag(createMove(), fake, at(5, 5), at(30, 30));
    expect(fake.selectedId).toBeNull();
    expect(fake.calls).toEqual([]);
  });

  test("a click moves nothing", () => {
    const fake = hands();
    drag(createMove(), fake, at(90, 45), at(90.4, 45.2));
    expect(fake.calls).toEqual([]);
  });

  test("Shift keeps to one axis", () => {
    const fake = hands();
    drag(createMove(), fake, at(90, 45), at(115, 50, { shift: true }));
    expect(fake.placement("a")).toEqual({ ...still, x: 125 });
  });

  test("cancel puts it back without a step", () => {
    const fake = hands();
    const tool = createMove();
    tool.down(at(90, 45), fake.context);
    tool.move([at(150, 90)], fake.context);
    tool.cancel(fake.context);
    tool.up(at(150, 90), fake.context);
    expect(fake.placement("a")).toEqual(still);
    expect(fake.calls).toEqual(["lay", "lay"]);
  });
});

describe("scaling", () => {
  test("a corner keeps the proportions and the opposite corner", () => {
    const fake = hands();
    drag(createMove(), fake, at(140, 80), at(180, 110));
    expect(fake.placement("a")).toEqual({ x: 120, y: 65, scaleX: 1.5, scaleY: 1.5, angle: 0 });
  });

  test("Shift frees a corner", () => {
    const fake = hands();
    drag(createMove(), fake, at(140, 80), at(180, 80, { shift: true }));
    expect(fake.placement("a")).toEqual({ ...still, x: 120, scaleX: 1.5 });
  });

  test("a side scales one way, from the grip that was taken slightly beside its middle", () => {
    const fake = hands();
    drag(createMove(), fake, at(61, 51), at(41, 70));
    expect(fake.placement("a")).toEqual({ ...still, x: 90, scaleX: 1.25 });
  });

  test("Alt scales about the middle", () => {
    const fake = hands();
    drag(createMove(), fake, at(140, 50), at(160, 50, { alt: true }));
    expect(fake.placement("a")).toEqual({ ...still, scaleX: 1.5 });
  });

  test("a turned layer scales along its own axes", () => {
    const fake = hands({ angle: Math.PI / 2 });
    // Its right side is now the lower one, at (100, 90).
    drag(createMove(), fake, at(100, 90), at(100, 110));
    const { x, y, scaleX, scaleY } = fake.placement("a");
    expect([x, y, scaleX, scaleY].map((value) => Math.round(value * 1000) / 1000)).toEqual([100, 60, 1.25, 1]);
  });

  test("a mirrored layer stays mirrored, and nothing gets smaller than a pixel", () => {
    const fake = hands({ scaleX: -1 });
    drag(createMove(), fake, at(140, 50), at(-500, 50));
    expect(fake.placement("a").scaleX).toBeCloseTo(-1 / 80);
    expect(fake.placement("a").x).toBeCloseTo(60.5);
  });
});

describe("turning", () => {
  test("the handle above turns about the middle", () => {
    const fake = hands();
    // 30 screen pixels above (100, 20) at zoom 4.
    drag(createMove(), fake, at(100, 12.5), at(137.5, 50));
    expect(fake.placement("a").angle).toBeCloseTo(Math.PI / 2);
    expect(fake.placement("a").x).toBe(100);
  });

  test("Shift turns in steps of 15 degrees", () => {
    const fake = hands();
    drag(createMove(), fake, at(100, 12.5), at(108, 12, { shift: true }));
    expect(fake.placement("a").angle).toBeCloseTo(Math.PI / 12);
  });
});

describe("handles", () => {
  test.each([0.5, 1, 4, 16])("at zoom %d a corner is taken within 12 screen pixels, not within 20", (zoom) => {
    const near = hands({}, zoom);
    const reach = 8 / zoom;
    drag(createMove(), near, at(140 + reach, 80 + reach), at(180 + reach, 110 + reach));
    expect(near.placement("a").scaleX).toBeCloseTo(1.5);
    const far = hands({}, zoom);
    drag(createMove(), far, at(140 + 20 / zoom, 80 + 20 / zoom), at(180, 110));
    expect(far.placement("a").scaleX).toBe(1);
  });

  test("a layer that is tiny on the screen can still be carried by its middle", () => {
    const fake = hands({}, 0.1);
    drag(createMove(), fake, at(100, 50), at(200, 50));
    expect(fake.placement("a")).toEqual({ ...still, x: 200 });
  });

  test("cursors say what a press would do", () => {
    const fake = hands();
    const tool = createMove();
    const cursorAt = (x: number, y: number): string => {
      tool.hover?.(at(x, y), fake.context);
      return tool.cursor(fake.context);
    };
    expect(cursorAt(140, 80)).toBe("nwse-resize");
    expect(cursorAt(60, 80)).toBe("nesw-resize");
    expect(cursorAt(140, 50)).toBe("ew-resize");
    expect(cursorAt(100, 80)).toBe("ns-resize");
    expect(cursorAt(100, 12.5)).toBe("grab");
    expect(cursorAt(100, 50)).toBe("move");
    expect(cursorAt(5, 5)).toBe("default");
  });

  test("they are drawn for a selected layer only", () => {
    const fake = hands();
    const tool = createMove();
    expect(overlayCalls(tool, fake)).toBeGreaterThan(30);
    fake.selectedId = null;
    expect(overlayCalls(tool, fake)).toBe(0);
  });
});

describe("keys", () => {
  test("arrows move by one pixel and with Shift by ten, each as a step", () => {
    const fake = hands();
    const tool = createMove();
    expect(tool.key?.("ArrowLeft", fake.context)).toBe(true);
    expect(tool.key?.("Shift+ArrowDown", fake.context)).toBe(true);
    expect(fake.placement("a")).toEqual({ ...still, x: 99, y: 60 });
    expect(fake.calls).toEqual(["place", "place"]);
  });

  test("other keys, and arrows without a layer, are left to others", () => {
    const fake = hands();
    const tool = createMove();
    expect(tool.key?.("a", fake.context)).toBe(false);
    fake.selectedId = null;
    expect(tool.key?.("ArrowLeft", fake.context)).toBe(false);
  });
});
