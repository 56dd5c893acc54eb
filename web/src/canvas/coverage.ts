import type { Point, Rect } from "./types";

/** The brush at one point of a stroke: its radius in pixels and how strongly it covers, 0..1. */
export interface Nib extends Point {
  radius: number;
  strength: number;
}

/** An 8-bit grid that a stroke fills in; `rect` is its place in the document. */
export interface Grid {
  readonly rect: Rect;
  readonly values: Uint8Array;
}

/** What a segment from one nib to another can reach. */
export function reach(a: Nib, b: Nib): Rect {
  const far = Math.max(a.radius, b.radius) + 1;
  const x = Math.floor(Math.min(a.x, b.x) - far);
  const y = Math.floor(Math.min(a.y, b.y) - far);
  return { x, y, width: Math.ceil(Math.max(a.x, b.x) + far) - x, height: Math.ceil(Math.max(a.y, b.y) + far) - y };
}

const STEPS = 1024;
const smooth = Float32Array.from({ length: STEPS + 2 }, (_, at) => {
  const t = Math.min(1, at / STEPS);
  return t * t * (3 - 2 * t) * 255;
});
const straight = Float32Array.from({ length: STEPS + 2 }, (_, at) => Math.min(1, at / STEPS) * 255);

/**
 * Cover what a nib sweeps on its way from `a` to `b`, inside `part` of the grid. Coverage is the distance to the way, so there are no
 * dabs whose spacing shows, and a pixel keeps the most it ever got: one stroke does not build up where it crosses itself. Hardness 1
 * has an edge of one pixel; 0 fades from the middle to the rim.
 */
export function sweep(grid: Grid, part: Rect, a: Nib, b: Nib, hardness: number): void {
  const { rect, values } = grid;
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const square = dx * dx + dy * dy;
  const scale = square > 0 ? 1 / square : 0;
  const growth = b.radius - a.radius;
  const gain = b.strength - a.strength;
  const soft = 1 - hardness;
  const far = (Math.max(a.radius, b.radius) + 0.5) ** 2;
  const most = Math.round(255 * Math.max(a.strength, b.strength));
  for (let y = part.y; y < part.y + part.height; y += 1) {
    const py = y + 0.5 - a.y;
    let at = (y - rect.y) * rect.width + part.x - rect.x;
    for (let x = part.x; x < part.x + part.width; x += 1, at += 1) {
      const had = values[at] as number;
      if (had >= most) continue;
      const px = x + 0.5 - a.x;
      let t = (px * dx + py * dy) * scale;
      t = t < 0 ? 0 : t > 1 ? 1 : t;
      const ex = px - t * dx;
      const ey = py - t * dy;
      const distance = ex * ex + ey * ey;
      if (distance >= far) continue;
      const radius = a.radius + t * growth;
      const rim = radius + 0.5 - Math.sqrt(distance);
      if (rim <= 0) continue;
      const width = radius * soft;
      const inside = width > 1 ? rim / width : rim;
      const step = inside >= 1 ? STEPS : (inside * STEPS) | 0;
      const value = ((width > 1 ? smooth[step] : straight[step]) as number) * (a.strength + t * gain) + 0.5;
      if (value > had) values[at] = value;
    }
  }
}

/** What coverage does to pixels. */
export interface Wash {
  /** `0xBBGGRR`. */
  color: number;
  /** Take away instead of laying the color over. */
  erases: boolean;
  /** A mask: only its alpha counts, and all its pixels have the one color. */
  flat: boolean;
  opacity: number;
}

/** Compose `part` of a tile: the pixels before the stroke with its coverage over them. Both blocks have the grid's place. */
export function wash(grid: Grid, part: Rect, before: Uint32Array, after: Uint32Array, look: Wash): void {
  const { rect, values } = grid;
  const strength = strengths(look.opacity);
  const { color, erases, flat } = look;
  const opaque = erases ? 0 : (color | 0xff000000) >>> 0;
  for (let y = part.y; y < part.y + part.height; y += 1) {
    let at = (y - rect.y) * rect.width + part.x - rect.x;
    for (let x = 0; x < part.width; x += 1, at += 1) {
      const over = strength[values[at] as number] as number;
      const under = before[at] as number;
      if (over === 0) after[at] = under;
      else if (over === 255) after[at] = opaque;
      else if (erases) after[at] = fade(flat ? (under & 0xff000000) | color : under, over);
      else after[at] = lay(flat ? (under & 0xff000000) | color : under, color, over);
    }
  }
}

function fade(under: number, over: number): number {
  const alpha = Math.round(((under >>> 24) * (255 - over)) / 255);
  return alpha === 0 ? 0 : ((under & 0xffffff) | (alpha << 24)) >>> 0;
}

function lay(under: number, color: number, over: number): number {
  const below = (under >>> 24) * (255 - over);
  if (below === 0) return (color | (over << 24)) >>> 0;
  const mine = over * 255;
  const sum = below + mine;
  const red = ((color & 255) * mine + (under & 255) * below) / sum + 0.5;
  const green = (((color >> 8) & 255) * mine + ((under >> 8) & 255) * below) / sum + 0.5;
  const blue = (((color >> 16) & 255) * mine + ((under >> 16) & 255) * below) / sum + 0.5;
  return (((sum / 255 + 0.5) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

let known = { opacity: -1, values: new Uint8Array(256) };

function strengths(opacity: number): Uint8Array {
  if (known.opacity !== opacity) known = { opacity, values: Uint8Array.from({ length: 256 }, (_, at) => Math.round(at * opacity)) };
  return known.values;
}
