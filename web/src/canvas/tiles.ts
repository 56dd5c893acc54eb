import type { Rect, Size } from "./types";

/** Width and height of a tile in pixels. */
export const TILE = 256;

/** Numbers of the tiles that a rectangle inside a document of this size meets, row by row. */
export function tilesIn(rect: Rect, size: Size): number[] {
  if (rect.width <= 0 || rect.height <= 0) return [];
  const across = Math.ceil(size.width / TILE);
  const down = Math.ceil(size.height / TILE);
  const left = Math.max(0, Math.floor(rect.x / TILE));
  const top = Math.max(0, Math.floor(rect.y / TILE));
  const right = Math.min(across - 1, Math.ceil((rect.x + rect.width) / TILE) - 1);
  const bottom = Math.min(down - 1, Math.ceil((rect.y + rect.height) / TILE) - 1);
  const found: number[] = [];
  for (let row = top; row <= bottom; row += 1) for (let column = left; column <= right; column += 1) found.push(row * across + column);
  return found;
}

/** Where a tile lies; tiles at the right and bottom edge are cut to the document. */
export function tileRect(tile: number, size: Size): Rect {
  const across = Math.ceil(size.width / TILE);
  const x = (tile % across) * TILE;
  const y = Math.floor(tile / across) * TILE;
  return { x, y, width: Math.min(TILE, size.width - x), height: Math.min(TILE, size.height - y) };
}

/** RGBA pixels, one 32-bit word each, of a rectangle. */
export interface Block {
  readonly rect: Rect;
  readonly pixels: Uint32Array;
}

/** The part of a block inside `rect`, which lies in it. */
export function partOf(block: Block, rect: Rect): Block {
  const { x, y, width } = block.rect;
  if (rect.width === width && rect.height === block.rect.height) return block;
  const pixels = new Uint32Array(rect.width * rect.height);
  for (let row = 0; row < rect.height; row += 1) {
    const from = (rect.y - y + row) * width + rect.x - x;
    pixels.set(block.pixels.subarray(from, from + rect.width), row * rect.width);
  }
  return { rect, pixels };
}

/** The smallest rectangle in which two blocks of the same place differ, in document pixels; null where they are equal. */
export function changedRect(before: Block, after: Uint32Array): Rect | null {
  const { width, height, x, y } = before.rect;
  const old = before.pixels;
  let top = 0;
  while (top < height && rowEqual(old, after, top * width, width)) top += 1;
  if (top === height) return null;
  let bottom = height - 1;
  while (rowEqual(old, after, bottom * width, width)) bottom -= 1;
  let left = width;
  let right = -1;
  for (let row = top; row <= bottom; row += 1) {
    const start = row * width;
    for (let column = 0; column < left; column += 1) if (old[start + column] !== after[start + column]) left = column;
    for (let column = width - 1; column > right; column -= 1) if (old[start + column] !== after[start + column]) right = column;
  }
  return { x: x + left, y: y + top, width: right - left + 1, height: bottom - top + 1 };
}

function rowEqual(a: Uint32Array, b: Uint32Array, start: number, width: number): boolean {
  for (let at = start; at < start + width; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

/** Pixels of a rectangle as the history keeps them: nothing where all are clear, one byte each for a mask, else four. */
export interface Kept {
  readonly rect: Rect;
  readonly data: Uint8Array | Uint32Array | null;
}

/** Keep the part of a block inside `rect`. `alphaOnly` forgets the color. */
export function keep(block: Block, rect: Rect, alphaOnly: boolean): Kept {
  const { width, height } = rect;
  const data = alphaOnly ? new Uint8Array(width * height) : new Uint32Array(width * height);
  let any = 0;
  for (let row = 0; row < height; row += 1) {
    let from = (rect.y - block.rect.y + row) * block.rect.width + rect.x - block.rect.x;
    let to = row * width;
    for (let column = 0; column < width; column += 1, from += 1, to += 1) {
      const pixel = block.pixels[from] as number;
      any |= pixel & 0xff000000;
      data[to] = alphaOnly ? pixel >>> 24 : pixel;
    }
  }
  return { rect, data: any === 0 ? null : data };
}

/** Give kept pixels back as RGBA. `color` (its three low bytes, as in a 32-bit pixel) is a mask's color. */
export function unkeep(kept: Kept, color: number, into: Uint32Array): void {
  const { data } = kept;
  if (!data) {
    into.fill(0);
  } else if (data instanceof Uint8Array) {
    const low = color & 0xffffff;
    for (let at = 0; at < data.length; at += 1) {
      const alpha = data[at] as number;
      into[at] = alpha === 0 ? 0 : (alpha << 24) | low;
    }
  } else {
    into.set(data);
  }
}

/** Bytes that kept pixels take. */
export function bytesOf(kept: Kept): number {
  return 64 + (kept.data?.byteLength ?? 0);
}
