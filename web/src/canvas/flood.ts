import type { Point, Rect, Size } from "./types";

/** What a flood found: alpha inside `box`, row by row. */
export interface Flood {
  readonly box: Rect;
  readonly alpha: Uint8ClampedArray<ArrayBuffer>;
}

/**
 * The connected area (4 neighbors) around `from` whose colors differ from the color there by at most `tolerance` (0..1 of the full
 * range) in every channel, widened by one antialiased pixel so that no rim stays to be seen. Colors count as far as
 * they are opaque. Null outside of the picture.
 */
export function flood(pixels: Uint8ClampedArray<ArrayBuffer>, size: Size, from: Point, tolerance: number): Flood | null {
  const x = Math.floor(from.x);
  const y = Math.floor(from.y);
  if (x < 0 || y < 0 || x >= size.width || y >= size.height) return null;
  const filled = new Uint8Array(size.width * size.height);
  const box = fillSpans(filled, matcher(pixels, y * size.width + x, tolerance), size, x, y);
  return widened(filled, size, box);
}

/** Whether the pixel at an index is like the one at `first`. */
function matcher(pixels: Uint8ClampedArray<ArrayBuffer>, first: number, tolerance: number): (index: number) => boolean {
  const words = new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length >> 2);
  const word = words[first] as number;
  const limit = Math.max(0, Math.min(1, tolerance)) * 255;
  const alpha = pixels[4 * first + 3] as number;
  const red = ((pixels[4 * first] as number) * alpha) / 255;
  const green = ((pixels[4 * first + 1] as number) * alpha) / 255;
  const blue = ((pixels[4 * first + 2] as number) * alpha) / 255;
  return (index) => {
    const other = words[index] as number;
    if (other === word) return true;
    const i = 4 * index;
    const opaque = pixels[i + 3] as number;
    const share = opaque / 255;
    return (
      Math.abs(opaque - alpha) <= limit && Math.abs((pixels[i] as number) * share - red) <= limit &&
      Math.abs((pixels[i + 1] as number) * share - green) <= limit && Math.abs((pixels[i + 2] as number) * share - blue) <= limit
    );
  };
}

/** Set `filled` to 1 over the area, line by line from a stack of places to begin at; returns the box around it. */
function fillSpans(filled: Uint8Array, like: (index: number) => boolean, { width, height }: Size, x: number, y: number): Rect {
  const stack: number[] = [y * width + x];
  let [minX, maxX, minY, maxY] = [x, x, y, y];
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    if (filled[index]) continue;
    const row = Math.floor(index / width);
    const start = row * width;
    const end = start + width;
    let left = index;
    while (left > start && !filled[left - 1] && like(left - 1)) left -= 1;
    let right = index + 1;
    while (right < end && !filled[right] && like(right)) right += 1;
    filled.fill(1, left, right);
    if (row > 0) begin(stack, filled, like, left - width, right - width);
    if (row + 1 < height) begin(stack, filled, like, left + width, right + width);
    minX = Math.min(minX, left - start);
    maxX = Math.max(maxX, right - start - 1);
    minY = Math.min(minY, row);
    maxY = Math.max(maxY, row);
  }
  return { x: minX, y: minY, width: maxX - minX + 1, height: maxY - minY + 1 };
}

/** Put the first pixel of each piece of the area between two indices of a row on the stack. */
function begin(stack: number[], filled: Uint8Array, like: (index: number) => boolean, left: number, right: number): void {
  let inside = false;
  for (let i = left; i < right; i += 1) {
    const open = !filled[i] && like(i);
    if (open && !inside) stack.push(i);
    inside = open;
  }
}

/** Alpha of a pixel that only touches the area at a corner: what a growth by one pixel leaves there. */
const CORNER = Math.round(255 * (2 - Math.SQRT2));

function widened(filled: Uint8Array, size: Size, area: Rect): Flood {
  const x = Math.max(0, area.x - 1);
  const y = Math.max(0, area.y - 1);
  const right = Math.min(size.width, area.x + area.width + 1);
  const bottom = Math.min(size.height, area.y + area.height + 1);
  const box = { x, y, width: right - x, height: bottom - y };
  const alpha = new Uint8ClampedArray(box.width * box.height);
  // The same with an empty pixel all around, so that no neighbor needs to be asked for.
  const stride = box.width + 2;
  const padded = new Uint8Array(stride * (box.height + 2));
  for (let v = 0; v < box.height; v += 1) {
    const from = (y + v) * size.width + x;
    padded.set(filled.subarray(from, from + box.width), (v + 1) * stride + 1);
  }
  const near = [0, -1, 1, -stride, stride];
  const corners = [-stride - 1, 1 - stride, stride - 1, stride + 1];
  for (let v = 0, to = 0; v < box.height; v += 1) {
    for (let u = 0, i = (v + 1) * stride + 1; u < box.width; u += 1, i += 1, to += 1) {
      if (any(padded, i, near)) alpha[to] = 255;
      else if (any(padded, i, corners)) alpha[to] = CORNER;
    }
  }
  return { box, alpha };
}

/** Whether the area has any of the pixels at these steps from an index. */
function any(padded: Uint8Array, index: number, steps: readonly number[]): boolean {
  for (const step of steps) if (padded[index + step] === 1) return true;
  return false;
}
