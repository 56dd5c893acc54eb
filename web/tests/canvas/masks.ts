import type { Size } from "@/canvas/types";

/** A mask of this size, each pixel from its column and row. */
export function draw(size: Size, value: (x: number, y: number) => number): Uint8ClampedArray<ArrayBuffer> {
  const alpha = new Uint8ClampedArray(size.width * size.height);
  for (let i = 0; i < alpha.length; i += 1) alpha[i] = value(i % size.width, Math.floor(i / size.width));
  return alpha;
}

/** Random numbers in 0..1, the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
