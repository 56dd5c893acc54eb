import type { Rect, Size } from "./types";

/**
 * Arithmetic on masks. A mask is one byte for each pixel, row by row: 255 is redrawn, 0 is kept. Nothing here changes what it is
 * given; each function returns a new mask, except where its text says otherwise.
 */

/** The alpha channel of RGBA pixels. */
export function readAlpha(pixels: Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> {
  const alpha = new Uint8ClampedArray(pixels.length >> 2);
  for (let i = 0, from = 3; i < alpha.length; i += 1, from += 4) alpha[i] = pixels[from] as number;
  return alpha;
}

/** Write a mask into RGBA pixels, in place: its bytes become the alpha, the color (0..255 each) is the same everywhere. */
export function writeAlpha(pixels: Uint8ClampedArray, alpha: Uint8ClampedArray, red: number, green: number, blue: number): void {
  for (let i = 0, to = 0; i < alpha.length; i += 1, to += 4) {
    pixels[to] = red;
    pixels[to + 1] = green;
    pixels[to + 2] = blue;
    pixels[to + 3] = alpha[i] as number;
  }
}

/** The mask that keeps what `alpha` redraws. */
export function invertAlpha(alpha: Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> {
  const inverted = new Uint8ClampedArray(alpha.length);
  for (let i = 0; i < alpha.length; i += 1) inverted[i] = 255 - (alpha[i] as number);
  return inverted;
}

/** A mask of this size that redraws nothing. */
export function clearAlpha(size: Size): Uint8ClampedArray<ArrayBuffer> {
  return new Uint8ClampedArray(size.width * size.height);
}

/**
 * The mask that RGBA pixels of a picture stand for: their brightness (Rec. 601, rounded as Pillow's "L" does) times their
 * alpha. White is redrawn, black and transparent are kept.
 */
export function luminanceAlpha(pixels: Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> {
  const alpha = new Uint8ClampedArray(pixels.length >> 2);
  for (let i = 0, from = 0; i < alpha.length; i += 1, from += 4) {
    const red = (pixels[from] as number) * 19595;
    const green = (pixels[from + 1] as number) * 38470;
    const blue = (pixels[from + 2] as number) * 7471;
    const luma = (red + green + blue + 0x8000) >> 16;
    alpha[i] = (luma * (pixels[from + 3] as number)) / 255;
  }
  return alpha;
}

/** The smallest rectangle around everything above 0, or null where nothing is. */
export function alphaBounds(alpha: Uint8ClampedArray, size: Size): Rect | null {
  const { width, height } = size;
  const first = alpha.findIndex((value) => value > 0);
  if (first < 0) return null;
  const top = Math.floor(first / width);
  let bottom = height - 1;
  while (rowIsEmpty(alpha, width, bottom)) bottom -= 1;
  let left = width;
  let right = -1;
  for (let y = top; y <= bottom; y += 1) {
    const row = y * width;
    for (let x = 0; x < left; x += 1) if ((alpha[row + x] as number) > 0) left = x;
    for (let x = width - 1; x > right; x -= 1) if ((alpha[row + x] as number) > 0) right = x;
  }
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

function rowIsEmpty(alpha: Uint8ClampedArray, width: number, y: number): boolean {
  for (let i = y * width; i < (y + 1) * width; i += 1) if ((alpha[i] as number) > 0) return false;
  return true;
}

/**
 * The mask softened by a Gaussian with a standard deviation of `pixels` (as "Mask blur" counts), made of three box blurs.
 * The weights of each add up to exactly 1, so an even mask stays as it is; past the border the outermost pixels go on, so a
 * mask that reaches the border keeps its strength there.
 */
export function featherAlpha(alpha: Uint8ClampedArray, size: Size, pixels: number): Uint8ClampedArray<ArrayBuffer> {
  const result = new Uint8ClampedArray(alpha);
  const boxes = boxRadii(pixels).filter((radius) => radius > 0);
  if (boxes.length === 0) return result;
  // 257 steps for each grey level: rounding between the passes is lost in them.
  const from = new Uint16Array(alpha.length);
  for (let i = 0; i < alpha.length; i += 1) from[i] = (alpha[i] as number) * 257;
  const to = new Uint16Array(alpha.length);
  for (const radius of boxes) {
    blurRows(from, to, size, radius);
    blurColumns(to, from, size, radius);
  }
  for (let i = 0; i < result.length; i += 1) result[i] = (from[i] as number) / 257;
  return result;
}

/** The reach in pixels of three box blurs that together come closest to a Gaussian of this standard deviation. */
export function boxRadii(sigma: number): [number, number, number] {
  if (!(sigma > 0)) return [0, 0, 0];
  const ideal = Math.sqrt(4 * sigma * sigma + 1); // three boxes of n pixels have a variance of 3(n*n - 1)/12
  const narrow = Math.max(0, Math.floor((ideal - 1) / 2));
  const width = 2 * narrow + 1;
  const narrows = Math.round((12 * sigma * sigma - 3 * width * width - 12 * width - 9) / (-4 * width - 4));
  const radius = (index: number): number => (index < narrows ? narrow : narrow + 1);
  return [radius(0), radius(1), radius(2)];
}

function blurRows(from: Uint16Array, to: Uint16Array, size: Size, radius: number): void {
  const { width, height } = size;
  const count = 2 * radius + 1;
  const share = 1 / count;
  for (let y = 0; y < height; y += 1) {
    const row = y * width;
    const last = row + width - 1;
    let sum = (from[row] as number) * (radius + 1);
    for (let k = 1; k <= radius; k += 1) sum += (from[Math.min(row + k, last)] as number);
    for (let x = 0; x < width; x += 1) {
      to[row + x] = sum * share + 0.5;
      const enters = row + x + radius + 1;
      const leaves = row + x - radius;
      sum += (from[enters < last ? enters : last] as number) - (from[leaves > row ? leaves : row] as number);
    }
  }
}

function blurColumns(from: Uint16Array, to: Uint16Array, size: Size, radius: number): void {
  const { width, height } = size;
  const count = 2 * radius + 1;
  const share = 1 / count;
  const sums = new Uint32Array(width);
  for (let x = 0; x < width; x += 1) sums[x] = (from[x] as number) * (radius + 1);
  for (let k = 1; k <= radius; k += 1) {
    const row = Math.min(k, height - 1) * width;
    for (let x = 0; x < width; x += 1) sums[x] = (sums[x] as number) + (from[row + x] as number);
  }
  for (let y = 0; y < height; y += 1) {
    const enters = Math.min(y + radius + 1, height - 1) * width;
    const leaves = Math.max(y - radius, 0) * width;
    const row = y * width;
    for (let x = 0; x < width; x += 1) {
      const sum = sums[x] as number;
      to[row + x] = sum * share + 0.5;
      sums[x] = sum + (from[enters + x] as number) - (from[leaves + x] as number);
    }
  }
}
