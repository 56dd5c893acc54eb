import { nearestRows } from "./distance";
import { intersect, wholeOf } from "./geometry";
import { alphaBounds, invertAlpha } from "./maskops";
import type { Rect, Size } from "./types";

type Alpha = Uint8ClampedArray<ArrayBuffer>;

const MOST_LEVELS = 6;
/** Pixels: two levels that lie further apart do not belong to one slope. */
const LONGEST_SLOPE = 24;

interface Level {
  readonly value: number;
  /** Whether there are pixels between this level and the one below; without any there is an edge between them. */
  readonly slope: boolean;
}

/**
 * The mask with everything in it widened by `pixels` (any number; a negative one shrinks), rounded at the corners: exact
 * Euclidean distances, edges antialiased.
 *
 * Greys. In a hard mask a grey is the part of a pixel that the shape covers, and the edge moves from there by `pixels`. In a soft
 * mask (feathered, painted with a soft brush, or with less than full opacity) each grey level is a shape of its own: all of
 * them widen alike, so a slope moves outwards as it is and a flat grey stays that grey. Up to six levels are moved, what
 * lies between is interpolated. Nothing gets lower by growing, nor higher by shrinking.
 *
 * Shrinking is growing of what is kept. Outside of the document there is nothing, so a mask does not shrink from its border.
 */
export function growAlpha(alpha: Uint8ClampedArray, size: Size, pixels: number): Alpha {
  const result = new Uint8ClampedArray(alpha);
  const bounds = alphaBounds(alpha, size);
  if (!bounds || !Number.isFinite(pixels) || pixels === 0) return result;
  const reach = pixels > 0 ? Math.ceil(pixels) + 2 : 1;
  const around = { x: bounds.x - reach, y: bounds.y - reach, width: bounds.width + 2 * reach, height: bounds.height + 2 * reach };
  const window = intersect(around, wholeOf(size));
  const part = cut(alpha, size.width, window);
  const changed = pixels > 0 ? widen(part, window, pixels) : invertAlpha(widen(invertAlpha(part), window, -pixels));
  for (let y = 0; y < window.height; y += 1) {
    const row = changed.subarray(y * window.width, (y + 1) * window.width);
    result.set(row, (window.y + y) * size.width + window.x);
  }
  return result;
}

function cut(alpha: Uint8ClampedArray, stride: number, window: Rect): Alpha {
  const part = new Uint8ClampedArray(window.width * window.height);
  for (let y = 0; y < window.height; y += 1) {
    const start = (window.y + y) * stride + window.x;
    part.set(alpha.subarray(start, start + window.width), y * window.width);
  }
  return part;
}

function widen(alpha: Alpha, size: Size, pixels: number): Alpha {
  const levels = levelsOf(alpha, size);
  const first = levels[0];
  if (!first) return alpha;
  return levels.length === 1 ? widenHard(alpha, size, pixels, first.value) : widenSoft(alpha, size, pixels, levels);
}

/** The edge lies where the shape covers half a pixel; the greys next to it say where exactly. */
function widenHard(alpha: Alpha, size: Size, pixels: number, full: number): Alpha {
  const result = new Uint8ClampedArray(alpha);
  const inner = Math.max(0, pixels - 1) ** 2;
  const outer = (pixels + 2) ** 2;
  nearestRows(alpha, size, full / 2, ({ squared, column, rows }, y) => {
    for (let x = 0, i = y * size.width; x < size.width; x += 1, i += 1) {
      const far = squared[x] as number;
      if (far >= outer || result[i] === full) continue;
      let covered = 1;
      if (far >= inner) {
        const distance = toEdge(alpha, size, full, column[x] as number, y + (rows[x] as number), x, y);
        covered = Math.min(1, pixels + 0.5 - distance);
      }
      const value = covered * full;
      if (value > (result[i] as number)) result[i] = value;
    }
  });
  return result;
}

/** How far a pixel's center is from the edge of the shape near pixel (nearX, nearY), from how much the pixels there are covered. */
function toEdge(alpha: Alpha, size: Size, full: number, nearX: number, nearY: number, x: number, y: number): number {
  let least = Infinity;
  const right = Math.min(size.width - 1, nearX + 1);
  const bottom = Math.min(size.height - 1, nearY + 1);
  for (let v = Math.max(0, nearY - 1); v <= bottom; v += 1) {
    for (let u = Math.max(0, nearX - 1); u <= right; u += 1) {
      const covered = (alpha[v * size.width + u] as number) / full;
      if (covered === 0) continue;
      const length = Math.hypot(x - u, y - v);
      // Seen from aside a pixel is wider than 1; the edge lies as far from its center as its share says.
      const across = covered < 1 && length > 0 ? (Math.abs(x - u) + Math.abs(y - v)) / length : 1;
      least = Math.min(least, length - (covered - 0.5) * across);
    }
  }
  return least;
}

function widenSoft(alpha: Alpha, size: Size, pixels: number, levels: readonly Level[]): Alpha {
  const sum = new Float32Array(alpha.length);
  const before = new Float32Array(alpha.length);
  let below = 0;
  for (const level of levels) {
    const step = level.value - below;
    nearestRows(alpha, size, level.value, ({ squared }, y) => {
      for (let x = 0, i = y * size.width; x < size.width; x += 1, i += 1) {
        const far = Math.sqrt(squared[x] as number);
        // Between the places of two levels the alpha rises evenly; an edge is one pixel wide.
        let slope = level.slope ? far - (before[i] as number) : 1;
        if (slope < 1 || slope > LONGEST_SLOPE) slope = 1;
        if (far < pixels + slope) sum[i] = (sum[i] as number) + step * Math.min(1, (pixels + slope - far) / slope);
        before[i] = far;
      }
    });
    below = level.value;
  }
  const result = new Uint8ClampedArray(sum);
  for (let i = 0; i < alpha.length; i += 1) result[i] = Math.max(alpha[i] as number, result[i] as number);
  return result;
}

/** The grey levels to move, rising: one for a hard mask, else those that share out the soft pixels evenly. */
function levelsOf(alpha: Alpha, size: Size): Level[] {
  let full = 0;
  for (let i = 0; i < alpha.length; i += 1) if ((alpha[i] as number) > full) full = alpha[i] as number;
  if (full === 0) return [];
  const counts = new Uint32Array(256);
  let grey = 0;
  let soft = 0;
  for (let i = 0; i < alpha.length; i += 1) {
    const value = alpha[i] as number;
    if (value === 0 || value === full) continue;
    grey += 1;
    if (isAntialiased(alpha, size, i, full)) continue;
    counts[value] = (counts[value] as number) + 1;
    soft += 1;
  }
  const hard = soft <= grey / 4 || (soft <= 64 && soft <= grey / 2);
  return hard ? [{ value: full, slope: false }] : shared(counts, soft / (MOST_LEVELS - 1), full);
}

/** Levels between which about `share` pixels lie. */
function shared(counts: Uint32Array, share: number, full: number): Level[] {
  const levels: Level[] = [];
  let due = share / 2;
  let seen = 0;
  let between = 0;
  for (let value = 1; value < full; value += 1) {
    seen += (counts[value] as number);
    if (seen >= due) {
      levels.push({ value, slope: levels.length > 0 && between > share / 4 });
      due += Math.ceil((seen - due) / share + 1e-9) * share;
      between = 0;
    } else between += (counts[value] as number);
  }
  return [...levels, { value: full, slope: between > share / 4 }];
}

/** Whether a grey pixel lies between full and nothing, as the edge of a hard shape does. */
function isAntialiased(alpha: Alpha, size: Size, index: number, full: number): boolean {
  const { width, height } = size;
  const x = index % width;
  const y = (index - x) / width;
  let low = 255;
  let high = 0;
  for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v += 1) {
    for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u += 1) {
      const value = alpha[v * width + u] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= full * 0.03 && high >= full * 0.97;
}
