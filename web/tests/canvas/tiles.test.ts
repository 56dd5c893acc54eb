// @vitest-environment node
import { describe, expect, test } from "vitest";
import { Content } from "../../src/canvas/content";
import { bytesOf, changedRect, keep, partOf, tileRect, tilesIn, unkeep } from "../../src/canvas/tiles";

const size = { width: 600, height: 300 };

describe("tiles", () => {
  test("a rectangle meets the tiles that it reaches into, and no others", () => {
    expect(tilesIn({ x: 0, y: 0, width: 256, height: 256 }, size)).toEqual([0]);
    expect(tilesIn({ x: 255, y: 255, width: 2, height: 2 }, size)).toEqual([0, 1, 3, 4]);
    expect(tilesIn({ x: -50, y: -50, width: 900, height: 900 }, size)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(tilesIn({ x: 10, y: 10, width: 0, height: 5 }, size)).toEqual([]);
  });

  test("tiles at the edge are cut to the document", () => {
    expect(tileRect(5, size)).toEqual({ x: 512, y: 256, width: 88, height: 44 });
  });

  test("a change is cut to its rectangle", () => {
    const rect = { x: 256, y: 0, width: 10, height: 8 };
    const before = { rect, pixels: new Uint32Array(80) };
    const after = new Uint32Array(80);
    after[2 * 10 + 3] = 1;
    after[5 * 10 + 7] = 1;
    expect(changedRect(before, after)).toEqual({ x: 259, y: 2, width: 5, height: 4 });
    expect(changedRect(before, new Uint32Array(80))).toBe(null);
  });

  test("kept pixels come back; a mask keeps a byte each, clear ones nothing", () => {
    const rect = { x: 0, y: 0, width: 4, height: 2 };
    const pixels = Uint32Array.from([0, 0, 0, 0, 0, 0x80563412, 0xff000001, 0]);
    const part = { x: 1, y: 1, width: 2, height: 1 };
    const color = keep({ rect, pixels }, part, false);
    const mask = keep({ rect, pixels }, part, true);
    const into = new Uint32Array(2);
    unkeep(color, 0, into);
    expect([...into]).toEqual([0x80563412, 0xff000001]);
    unkeep(mask, 0x332211, into);
    expect([...into]).toEqual([0x80332211, 0xff332211]);
    expect(bytesOf(color) - bytesOf(mask)).toBe(6);
    const clear = keep({ rect, pixels }, { x: 0, y: 0, width: 4, height: 1 }, false);
    expect(clear.data).toBe(null);
    unkeep(clear, 0x332211, into);
    expect([...into]).toEqual([0, 0]);
  });

  test("a part of a block has the pixels of its place", () => {
    const block = { rect: { x: 10, y: 20, width: 3, height: 2 }, pixels: Uint32Array.from([1, 2, 3, 4, 5, 6]) };
    expect([...partOf(block, { x: 11, y: 20, width: 2, height: 2 }).pixels]).toEqual([2, 3, 5, 6]);
    expect(partOf(block, block.rect)).toBe(block);
  });
});

describe("content", () => {
  test("bounds follow changes and only changed tiles are read again", () => {
    const reads: number[] = [];
    const paint = new Map<string, number>();
    const read = (rect: { x: number; y: number; width: number; height: number }): Uint32Array => {
      reads.push(rect.x);
      const pixels = new Uint32Array(rect.width * rect.height);
      for (const [key, value] of paint) {
        const [x = 0, y = 0] = key.split(",").map(Number);
        if (x >= rect.x && x < rect.x + rect.width && y >= rect.y && y < rect.y + rect.height) pixels[(y - rect.y) * rect.width + x - rect.x] = value;
      }
      return pixels;
    };
    const content = new Content(size, true);
    expect(content.bounds(read)).toBe(null);
    expect(reads).toEqual([]);
    paint.set("300,10", 0x01000000).set("310,40", 0xff0000ff).set("320,50", 0x00ffffff);
    content.forget({ x: 300, y: 10, width: 21, height: 41 });
    expect(content.isClear(0)).toBe(true);
    expect(content.isClear(1)).toBe(false);
    expect(content.any(read)).toBe(true);
    expect(content.bounds(read)).toEqual({ x: 300, y: 10, width: 11, height: 31 });
    expect(reads).toEqual([256]);
  });
});
