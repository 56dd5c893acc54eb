import { describe, expect, test } from "vitest";
import { nearestRows } from "@/canvas/distance";
import { growAlpha } from "@/canvas/growth";
import { featherAlpha, invertAlpha } from "@/canvas/maskops";
import { draw, seeded } from "./masks";

const size = { width: 40, height: 32 };

/** Alpha of a disc, antialiased by 16x16 samples for each pixel. */
function disc(centerX: number, centerY: number, radius: number, full = 255): Uint8ClampedArray<ArrayBuffer> {
  return draw(size, (x, y) => {
    let inside = 0;
    for (let i = 0; i < 256; i += 1) {
      const offX = x + ((i % 16) + 0.5) / 16 - centerX;
      const offY = y + (Math.floor(i / 16) + 0.5) / 16 - centerY;
      if (offX * offX + offY * offY <= radius * radius) inside += 1;
    }
    return (inside / 256) * full;
  });
}

/** The most alpha within a distance of each pixel. */
function mostWithin(alpha: Uint8ClampedArray, reach: number): Uint8ClampedArray {
  return draw(size, (x, y) => {
    let most = 0;
    alpha.forEach((value, i) => {
      if (value > most && Math.hypot((i % size.width) - x, Math.floor(i / size.width) - y) <= reach) most = value;
    });
    return most;
  });
}

function apart(a: Uint8ClampedArray, b: Uint8ClampedArray): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);
}

describe("distances", () => {
  test("the nearest pixel is as near as looking at every pixel finds", () => {
    const random = seeded(11);
    for (let round = 0; round < 40; round += 1) {
      const small = { width: 1 + Math.floor(random() * 14), height: 1 + Math.floor(random() * 14) };
      const share = random() * 0.3;
      const alpha = draw(small, () => (random() < share ? 255 : 0));
      nearestRows(alpha, small, 128, ({ squared, column, rows }, y) => {
        for (let x = 0; x < small.width; x += 1) {
          let least = Infinity;
          alpha.forEach((value, j) => {
            if (value >= 128) least = Math.min(least, (x - (j % small.width)) ** 2 + (y - Math.floor(j / small.width)) ** 2);
          });
          expect(squared[x]).toBe(least);
          if (least === Infinity) continue;
          const [u, v] = [column[x] as number, rows[x] as number];
          expect((x - u) ** 2 + v ** 2).toBe(least);
          expect(alpha[(y + v) * small.width + u]).toBe(255);
        }
      });
    }
  });
});

describe("growing", () => {
  test("a hard mask grows by exact distances, with an edge one pixel wide", () => {
    const random = seeded(5);
    for (const pixels of [0.5, 1, 2, 3.3, 7]) {
      const alpha = draw(size, () => (random() < 0.01 ? 255 : 0));
      const expected = draw(size, (x, y) => {
        let least = Infinity;
        alpha.forEach((value, i) => {
          if (value === 255) least = Math.min(least, Math.hypot((i % size.width) - x, Math.floor(i / size.width) - y));
        });
        return 255 * Math.min(1, Math.max(0, pixels + 1 - least));
      });
      expect(apart(growAlpha(alpha, size, pixels), expected)).toBeLessThanOrEqual(1);
    }
  });

  test.each([[3, 5], [6, 4.5], [8, -3], [9, -4.2]])("a disc of %d pixels grown by %d is the disc with that radius", (radius, pixels) => {
    const grown = growAlpha(disc(19.7, 15.2, radius), size, pixels);
    expect(apart(grown, disc(19.7, 15.2, radius + pixels))).toBeLessThan(70);
    const sum = (mask: Uint8ClampedArray): number => mask.reduce((total, value) => total + value, 0);
    const expected = sum(disc(19.7, 15.2, radius + pixels));
    expect(Math.abs(sum(grown) - expected) / expected).toBeLessThan(0.03);
  });

  test("a flat grey grows as that grey", () => {
    const grown = growAlpha(disc(20, 16, 6, 80), size, 4);
    expect(Math.max(...grown)).toBe(80);
    expect(apart(grown, disc(20, 16, 10, 80))).toBeLessThan(24);
  });

  test("two greys beside each other keep their levels and the lower one loses nothing to the edge", () => {
    const alpha = draw(size, (x, y) => (y < 8 || y > 23 || x < 8 || x > 31 ? 0 : x < 20 ? 90 : 255));
    const grown = growAlpha(alpha, size, 3);
    expect(grown[16 * size.width + 6]).toBe(90);
    expect(grown[16 * size.width + 17]).toBe(255);
    expect(grown[16 * size.width + 16]).toBeLessThan(255);
    expect(grown[16 * size.width + 33]).toBe(255);
  });

  test("a soft slope moves outwards as it is", () => {
    const soft = featherAlpha(draw(size, (x) => (x < 16 ? 255 : 0)), size, 3);
    const grown = growAlpha(soft, size, 5);
    for (let x = 6; x < 40; x += 1) expect(Math.abs((grown[640 + x] as number) - (soft[640 + x - 5] as number))).toBeLessThan(14);
  });

  test("a soft mask grows to the most alpha within reach, nearly", () => {
    const soft = featherAlpha(disc(20, 16, 7), size, 2.5);
    expect(apart(growAlpha(soft, size, 4), mostWithin(soft, 4))).toBeLessThan(40);
  });

  test("shrinking is growing of what is kept", () => {
    const alpha = disc(20, 16, 9);
    expect([...growAlpha(alpha, size, -3)]).toEqual([...invertAlpha(growAlpha(invertAlpha(alpha), size, 3))]);
  });

  test("growing never lowers a pixel, shrinking never raises one", () => {
    const random = seeded(9);
    const alpha = draw(size, () => (random() < 0.2 ? random() * 255 : 0));
    expect(growAlpha(alpha, size, 2).every((value, i) => value >= (alpha[i] as number))).toBe(true);
    expect(growAlpha(alpha, size, -2).every((value, i) => value <= (alpha[i] as number))).toBe(true);
  });

  test("a mask does not shrink from the border of the document", () => {
    const alpha = draw(size, (x) => (x < 12 ? 255 : 0));
    const shrunk = growAlpha(alpha, size, -4);
    for (let y = 0; y < size.height; y += 1) for (let x = 0; x < 8; x += 1) expect(shrunk[y * size.width + x]).toBe(255);
    expect(shrunk[8]).toBe(0);
    expect([...growAlpha(draw(size, () => 255), size, -4)]).toEqual(Array(size.width * size.height).fill(255));
  });

  test("zero, nothing and endless give the mask back as a new one", () => {
    const alpha = disc(10, 10, 4);
    for (const pixels of [0, NaN, Infinity]) expect([...growAlpha(alpha, size, pixels)]).toEqual([...alpha]);
    expect(growAlpha(alpha, size, 0)).not.toBe(alpha);
    expect(Math.max(...growAlpha(draw(size, () => 0), size, 9))).toBe(0);
  });
});
