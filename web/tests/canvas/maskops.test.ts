import { describe, expect, test } from "vitest";
import {
  alphaBounds, boxRadii, clearAlpha, featherAlpha, invertAlpha, luminanceAlpha, readAlpha, writeAlpha,
} from "@/canvas/maskops";
import { draw, seeded } from "./masks";

describe("channels", () => {
  test("alpha that is written is read again, and the color is what was said", () => {
    const alpha = new Uint8ClampedArray([0, 1, 128, 255]);
    const pixels = new Uint8ClampedArray(16);
    writeAlpha(pixels, alpha, 10, 20, 30);
    expect([...readAlpha(pixels)]).toEqual([0, 1, 128, 255]);
    expect([...pixels.slice(8, 12)]).toEqual([10, 20, 30, 128]);
  });

  test("inverting twice gives the same mask, and once every byte's complement", () => {
    const alpha = new Uint8ClampedArray([0, 1, 128, 255]);
    expect([...invertAlpha(alpha)]).toEqual([255, 254, 127, 0]);
    expect([...invertAlpha(invertAlpha(alpha))]).toEqual([...alpha]);
  });

  test("a clear mask has the size asked for and marks nothing", () => {
    const clear = clearAlpha({ width: 3, height: 2 });
    expect(clear.length).toBe(6);
    expect(alphaBounds(clear, { width: 3, height: 2 })).toBeNull();
  });

  // Made with Pillow: Image.new("RGB", (1, 1), color).convert("L").getpixel((0, 0)).
  test.each([
    [255, 255, 255, 255], [0, 0, 0, 0], [255, 0, 0, 76], [0, 255, 0, 150], [0, 0, 255, 29], [12, 34, 56, 30], [200, 100, 50, 124],
    [1, 1, 1, 1], [254, 255, 253, 254],
  ])("the brightness of %i %i %i is Pillow's %i", (red, green, blue, luma) => {
    expect([...luminanceAlpha(new Uint8ClampedArray([red, green, blue, 255]))]).toEqual([luma]);
  });

  test("what is transparent in a mask file is not redrawn", () => {
    expect([...luminanceAlpha(new Uint8ClampedArray([255, 255, 255, 0, 255, 255, 255, 128]))]).toEqual([0, 128]);
  });
});

describe("bounds", () => {
  test("bounds agree with looking at every pixel", () => {
    const random = seeded(3);
    for (let round = 0; round < 60; round += 1) {
      const size = { width: 1 + Math.floor(random() * 12), height: 1 + Math.floor(random() * 9) };
      const alpha = draw(size, () => (random() < 0.05 ? 1 + Math.floor(random() * 255) : 0));
      const xs: number[] = [];
      const ys: number[] = [];
      alpha.forEach((value, i) => {
        if (value > 0) {
          xs.push(i % size.width);
          ys.push(Math.floor(i / size.width));
        }
      });
      const [x, y] = [Math.min(...xs), Math.min(...ys)];
      const expected = xs.length === 0 ? null : { x, y, width: Math.max(...xs) - x + 1, height: Math.max(...ys) - y + 1 };
      expect(alphaBounds(alpha, size)).toEqual(expected);
    }
  });
});

describe("feather", () => {
  test("an even mask stays as it is up to the border", () => {
    for (const value of [1, 77, 254, 255]) {
      const size = { width: 17, height: 9 };
      expect([...featherAlpha(draw(size, () => value), size, 6)]).toEqual(Array(17 * 9).fill(value));
    }
  });

  test("zero and negative feathers change nothing", () => {
    const size = { width: 8, height: 8 };
    const alpha = draw(size, (x, y) => (x > y ? 255 : 0));
    expect([...featherAlpha(alpha, size, 0)]).toEqual([...alpha]);
    expect([...featherAlpha(alpha, size, -4)]).toEqual([...alpha]);
  });

  test("no weight is lost: the sum of a mask far from the border stays", () => {
    const size = { width: 96, height: 96 };
    const alpha = draw(size, (x, y) => (Math.hypot(x - 48, y - 48) < 16 ? 255 : 0));
    const sum = (mask: Uint8ClampedArray): number => mask.reduce((total, value) => total + value, 0);
    expect(sum(featherAlpha(alpha, size, 5)) / sum(alpha)).toBeCloseTo(1, 2);
  });

  test.each([[1, 6], [2, 3], [4, 3], [9, 3]])("a feather of %i pixels is a Gaussian of that deviation to within %i percent", (sigma, percent) => {
    const size = { width: 120, height: 120 };
    const alpha = draw(size, (x) => (x < 60 ? 255 : 0));
    const soft = featherAlpha(alpha, size, sigma);
    for (let x = 0; x < 120; x += 1) {
      let expected = 0;
      let weights = 0;
      for (let k = -60; k <= 60; k += 1) {
        const weight = Math.exp((-k * k) / (2 * sigma * sigma));
        weights += weight;
        if (x + k < 60) expected += weight;
      }
      expect(Math.abs((soft[50 * 120 + x] as number) - (255 * expected) / weights)).toBeLessThan((percent / 100) * 255);
    }
  });

  test("rows and columns are softened alike", () => {
    const size = { width: 40, height: 40 };
    const wide = featherAlpha(draw(size, (x) => (x < 15 ? 255 : 0)), size, 3);
    const high = featherAlpha(draw(size, (_, y) => (y < 15 ? 255 : 0)), size, 3);
    for (let i = 0; i < 40; i += 1) expect(wide[20 * 40 + i]).toBe(high[i * 40 + 20]);
  });

  test("the three boxes have the variance asked for", () => {
    for (const sigma of [0.8, 1.5, 3, 7.2, 20, 64]) {
      const variance = boxRadii(sigma).reduce((sum, radius) => sum + ((2 * radius + 1) ** 2 - 1) / 12, 0);
      expect(Math.abs(Math.sqrt(variance) - sigma)).toBeLessThan(0.35);
    }
  });

  test("a feather wider than the picture is still fine", () => {
    const size = { width: 5, height: 3 };
    const soft = featherAlpha(draw(size, (x) => (x === 0 ? 255 : 0)), size, 40);
    expect(Math.max(...soft)).toBeLessThan(255);
    expect(Math.min(...soft)).toBeGreaterThan(0);
  });
});
