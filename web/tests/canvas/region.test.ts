import { describe, expect, test } from "vitest";
import { createRegion } from "@/canvas/tools/region";
import type { Rect } from "@/canvas/types";
import { FakeContext, at, drag, overlayCalls } from "./hands";
import { seeded } from "./masks";

const box: Rect = { x: 40, y: 20, width: 80, height: 40 };

function hands(region: Rect | null = box): FakeContext {
  return new FakeContext({ region: region && { ...region }, zoom: 4 });
}

describe("a new box", () => {
  test("a drag makes it, of whole pixels", () => {
    const fake = hands(null);
    drag(createRegion(), fake, at(10.4, 20.7), at(60.6, 50.2));
    expect(fake.region).toEqual({ x: 10, y: 21, width: 51, height: 29 });
  });

  test("it is cut to the document, from outside too", () => {
    const fake = hands(null);
    drag(createRegion(), fake, at(-20, -30), at(500, 50));
    expect(fake.region).toEqual({ x: 0, y: 0, width: 200, height: 50 });
  });

  test("Shift makes a square that fits", () => {
    const fake = hands(null);
    drag(createRegion(), fake, at(150, 10), at(199, 90, { shift: true }));
    expect(fake.region).toEqual({ x: 150, y: 10, width: 50, height: 50 });
  });

  test("a click makes none and keeps the one that is there", () => {
    const fake = hands(null);
    drag(createRegion(), fake, at(10, 10), at(10.5, 10));
    expect(fake.region).toBeNull();
    const kept = hands();
    drag(createRegion(), kept, at(5, 5), at(5, 5));
    expect(kept.region).toEqual(box);
    expect(kept.calls).toEqual([]);
  });
});

describe("the box that is there", () => {
  test("its inside carries it, and it stays in the document", () => {
    const fake = hands();
    drag(createRegion(), fake, at(80, 40), at(90.4, 45.6));
    expect(fake.region).toEqual({ ...box, x: 50, y: 26 });
    drag(createRegion(), fake, at(80, 45), at(500, -200));
    expect(fake.region).toEqual({ ...box, x: 120, y: 0 });
  });

  test("each grip moves its own sides", () => {
    const pull = (from: [number, number], to: [number, number]): Rect | null => {
      const fake = hands();
      drag(createRegion(), fake, at(...from), at(...to));
      return fake.region;
    };
    expect(pull([120, 60], [140, 70])).toEqual({ x: 40, y: 20, width: 100, height: 50 });
    expect(pull([40, 20], [30, 5])).toEqual({ x: 30, y: 5, width: 90, height: 55 });
    expect(pull([120, 40], [150, 90])).toEqual({ x: 40, y: 20, width: 110, height: 40 });
    expect(pull([40, 40], [50, 90])).toEqual({ x: 50, y: 20, width: 70, height: 40 });
    expect(pull([80, 20], [0, 10])).toEqual({ x: 40, y: 10, width: 80, height: 50 });
    expect(pull([80, 60], [0, 95])).toEqual({ x: 40, y: 20, width: 80, height: 75 });
  });

  test("a grip that is pulled across the other side turns the box over", () => {
    const fake = hands();
    drag(createRegion(), fake, at(120, 60), at(20, 10));
    expect(fake.region).toEqual({ x: 20, y: 10, width: 20, height: 10 });
  });

  test("Shift keeps the proportions, inside the document", () => {
    const corner = hands();
    drag(createRegion(), corner, at(120, 60), at(140, 60, { shift: true }));
    expect(corner.region).toEqual({ x: 40, y: 20, width: 100, height: 50 });
    drag(createRegion(), corner, at(140, 70), at(900, 900, { shift: true }));
    expect(corner.region).toEqual({ x: 40, y: 20, width: 160, height: 80 });
    const edge = hands();
    drag(createRegion(), edge, at(120, 40), at(140, 40, { shift: true }));
    expect(edge.region).toEqual({ x: 40, y: 15, width: 100, height: 50 });
  });

  test("whatever is done, it is of whole pixels, not empty, and inside", () => {
    const random = seeded(77);
    const point = (): number => Math.round(random() * 2600 - 300) / 10;
    const tool = createRegion();
    const fake = hands();
    for (let round = 0; round < 500; round += 1) {
      const shift = random() < 0.5;
      drag(tool, fake, at(point(), point() / 2), at(point(), point() / 2, { shift }), at(point(), point() / 2, { shift }));
      const { x, y, width, height } = fake.region ?? box;
      expect([x, y, width, height].every(Number.isInteger)).toBe(true);
      expect(x >= 0 && y >= 0 && width >= 1 && height >= 1 && x + width <= 200 && y + height <= 100).toBe(true);
    }
  });
});

describe("leaving", () => {
  test("cancel gives the former box back", () => {
    const fake = hands();
    const tool = createRegion();
    tool.down(at(80, 40), fake.context);
    tool.move([at(120, 60)], fake.context);
    expect(fake.region).not.toEqual(box);
    tool.cancel(fake.context);
    tool.up(at(120, 60), fake.context);
    expect(fake.region).toEqual(box);
  });

  test("Escape takes the box away, and is left to others where there is none", () => {
    const fake = hands();
    const tool = createRegion();
    expect(tool.key?.("Enter", fake.context)).toBe(false);
    expect(tool.key?.("Escape", fake.context)).toBe(true);
    expect(fake.region).toBeNull();
    expect(tool.key?.("Escape", fake.context)).toBe(false);
    expect(overlayCalls(tool, fake)).toBe(0);
  });

  test("cursors say what a press would do", () => {
    const fake = hands();
    const tool = createRegion();
    tool.hover?.(at(120, 60), fake.context);
    expect(tool.cursor(fake.context)).toBe("nwse-resize");
    tool.hover?.(at(80, 40), fake.context);
    expect(tool.cursor(fake.context)).toBe("move");
    tool.hover?.(at(5, 5), fake.context);
    expect(tool.cursor(fake.context)).toBe("crosshair");
  });
});
