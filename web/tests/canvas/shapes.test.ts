import { describe, expect, test } from "vitest";
import { createEllipse, createRectangle, dragBox } from "@/canvas/tools/shapes";
import { FakeContext, at, drag, overlayCalls } from "./hands";

describe("rectangle", () => {
  test("a drag fills the box on whole pixels as one step", () => {
    const fake = new FakeContext();
    drag(createRectangle(), fake, at(10.4, 20.6), at(30, 30), at(60.2, 50.4));
    expect(fake.commits).toEqual(["canvas.step.rectangle"]);
    expect(fake.drawn.find((call) => call.name === "rect")?.values).toEqual([10, 21, 50, 29]);
    expect(fake.touched).toEqual([{ x: 10, y: 21, width: 50, height: 29 }]);
  });

  test("it is painted in the paint's color at the brush's opacity, or taken away with subtract", () => {
    for (const [subtract, operation] of [[false, "source-over"], [true, "destination-out"]] as const) {
      const fake = new FakeContext({ subtract, opacity: 0.4 });
      drag(createRectangle(), fake, at(10, 10), at(50, 50));
      const fill = fake.drawn.find((call) => call.name === "fill");
      expect(fill?.state).toMatchObject({ fillStyle: "#ff0000", globalAlpha: 0.4, globalCompositeOperation: operation });
    }
  });

  test("dragging to the upper left gives the same box", () => {
    const fake = new FakeContext();
    drag(createRectangle(), fake, at(60, 50), at(10, 21));
    expect(fake.drawn.find((call) => call.name === "rect")?.values).toEqual([10, 21, 50, 29]);
  });

  test.each([0.1, 1, 8])("at zoom %d a click with a trembling hand does nothing", (zoom) => {
    const fake = new FakeContext({ zoom, size: { width: 4000, height: 4000 } });
    drag(createRectangle(), fake, at(10, 10), at(10 + 2.5 / zoom, 10 - 2 / zoom));
    expect(fake.calls).toEqual([]);
    drag(createRectangle(), fake, at(10, 10), at(10 + 20 / zoom, 10 + 20 / zoom));
    expect(fake.commits.length).toBe(1);
  });

  test("a drag along one line has no area and does nothing", () => {
    const fake = new FakeContext();
    drag(createRectangle(), fake, at(10, 10), at(90, 10.2));
    expect(fake.calls).toEqual([]);
  });

  test("parts outside of the document are cut off, a box all outside does nothing", () => {
    const fake = new FakeContext();
    drag(createRectangle(), fake, at(-50, -40), at(20, 10));
    expect(fake.touched).toEqual([{ x: 0, y: 0, width: 20, height: 10 }]);
    const outside = new FakeContext();
    drag(createRectangle(), outside, at(300, 10), at(400, 90));
    expect(outside.calls).toEqual([]);
  });

  test("cancel leaves no trace, and the release after it does nothing", () => {
    const fake = new FakeContext();
    const tool = createRectangle();
    tool.down(at(10, 10), fake.context);
    tool.move([at(60, 60)], fake.context);
    expect(overlayCalls(tool, fake)).toBeGreaterThan(0);
    tool.cancel(fake.context);
    tool.up(at(60, 60), fake.context);
    expect(fake.calls).toEqual([]);
    expect(overlayCalls(tool, fake)).toBe(0);
  });

  test("pixels change at release only", () => {
    const fake = new FakeContext();
    const tool = createRectangle();
    tool.down(at(10, 10), fake.context);
    tool.move([at(60, 60)], fake.context);
    expect(fake.calls).toEqual([]);
  });

  test("with nothing to paint on it does nothing and says so by its cursor", () => {
    const fake = new FakeContext({ target: "none" });
    const tool = createRectangle();
    drag(tool, fake, at(10, 10), at(60, 60));
    expect(fake.calls).toEqual([]);
    expect(tool.cursor(fake.context)).toBe("not-allowed");
  });
});

describe("ellipse", () => {
  test("it touches the sides of the dragged box", () => {
    const fake = new FakeContext();
    drag(createEllipse(), fake, at(10, 20), at(51, 40));
    expect(fake.drawn.find((call) => call.name === "ellipse")?.values.slice(0, 4)).toEqual([30.5, 30, 20.5, 10]);
  });
});

describe("modifiers", () => {
  test("Shift makes the longer side both", () => {
    expect(dragBox({ x: 10, y: 10 }, { x: 40, y: 0 }, true, false)).toEqual({ x: 10, y: -20, width: 30, height: 30 });
    expect(dragBox({ x: 10, y: 10 }, { x: 0, y: 50 }, true, false)).toEqual({ x: -30, y: 10, width: 40, height: 40 });
  });

  test("Alt draws about the first point", () => {
    expect(dragBox({ x: 10, y: 10 }, { x: 15, y: 7 }, false, true)).toEqual({ x: 5, y: 7, width: 10, height: 6 });
    expect(dragBox({ x: 10, y: 10 }, { x: 15, y: 7 }, true, true)).toEqual({ x: 5, y: 5, width: 10, height: 10 });
  });
});
