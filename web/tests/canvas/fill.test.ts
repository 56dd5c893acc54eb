import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { flood } from "@/canvas/flood";
import { growAlpha } from "@/canvas/growth";
import { createFill } from "@/canvas/tools/fill";
import type { Size } from "@/canvas/types";
import { FakeContext, at, drag, recorder } from "./hands";
import { seeded } from "./masks";

type Pixels = Uint8ClampedArray<ArrayBuffer>;

function picture(size: Size, color: (x: number, y: number) => readonly [number, number, number, number]): Pixels {
  const pixels = new Uint8ClampedArray(4 * size.width * size.height);
  for (let i = 0; i < size.width * size.height; i += 1) pixels.set(color(i % size.width, Math.floor(i / size.width)), 4 * i);
  return pixels;
}

/** The area by looking at neighbor after neighbor. */
function slowly(pixels: Pixels, { width, height }: Size, x: number, y: number): Uint8ClampedArray<ArrayBuffer> {
  const area = new Uint8ClampedArray(width * height);
  const visit = (u: number, v: number): void => {
    if (u < 0 || v < 0 || u >= width || v >= height || area[v * width + u] === 255) return;
    if (pixels[4 * (v * width + u)] !== pixels[4 * (y * width + x)]) return;
    area[v * width + u] = 255;
    visit(u + 1, v);
    visit(u - 1, v);
    visit(u, v + 1);
    visit(u, v - 1);
  };
  visit(x, y);
  return area;
}

describe("flood", () => {
  test("it finds what going from neighbor to neighbor finds, and one pixel around it", () => {
    const random = seeded(21);
    for (let round = 0; round < 80; round += 1) {
      const size = { width: 1 + Math.floor(random() * 20), height: 1 + Math.floor(random() * 20) };
      const pixels = picture(size, () => [random() < 0.4 ? 255 : 0, 0, 0, 255]);
      const [x, y] = [Math.floor(random() * size.width), Math.floor(random() * size.height)];
      const expected = growAlpha(slowly(pixels, size, x, y), size, 1);
      const found = flood(pixels, size, { x: x + 0.5, y: y + 0.5 }, 0);
      if (!found) throw new Error("nothing found");
      const whole = new Uint8ClampedArray(size.width * size.height);
      for (let v = 0; v < found.box.height; v += 1) {
        const row = found.alpha.subarray(v * found.box.width, (v + 1) * found.box.width);
        whole.set(row, (found.box.y + v) * size.width + found.box.x);
      }
      whole.forEach((value, i) => expect(Math.abs(value - (expected[i] ?? -9))).toBeLessThanOrEqual(1));
    }
  });

  test("areas that touch at a corner only are not one", () => {
    const size = { width: 8, height: 8 };
    const pixels = picture(size, (x, y) => ((x < 4) === (y < 4) ? [255, 255, 255, 255] : [0, 0, 0, 255]));
    expect(flood(pixels, size, { x: 1, y: 1 }, 0)?.box).toEqual({ x: 0, y: 0, width: 5, height: 5 });
  });

  test("the tolerance is the largest difference in a channel, of the color that was clicked on", () => {
    const size = { width: 60, height: 1 };
    const pixels = picture(size, (x) => [4 * x, 100, 100, 255]);
    expect(flood(pixels, size, { x: 0, y: 0 }, 40 / 255)?.box.width).toBe(11 + 1);
    expect(flood(pixels, size, { x: 0, y: 0 }, 1)?.box.width).toBe(60);
  });

  test("what is transparent is alike, whatever color it hides", () => {
    const size = { width: 10, height: 1 };
    const pixels = picture(size, (x) => (x < 5 ? [25 * x, 0, 200, 0] : [0, 0, 0, 255]));
    expect(flood(pixels, size, { x: 0, y: 0 }, 0)?.box.width).toBe(6);
  });

  test("outside of the picture there is nothing to find", () => {
    const size = { width: 2, height: 2 };
    const pixels = picture(size, () => [0, 0, 0, 255]);
    for (const [x, y] of [[-0.1, 0], [2, 0], [0, 2], [0, -5]] as const) expect(flood(pixels, size, { x, y }, 1)).toBeNull();
  });
});

describe("fill", () => {
  const size = { width: 20, height: 10 };
  const sample = (): ImageData => ({ data: picture(size, (x) => (x < 8 ? [0, 0, 0, 255] : [255, 255, 255, 255])) }) as ImageData;

  beforeEach(() => {
    vi.stubGlobal("OffscreenCanvas", class {
      getContext = (): unknown => recorder([]);
    });
    vi.stubGlobal("ImageData", class {
      readonly data: Pixels;
      constructor(width: number, height: number) {
        this.data = new Uint8ClampedArray(4 * width * height);
      }
    });
  });
  afterEach(() => vi.unstubAllGlobals());

  test("a click paints the area at once, as one step, inside its box only", () => {
    const fake = new FakeContext({ size, sample, subtract: true, opacity: 0.5 });
    drag(createFill(), fake, at(2, 2), at(2, 2));
    expect(fake.commits).toEqual(["canvas.step.fill"]);
    expect(fake.touched).toEqual([{ x: 0, y: 0, width: 9, height: 10 }]);
    const stamped = fake.drawn.find((call) => call.name === "drawImage");
    expect(stamped?.values.slice(1)).toEqual([0, 0]);
    expect(stamped?.state).toMatchObject({ globalAlpha: 0.5, globalCompositeOperation: "destination-out" });
  });

  test("a drag, a click outside, a cancelled click and one without a target do nothing", () => {
    const fake = new FakeContext({ size, sample });
    const tool = createFill();
    drag(tool, fake, at(2, 2), at(18, 2));
    drag(tool, fake, at(-1, 2), at(-1, 2));
    tool.down(at(2, 2), fake.context);
    tool.cancel(fake.context);
    tool.up(at(2, 2), fake.context);
    expect(fake.calls).toEqual([]);
    const none = new FakeContext({ size, sample, target: "none" });
    drag(tool, none, at(2, 2), at(2, 2));
    expect(none.calls).toEqual([]);
  });
});
