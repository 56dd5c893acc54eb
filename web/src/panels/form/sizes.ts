/** Width and height in pixels. */
export interface Size {
  width: number;
  height: number;
}

/** The step of sizes; the models work in blocks of this many pixels. */
const BLOCK = 8;
/** Greatest side that a request allows. */
export const LARGEST = 16384;

/** Common shapes of pictures, as width : height. */
export const RATIOS: readonly (readonly [number, number])[] = [
  [1, 1], [5, 4], [4, 3], [3, 2], [16, 9], [21, 9], [4, 5], [3, 4], [2, 3], [9, 16],
];

/** Return the size in a text like `768x512`, `768 × 512`, `768*512` or `768, 512`; null if it is none. */
export function parseSize(text: string): Size | null {
  const found = /^\s*(\d{1,5})\s*(?:px)?\s*[x×*,;:/ ]\s*(\d{1,5})\s*(?:px)?\s*$/i.exec(text);
  if (!found) return null;
  const size = { width: Number(found[1]), height: Number(found[2]) };
  return size.width >= 1 && size.height >= 1 && Math.max(size.width, size.height) <= LARGEST ? size : null;
}

/** Return a side as a multiple of 8, at least 8. */
function blocked(side: number): number {
  return Math.min(LARGEST, Math.max(BLOCK, Math.round(side / BLOCK) * BLOCK));
}

/** Return the other side so that the shape stays: of `aspect` = width / height. */
export function otherSide(side: "width" | "height", pixels: number, aspect: number): number {
  return blocked(side === "width" ? pixels / aspect : pixels * aspect);
}

/** Return a size of about the same area in another shape, in multiples of 8. */
export function reshaped(size: Size, ratio: readonly [number, number]): Size {
  const aspect = ratio[0] / ratio[1];
  const area = size.width * size.height;
  return { width: blocked(Math.sqrt(area * aspect)), height: blocked(Math.sqrt(area / aspect)) };
}

/** Return the size after a factor, as the server makes it: rounded, at least 1. */
export function scaled(size: Size, factor: number): Size {
  return { width: Math.max(1, Math.round(size.width * factor)), height: Math.max(1, Math.round(size.height * factor)) };
}

/** Return the shape of a size in small whole numbers where there are some: `3:2`; else like `1.85:1`. */
export function shapeOf(size: Size): string {
  for (const [wide, high] of RATIOS) {
    if (Math.abs(size.width / size.height / (wide / high) - 1) < 0.012) return `${wide}:${high}`;
  }
  const aspect = size.width / size.height;
  return aspect >= 1 ? `${aspect.toFixed(2)}:1` : `1:${(1 / aspect).toFixed(2)}`;
}
