import { cursorOf, drawGrips, gripAt, isInside } from "../grips";
import type { Frame, Grip } from "../grips";
import { drawLabel, strokeOutline } from "../outline";
import { isDrag } from "../paint";
import type { Tool, ToolContext } from "../tool";
import type { Point, Rect, Sample, Size } from "../types";

/** Drawing a new box from an anchor, pulling at a grip, or carrying the whole box. */
type Hold =
  | { readonly kind: "new" }
  | { readonly kind: "pull"; readonly grip: Grip; readonly box: Rect }
  | { readonly kind: "carry"; readonly box: Rect };

interface Gesture {
  readonly hold: Hold;
  readonly from: Sample;
  readonly before: Rect | null;
  moved: boolean;
}

/**
 * Draws the crop box: drag a new one, move it, pull at its eight grips. Whole pixels, inside the document. Shift keeps its proportions
 * (a new box is a square); Escape takes it away.
 */
export function createRegion(): Tool {
  return new Region();
}

class Region implements Tool {
  readonly name = "region";
  #gesture: Gesture | null = null;
  #pointer: Point | null = null;

  cursor(context: ToolContext): string {
    const hold = this.#gesture?.hold ?? (this.#pointer && holdAt(this.#pointer, context));
    if (hold?.kind === "pull") return cursorOf(hold.grip, 0);
    return hold?.kind === "carry" ? "move" : "crosshair";
  }

  down(sample: Sample, context: ToolContext): void {
    this.#pointer = sample;
    this.#gesture = { hold: holdAt(sample, context), from: sample, before: context.region, moved: false };
  }

  move(samples: readonly Sample[], context: ToolContext): void {
    const last = samples.at(-1);
    if (last) this.#follow(last, context);
  }

  up(sample: Sample, context: ToolContext): void {
    this.#follow(sample, context);
    this.#gesture = null;
    context.redraw();
  }

  hover(sample: Sample, context: ToolContext): void {
    this.#pointer = sample;
    if (context.region) context.redraw();
  }

  cancel(context: ToolContext): void {
    const gesture = this.#gesture;
    this.#gesture = null;
    if (gesture?.moved) context.setRegion(gesture.before);
    context.redraw();
  }

  key(key: string, context: ToolContext): boolean {
    if (key !== "Escape" || (!context.region && !this.#gesture)) return false;
    if (this.#gesture) this.cancel(context);
    else context.setRegion(null);
    context.redraw();
    return true;
  }

  overlay(graphics: CanvasRenderingContext2D, context: ToolContext): void {
    const { region } = context;
    if (!region) return;
    const frame = frameOf(region);
    const hold = this.#gesture?.hold ?? (this.#pointer && holdAt(this.#pointer, context));
    const start = context.toScreen(region);
    const end = context.toScreen({ x: region.x + region.width, y: region.y + region.height });
    strokeOutline(graphics, () => graphics.rect(start.x, start.y, end.x - start.x, end.y - start.y));
    if (this.#gesture?.moved) drawThirds(graphics, start, end);
    else drawGrips(graphics, frame, hold?.kind === "pull" ? hold.grip : null, context);
    drawLabel(graphics, `${region.width} × ${region.height}`, { x: (start.x + end.x) / 2, y: end.y + 22 });
  }

  #follow(sample: Sample, context: ToolContext): void {
    const gesture = this.#gesture;
    this.#pointer = sample;
    if (!gesture) return;
    gesture.moved ||= isDrag(gesture.from, sample, context);
    if (!gesture.moved) return;
    const box = boxOf(gesture, sample, context.size);
    if (box) context.setRegion(box);
    context.redraw();
  }
}

function boxOf({ hold, from }: Gesture, to: Sample, size: Size): Rect | null {
  if (hold.kind === "new") return stretched(from, to, to.shift ? 1 : null, size);
  const { box } = hold;
  if (hold.kind === "carry") {
    return {
      ...box,
      x: clamp(Math.round(box.x + to.x - from.x), size.width - box.width),
      y: clamp(Math.round(box.y + to.y - from.y), size.height - box.height),
    };
  }
  const { grip } = hold;
  const ratio = to.shift ? box.width / box.height : null;
  const held = { x: box.x + ((1 + grip.x) / 2) * box.width, y: box.y + ((1 + grip.y) / 2) * box.height };
  const point = { x: held.x + to.x - from.x, y: held.y + to.y - from.y };
  const anchor = { x: grip.x < 0 ? box.x + box.width : box.x, y: grip.y < 0 ? box.y + box.height : box.y };
  if (grip.x !== 0 && grip.y !== 0) return stretched(anchor, point, ratio, size);
  if (grip.y === 0) return side(box, anchor.x, point.x, ratio, size);
  const sideways = side(flip(box), anchor.y, point.y, ratio && 1 / ratio, { width: size.height, height: size.width });
  return sideways && flip(sideways);
}

/** The box from a corner that stays to a point, whole pixels, inside the document; null while it is empty. */
function stretched(anchor: Point, to: Point, ratio: number | null, size: Size): Rect | null {
  const x = clamp(Math.round(anchor.x), size.width);
  const y = clamp(Math.round(anchor.y), size.height);
  const right = to.x >= x;
  const below = to.y >= y;
  const roomX = right ? size.width - x : x;
  const roomY = below ? size.height - y : y;
  let width = Math.min(roomX, Math.abs(to.x - x));
  let height = Math.min(roomY, Math.abs(to.y - y));
  if (ratio !== null) {
    width = Math.min(Math.max(width, height * ratio), roomX, roomY * ratio);
    height = width / ratio;
  }
  width = Math.round(width);
  height = Math.round(height);
  if (width === 0 || height === 0) return null;
  return { x: right ? x : x - width, y: below ? y : y - height, width, height };
}

/** The box with its left or right side pulled to `to`; with a ratio it grows about the middle of the other axis. */
function side(box: Rect, anchor: number, to: number, ratio: number | null, size: Size): Rect | null {
  const width = Math.abs(clamp(Math.round(to), size.width) - anchor);
  const isRight = to >= anchor;
  if (width === 0) return null;
  if (ratio === null) return { ...box, x: isRight ? anchor : anchor - width, width };
  const middle = box.y + box.height / 2;
  const height = Math.max(1, Math.min(Math.round(width / ratio), Math.floor(2 * Math.min(middle, size.height - middle))));
  const kept = Math.max(1, Math.min(width, Math.round(height * ratio)));
  const y = clamp(Math.round(middle - height / 2), size.height - height);
  return { x: isRight ? anchor : anchor - kept, y, width: kept, height };
}

function flip({ x, y, width, height }: Rect): Rect {
  return { x: y, y: x, width: height, height: width };
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}

function holdAt(point: Point, context: ToolContext): Hold {
  const { region } = context;
  if (!region) return { kind: "new" };
  const frame = frameOf(region);
  const grip = gripAt(frame, point, context);
  if (grip) return { kind: "pull", grip, box: region };
  return isInside(frame, point) ? { kind: "carry", box: region } : { kind: "new" };
}

function frameOf({ x, y, width, height }: Rect): Frame {
  return { x: x + width / 2, y: y + height / 2, width, height, angle: 0 };
}

/** Lines at the thirds of the box, to compose by. */
function drawThirds(graphics: CanvasRenderingContext2D, start: Point, end: Point): void {
  graphics.save();
  graphics.lineWidth = 1;
  graphics.strokeStyle = "rgb(255 255 255 / 0.55)";
  graphics.beginPath();
  for (const part of [1 / 3, 2 / 3]) {
    const x = Math.round(start.x + (end.x - start.x) * part) + 0.5;
    const y = Math.round(start.y + (end.y - start.y) * part) + 0.5;
    graphics.moveTo(x, start.y);
    graphics.lineTo(x, end.y);
    graphics.moveTo(start.x, y);
    graphics.lineTo(end.x, y);
  }
  graphics.stroke();
  graphics.restore();
}
