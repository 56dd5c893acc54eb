import { drawGrip } from "./outline";
import type { ToolContext } from "./tool";
import type { Point } from "./types";

/** One of the eight places where a frame is taken hold of: -1, 0 or 1 on each axis, never both 0. */
export interface Grip {
  readonly x: -1 | 0 | 1;
  readonly y: -1 | 0 | 1;
}

/** A box about its center, turned by `angle` (radians), in document pixels. */
export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly angle: number;
}

/** Screen pixels around a grip that belong to it. */
export const GRIP_REACH = 14;
/** Sides shorter than this on the screen have no grip in their middle. */
const ROOM = 48;

const GRIPS: readonly Grip[] = [
  { x: -1, y: -1 }, { x: 1, y: -1 }, { x: 1, y: 1 }, { x: -1, y: 1 }, { x: 0, y: -1 }, { x: 1, y: 0 }, { x: 0, y: 1 }, { x: -1, y: 0 },
];

/** Turn a vector. */
function turned({ x, y }: Point, angle: number): Point {
  return { x: x * Math.cos(angle) - y * Math.sin(angle), y: x * Math.sin(angle) + y * Math.cos(angle) };
}

/** The document point of a place of the frame: -1..1 from its middle to its sides. */
export function pointOf(frame: Frame, place: Point): Point {
  const off = turned({ x: (place.x * frame.width) / 2, y: (place.y * frame.height) / 2 }, frame.angle);
  return { x: frame.x + off.x, y: frame.y + off.y };
}

/** Whether a document point lies inside the frame. */
export function isInside(frame: Frame, point: Point): boolean {
  const off = turned({ x: point.x - frame.x, y: point.y - frame.y }, -frame.angle);
  return Math.abs(off.x) <= frame.width / 2 && Math.abs(off.y) <= frame.height / 2;
}

/**
 * The grip at a document point, the nearest within reach on the screen. Inside a small frame its middle comes first, so that it can
 * still be moved.
 */
export function gripAt(frame: Frame, point: Point, context: ToolContext): Grip | null {
  const at = context.toScreen(point);
  const inside = isInside(frame, point);
  let least = inside ? Math.min(GRIP_REACH, distance(context.toScreen(frame), at)) : GRIP_REACH;
  let found: Grip | null = null;
  for (const grip of gripsOf(frame, context)) {
    const far = distance(context.toScreen(pointOf(frame, grip)), at);
    if (far > least || (inside && far === least)) continue;
    least = far;
    found = grip;
  }
  return found;
}

/** Draw the grips of a frame. */
export function drawGrips(graphics: CanvasRenderingContext2D, frame: Frame, lit: Grip | null, context: ToolContext): void {
  for (const grip of gripsOf(frame, context)) {
    drawGrip(graphics, context.toScreen(pointOf(frame, grip)), frame.angle, false, lit?.x === grip.x && lit.y === grip.y);
  }
}

/** The CSS cursor for pulling at a grip of a frame turned by `angle`. */
export function cursorOf(grip: Grip, angle: number): string {
  const eighth = Math.round((Math.atan2(grip.y, grip.x) + angle) / (Math.PI / 4));
  return ["ew-resize", "nwse-resize", "ns-resize", "nesw-resize"][((eighth % 4) + 4) % 4] ?? "move";
}

/** What a pulled frame keeps. */
export interface Pull {
  /** Width over height. */
  readonly ratio: boolean;
  /** The middle, instead of the opposite side. */
  readonly center: boolean;
}

/** The frame with a grip pulled to a document point; no side gets shorter than one pixel. */
export function pulled(frame: Frame, grip: Grip, to: Point, keep: Pull): Frame {
  const fixed = keep.center ? { x: frame.x, y: frame.y } : pointOf(frame, { x: -grip.x, y: -grip.y });
  const off = turned({ x: to.x - fixed.x, y: to.y - fixed.y }, -frame.angle);
  const times = keep.center ? 2 : 1;
  let width = grip.x === 0 ? frame.width : Math.max(1, off.x * grip.x * times);
  let height = grip.y === 0 ? frame.height : Math.max(1, off.y * grip.y * times);
  if (keep.ratio) {
    const wide = grip.x * frame.width;
    const high = grip.y * frame.height;
    const along = ((off.x * wide + off.y * high) * times) / (wide * wide + high * high);
    const factor = Math.max(along, 1 / Math.min(frame.width, frame.height));
    width = frame.width * factor;
    height = frame.height * factor;
  }
  if (keep.center) return { ...frame, width, height };
  const half = turned({ x: (grip.x * width) / 2, y: (grip.y * height) / 2 }, frame.angle);
  return { ...frame, x: fixed.x + half.x, y: fixed.y + half.y, width, height };
}

function gripsOf(frame: Frame, { zoom }: ToolContext): readonly Grip[] {
  return GRIPS.filter((grip) => (grip.x !== 0 || frame.width * zoom >= ROOM) && (grip.y !== 0 || frame.height * zoom >= ROOM));
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
