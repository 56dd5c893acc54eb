import { describe, expect, test } from "vitest";
import { simplify } from "@/canvas/polyline";
import { createLasso, createPolygon } from "@/canvas/tools/lasso";
import type { Tool } from "@/canvas/tool";
import { FakeContext, at, drag, overlayCalls } from "./hands";

function cornersOf(fake: FakeContext): unknown[] {
  return fake.drawn.filter((call) => call.name === "moveTo" || call.name === "lineTo").map((call) => call.values);
}

function click(tool: Tool, fake: FakeContext, x: number, y: number, time: number): void {
  tool.down(at(x, y, { time }), fake.context);
  tool.up(at(x, y, { time: time + 50 }), fake.context);
}

describe("lasso", () => {
  test("the line is closed and filled by winding, without the points that do not matter", () => {
    const fake = new FakeContext();
    drag(createLasso(), fake, at(10, 10), at(30, 10), at(50, 10), at(50, 30), at(50, 50), at(10, 50));
    expect(cornersOf(fake)).toEqual([[10, 10], [50, 10], [50, 50], [10, 50]]);
    expect(fake.drawn.map((call) => call.name)).toContain("closePath");
    expect(fake.drawn.find((call) => call.name === "fill")?.values).toEqual(["nonzero"]);
    expect(fake.commits).toEqual(["canvas.step.lasso"]);
  });

  test("a click, and a tremble, do nothing", () => {
    const fake = new FakeContext();
    drag(createLasso(), fake, at(10, 10), at(10, 10));
    drag(createLasso(), fake, at(10, 10), at(12, 10), at(12, 12), at(10, 12));
    expect(fake.calls).toEqual([]);
  });

  test("cancel leaves no trace", () => {
    const fake = new FakeContext();
    const tool = createLasso();
    tool.down(at(10, 10), fake.context);
    tool.move([at(50, 10), at(50, 50)], fake.context);
    tool.cancel(fake.context);
    tool.up(at(10, 50), fake.context);
    expect(fake.calls).toEqual([]);
    expect(overlayCalls(tool, fake)).toBe(0);
  });

  test("a line that leaves the document touches only what is inside", () => {
    const fake = new FakeContext();
    drag(createLasso(), fake, at(-60, 50), at(50, -70), at(50, 170));
    expect(fake.touched).toEqual([{ x: 0, y: 0, width: 51, height: 100 }]);
  });
});

describe("simplify", () => {
  test("no point that is left out is further from the line than allowed", () => {
    const points = Array.from({ length: 200 }, (_, i) => ({ x: i / 4, y: 10 * Math.sin(i / 20) }));
    const line = simplify(points, 0.3);
    expect(line.length).toBeLessThan(40);
    expect(line[0]).toEqual(points[0]);
    expect(line.at(-1)).toEqual(points.at(-1));
    for (const { x, y } of points) {
      const i = line.findIndex((point, k) => k > 0 && point.x >= x);
      const [a, b] = [line[Math.max(0, i - 1)], line[Math.max(1, i)]];
      if (!a || !b) throw new Error("no segment");
      const on = a.y + ((b.y - a.y) * (x - a.x)) / (b.x - a.x || 1);
      expect(Math.abs(on - y)).toBeLessThan(0.3 * Math.sqrt(5)); // measured upwards, at a slope of up to 2
    }
  });
});

describe("polygon", () => {
  function threeCorners(): { tool: Tool; fake: FakeContext } {
    const fake = new FakeContext();
    const tool = createPolygon();
    click(tool, fake, 10, 10, 0);
    click(tool, fake, 90, 10, 1000);
    click(tool, fake, 90, 80, 2000);
    return { tool, fake };
  }

  test("Enter fills the corners that were clicked", () => {
    const { tool, fake } = threeCorners();
    expect(fake.calls).toEqual([]);
    expect(tool.key?.("Enter", fake.context)).toBe(true);
    expect(cornersOf(fake)).toEqual([[10, 10], [90, 10], [90, 80]]);
    expect(fake.commits).toEqual(["canvas.step.polygon"]);
    expect(tool.key?.("Enter", fake.context)).toBe(false);
  });

  test("a double click closes at its own place", () => {
    const { tool, fake } = threeCorners();
    click(tool, fake, 40, 80, 3000);
    click(tool, fake, 41, 80, 3150);
    expect(cornersOf(fake)).toEqual([[10, 10], [90, 10], [90, 80], [40, 80]]);
  });

  test("two slow clicks on one place do not close", () => {
    const { tool, fake } = threeCorners();
    click(tool, fake, 40, 80, 3000);
    click(tool, fake, 40, 80, 4000);
    expect(fake.calls).toEqual([]);
  });

  test("a click near the first corner closes, and the cursor says so before", () => {
    const { tool, fake } = threeCorners();
    tool.hover?.(at(18, 14), fake.context);
    expect(tool.cursor(fake.context)).toBe("pointer");
    click(tool, fake, 18, 14, 3000);
    expect(cornersOf(fake)).toEqual([[10, 10], [90, 10], [90, 80]]);
  });

  test("Backspace takes back the last corner, Escape all of them", () => {
    const { tool, fake } = threeCorners();
    click(tool, fake, 5, 60, 3000);
    expect(tool.key?.("Backspace", fake.context)).toBe(true);
    tool.key?.("Enter", fake.context);
    expect(cornersOf(fake)).toEqual([[10, 10], [90, 10], [90, 80]]);
    const other = threeCorners();
    expect(other.tool.key?.("Escape", other.fake.context)).toBe(true);
    expect(other.tool.key?.("Enter", other.fake.context)).toBe(false);
    expect(other.fake.calls).toEqual([]);
    expect(overlayCalls(other.tool, other.fake)).toBe(0);
  });

  test("a second finger takes back only the corner being set; leaving the tool takes back all", () => {
    const { tool, fake } = threeCorners();
    tool.down(at(20, 90, { time: 3000 }), fake.context);
    tool.cancel(fake.context);
    expect(overlayCalls(tool, fake)).toBeGreaterThan(0);
    tool.cancel(fake.context);
    expect(overlayCalls(tool, fake)).toBe(0);
    expect(fake.calls).toEqual([]);
  });

  test("two corners make no polygon: it stays open", () => {
    const fake = new FakeContext();
    const tool = createPolygon();
    click(tool, fake, 10, 10, 0);
    click(tool, fake, 90, 10, 1000);
    tool.key?.("Enter", fake.context);
    expect(fake.calls).toEqual([]);
    click(tool, fake, 90, 80, 2000);
    tool.key?.("Enter", fake.context);
    expect(fake.commits.length).toBe(1);
  });

  test("Shift turns a side to 45 degrees", () => {
    const fake = new FakeContext();
    const tool = createPolygon();
    click(tool, fake, 10, 10, 0);
    tool.down(at(60, 14, { shift: true, time: 1000 }), fake.context);
    tool.up(at(60, 14, { shift: true, time: 1050 }), fake.context);
    click(tool, fake, 60, 80, 2000);
    tool.key?.("Enter", fake.context);
    expect(cornersOf(fake)[1]).toEqual([60, 10]);
  });

  test("the line to the pointer follows it", () => {
    const { tool, fake } = threeCorners();
    const before = overlayCalls(tool, fake);
    tool.hover?.(at(20, 90), fake.context);
    expect(overlayCalls(tool, fake)).toBeGreaterThanOrEqual(before);
  });
});
