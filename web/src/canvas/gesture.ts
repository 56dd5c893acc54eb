import type { Point } from "./types";

/** What two fingers did between two moments: how much wider they are, and where their middle was and is. */
export interface Pinch {
  factor: number;
  from: Point;
  to: Point;
}

/** Compare two fingers with where they were. Fingers closer than 8 pixels do not zoom. */
export function pinch(before: readonly [Point, Point], now: readonly [Point, Point]): Pinch {
  const was = Math.hypot(before[0].x - before[1].x, before[0].y - before[1].y);
  const is = Math.hypot(now[0].x - now[1].x, now[0].y - now[1].y);
  return { factor: was < 8 || is < 8 ? 1 : is / was, from: middle(before), to: middle(now) };
}

function middle([a, b]: readonly [Point, Point]): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** The part of a wheel event that decides. */
export interface WheelLike {
  deltaX: number;
  deltaY: number;
  deltaMode: number;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
  /** Not in every browser. */
  wheelDeltaY?: number;
}

/** What a turn of the wheel asks for: a zoom factor, a pan in screen pixels, or a factor for the brush's size. */
export type WheelWish = { zoom: number } | { pan: Point } | { size: number };

/**
 * Read a wheel event. Plain wheel and Ctrl/Cmd+wheel (also a pinch on a touchpad) zoom, as in Krita; Shift+wheel pans sideways;
 * two fingers on a touchpad pan. Alt+wheel sizes the brush. (A1111 has it the other way, Alt zooms and Ctrl sizes, but browsers send
 * a touchpad's pinch as Ctrl+wheel, and a pinch has to zoom.)
 */
export function wheelWish(event: WheelLike): WheelWish {
  const unit = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1;
  const x = event.deltaX * unit;
  const y = event.deltaY * unit;
  // macOS and Windows turn Shift+wheel into a sideways one themselves.
  const along = y !== 0 ? y : x;
  if (event.altKey) return { size: Math.exp(-clamp(along, 240) * 0.0012) };
  if (event.ctrlKey || event.metaKey) return { zoom: Math.exp(-clamp(y, 240) * (isTouchpad(event) || Math.abs(y) < 40 ? 0.01 : 0.0018)) };
  if (event.shiftKey) return { pan: { x: -along, y: 0 } };
  if (isTouchpad(event)) return { pan: { x: -x, y: -y } };
  return { zoom: Math.exp(-clamp(y, 240) * 0.0018) };
}

/** Touchpads report three wheel units a pixel, sideways movement too; wheels report notches. */
function isTouchpad(event: WheelLike): boolean {
  if (event.deltaMode !== 0) return false;
  return event.deltaX !== 0 || (event.wheelDeltaY !== undefined && event.deltaY !== 0 && event.wheelDeltaY === -3 * event.deltaY);
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(-most, value));
}
