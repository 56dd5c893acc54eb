/** How two pictures differ, made visible. */

/** What was found: the part of pixels that differ at all (0..1), and the largest difference of a channel (0..255). */
export interface Found {
  changed: number;
  largest: number;
}

/** Amplifications a person can choose from. */
export const FACTORS = [1, 4, 16] as const;

/** Longest side at which differences are computed, in pixels. */
const LONGEST = 2048;

/** Write the absolute difference of two RGBA pictures, times `factor`, into `out` (opaque). All have the same length.
 * Color under full transparency does not count: channels are taken times their opacity. */
export function drawDifference(one: Uint8ClampedArray, other: Uint8ClampedArray, out: Uint8ClampedArray, factor: number): Found {
  let changed = 0;
  let largest = 0;
  for (let at = 0; at < one.length; at += 4) {
    const a = one[at + 3] ?? 0;
    const b = other[at + 3] ?? 0;
    let most = Math.abs(a - b);
    const clear = a === 255 && b === 255;
    for (let channel = 0; channel < 3; channel += 1) {
      const p = one[at + channel] ?? 0;
      const q = other[at + channel] ?? 0;
      const apart = clear ? Math.abs(p - q) : Math.abs(p * a - q * b) / 255;
      out[at + channel] = apart * factor;
      if (apart > most) most = apart;
    }
    out[at + 3] = 255;
    if (most > 0.5) changed += 1;
    if (most > largest) largest = most;
  }
  return { changed: one.length === 0 ? 0 : changed / (one.length / 4), largest: Math.round(largest) };
}

/** Return the size at which to compare: the frame's own, or less where a side is longer than `LONGEST`. */
export function comparedSize(frame: { width: number; height: number }): { width: number; height: number } {
  const scale = Math.min(1, LONGEST / Math.max(frame.width, frame.height, 1));
  return { width: Math.max(1, Math.round(frame.width * scale)), height: Math.max(1, Math.round(frame.height * scale)) };
}
