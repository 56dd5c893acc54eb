// @vitest-environment node
import { describe, expect, test } from "vitest";
import { reach, sweep, wash } from "../../src/canvas/coverage";
import type { Nib } from "../../src/canvas/coverage";
import { bend, isNear } from "../../src/canvas/stroke";
import { halved, levelFor } from "../../src/canvas/pyramid";
import { nibOf, wordOf } from "../../src/canvas/tools/brush";

const nib = (x: number, y: number, radius = 10, strength = 1): Nib => ({ x, y, radius, strength });

function painted(from: Nib, to: Nib, hardness: number, side = 64): Uint8Array {
  const grid = { rect: { x: 0, y: 0, width: side, height: side }, values: new Uint8Array(side * side) };
  sweep(grid, grid.rect, from, to, hardness);
  return grid.values;
}

describe("coverage", () => {
  test("a hard dot has the area of its circle", () => {
    const sum = painted(nib(32, 32), nib(32, 32), 1).reduce((all, value) => all + value, 0) / 255;
    expect(sum / (Math.PI * 100)).toBeCloseTo(1, 1);
  });

  test("a stroke is as even in pieces as at once", () => {
    const grid = { rect: { x: 0, y: 0, width: 64, height: 64 }, values: new Uint8Array(64 * 64) };
    for (let at = 0; at < 8; at += 1) sweep(grid, grid.rect, nib(12 + at * 5, 32), nib(17 + at * 5, 32), 0.4);
    const whole = painted(nib(12, 32), nib(52, 32), 0.4);
    const off = grid.values.reduce((most, value, at) => Math.max(most, Math.abs(value - (whole[at] ?? 0))), 0);
    expect(off).toBeLessThanOrEqual(1);
  });

  test("soft brushes fall off from the middle to the rim, and reach no further", () => {
    const values = painted(nib(32.5, 32.5, 20), nib(32.5, 32.5, 20), 0);
    const row = [...values.slice(32 * 64 + 32, 32 * 64 + 64)];
    expect(row[0]).toBe(255);
    expect(row.every((value, at) => at === 0 || value <= (row[at - 1] ?? 255))).toBe(true);
    expect(row[10]).toBeGreaterThan(90);
    expect(row[10]).toBeLessThan(170);
    expect(row[21]).toBe(0);
  });

  test("what a segment reaches holds all that it covers", () => {
    const from = nib(20.3, 18.7, 6);
    const to = nib(41.9, 33.1, 11);
    const area = reach(from, to);
    const outside = [...painted(from, to, 0.7)].filter((value, at) => {
      const x = at % 64;
      const y = Math.floor(at / 64);
      return value > 0 && (x < area.x || y < area.y || x >= area.x + area.width || y >= area.y + area.height);
    });
    expect(outside).toEqual([]);
  });

  test("laying over, and taking away, compose alpha and color", () => {
    const grid = { rect: { x: 0, y: 0, width: 4, height: 1 }, values: Uint8Array.from([0, 255, 128, 128]) };
    const before = Uint32Array.from([0x40112233, 0x40112233, 0, 0xff000000]);
    const after = new Uint32Array(4);
    wash(grid, grid.rect, before, after, { color: 0x0000ff, erases: false, flat: false, opacity: 1 });
    expect([...after].map((value) => value.toString(16))).toEqual(["40112233", "ff0000ff", "800000ff", "ff000080"]);
    wash(grid, grid.rect, before, after, { color: 0, erases: true, flat: false, opacity: 1 });
    expect([...after].map((value) => value.toString(16))).toEqual(["40112233", "0", "0", "7f000000"]);
  });

  test("a mask keeps one color whatever was there", () => {
    const grid = { rect: { x: 0, y: 0, width: 1, height: 1 }, values: Uint8Array.of(100) };
    const after = new Uint32Array(1);
    wash(grid, grid.rect, Uint32Array.of(0x40010203), after, { color: 0x7f3dff, erases: false, flat: true, opacity: 1 });
    expect((after[0] ?? 0) & 0xffffff).toBe(0x7f3dff);
  });
});

describe("strokes", () => {
  test("straight ways are not cut up, bent ones are, and end where they should", () => {
    const straight: Nib[] = [];
    bend(straight, nib(0, 0), nib(50, 0), nib(100, 0));
    expect(straight.length).toBe(1);
    const bent: Nib[] = [];
    bend(bent, nib(0, 0), nib(50, 50), nib(100, 0));
    expect(bent.length).toBeGreaterThan(4);
    expect(bent.at(-1)).toEqual(nib(100, 0));
  });

  test("tiny movements wait, unless the pressure changes", () => {
    expect(isNear(nib(0, 0, 200), nib(3, 0, 200))).toBe(true);
    expect(isNear(nib(0, 0, 4), nib(3, 0, 4))).toBe(false);
    expect(isNear(nib(0, 0, 20), nib(0, 0, 25))).toBe(false);
  });

  test("a pen's pressure sizes the brush, a mouse never does", () => {
    const brush = { size: 40, hardness: 1, opacity: 1, color: "#000000", pressureSize: true, pressureOpacity: true };
    const sample = { x: 1, y: 2, pressure: 0.5, time: 0, pen: true, shift: false, alt: false, ctrl: false };
    expect(nibOf(sample, brush)).toEqual({ x: 1, y: 2, radius: 10, strength: 0.5 });
    expect(nibOf({ ...sample, pen: false }, brush)).toEqual({ x: 1, y: 2, radius: 20, strength: 1 });
    expect(wordOf("#ff8001")).toBe(0x0180ff);
  });
});

describe("pyramid", () => {
  test("a level has between one and two of its pixels for each of the screen's", () => {
    const size = { width: 4096, height: 4096 };
    expect([4, 1, 0.51, 0.5, 0.26, 0.25, 0.1].map((scale) => levelFor(scale, size))).toEqual([0, 0, 0, 1, 1, 2, 3]);
    expect(levelFor(0.02, { width: 3, height: 900 })).toBe(1);
  });

  test("a changed part is followed by the whole pixels that it became", () => {
    expect(halved({ x: 3, y: 4, width: 2, height: 2 }, { width: 9, height: 9 })).toEqual({ x: 1, y: 2, width: 2, height: 1 });
    expect(halved({ x: 8, y: 8, width: 1, height: 1 }, { width: 9, height: 9 })).toEqual({ x: 4, y: 4, width: 1, height: 1 });
  });
});
