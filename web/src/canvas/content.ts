import { intersect, union } from "./geometry";
import { TILE, tileRect, tilesIn } from "./tiles";
import type { Rect, Size } from "./types";

/** Where a layer has anything at all, known tile by tile; only tiles that changed are looked at again. */
export class Content {
  #size: Size;
  /** Undefined: not known; null: nothing there. In document pixels. */
  #boxes: (Rect | null | undefined)[];

  constructor(size: Size, clear: boolean) {
    this.#size = { width: size.width, height: size.height };
    this.#boxes = new Array<Rect | null | undefined>(countOf(size)).fill(clear ? null : undefined);
  }

  /** Another canvas of perhaps another size: nothing is known. */
  follow(size: Size): void {
    this.#size = { width: size.width, height: size.height };
    this.#boxes = new Array<Rect | null | undefined>(countOf(size)).fill(undefined);
  }

  forget(rect: Rect): void {
    for (const tile of tilesIn(rect, this.#size)) this.#boxes[tile] = undefined;
  }

  /** Whether a tile is known to hold nothing. */
  isClear(tile: number): boolean {
    return this.#boxes[tile] === null;
  }

  /** The smallest rectangle around everything, or null. `read` gives the RGBA words of a rectangle. */
  bounds(read: (rect: Rect) => Uint32Array): Rect | null {
    let all: Rect | null = null;
    for (let tile = 0; tile < this.#boxes.length; tile += 1) {
      let box = this.#boxes[tile];
      if (box === undefined) {
        const rect = tileRect(tile, this.#size);
        box = boxIn(rect, read(rect));
        this.#boxes[tile] = box;
      }
      all = union(all, box);
    }
    return all && intersect(all, { x: 0, y: 0, ...this.#size });
  }

  /** Whether there is anything; stops at the first find. */
  any(read: (rect: Rect) => Uint32Array): boolean {
    if (this.#boxes.some((box) => box)) return true;
    return this.bounds(read) !== null;
  }
}

function countOf(size: Size): number {
  return Math.ceil(size.width / TILE) * Math.ceil(size.height / TILE);
}

/** The box around all pixels with any alpha. */
function boxIn(rect: Rect, pixels: Uint32Array): Rect | null {
  const { width, height } = rect;
  let left = width;
  let right = -1;
  let top = -1;
  let bottom = -1;
  for (let y = 0; y < height; y += 1) {
    const start = y * width;
    let first = 0;
    while (first < width && ((pixels[start + first] as number) & 0xff000000) === 0) first += 1;
    if (first === width) continue;
    let last = width - 1;
    while (((pixels[start + last] as number) & 0xff000000) === 0) last -= 1;
    if (top < 0) top = y;
    bottom = y;
    left = Math.min(left, first);
    right = Math.max(right, last);
  }
  return top < 0 ? null : { x: rect.x + left, y: rect.y + top, width: right - left + 1, height: bottom - top + 1 };
}
