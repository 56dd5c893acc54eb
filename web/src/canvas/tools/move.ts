import { GRIP_REACH, cursorOf, drawGrips, gripAt, isInside, pointOf, pulled } from "../grips";
import type { Frame, Grip } from "../grips";
import { drawGrip, drawLabel, strokeOutline } from "../outline";
import { isDrag } from "../paint";
import type { Tool, ToolContext } from "../tool";
import type { Layer, Placement, Point, Sample } from "../types";

/** Screen pixels between a layer's upper side and the handle that turns it. */
const LEVER = 30;
const SNAP = Math.PI / 12;

/** What the pointer holds: a handle, the one that turns, or the layer itself. */
type Hold = { readonly kind: "pull"; readonly grip: Grip } | { readonly kind: "turn" } | { readonly kind: "carry" };

interface Gesture {
  readonly hold: Hold;
  readonly id: string;
  readonly from: Sample;
  readonly before: Placement;
  readonly frame: Frame;
  moved: boolean;
}

const NUDGES: Record<string, Point> = {
  ArrowLeft: { x: -1, y: 0 }, ArrowRight: { x: 1, y: 0 }, ArrowUp: { x: 0, y: -1 }, ArrowDown: { x: 0, y: 1 },
};

/**
 * Moves, scales and turns pasted layers. A press selects the layer under it. Corners keep the proportions (Shift frees them), sides
 * scale one way (Shift keeps the proportions), Alt scales about the middle; the handle above turns (Shift: steps of 15 degrees);
 * Shift moves along one axis. Keys: arrows by 1 pixel, "Shift+ArrowLeft" and so on by 10.
 */
export function createMove(): Tool {
  return new Move();
}

class Move implements Tool {
  readonly name = "move";
  #gesture: Gesture | null = null;
  #pointer: Point | null = null;

  cursor(context: ToolContext): string {
    const { selected } = context;
    const hold = this.#gesture?.hold ?? (this.#pointer && holdAt(this.#pointer, context));
    if (hold?.kind === "turn") return this.#gesture ? "grabbing" : "grab";
    if (hold?.kind === "pull") return cursorOf(hold.grip, selected?.placement?.angle ?? 0);
    if (hold?.kind === "carry") return "move";
    return this.#pointer && context.layerAt(this.#pointer) ? "move" : "default";
  }

  down(sample: Sample, context: ToolContext): void {
    this.#pointer = sample;
    let hold = holdAt(sample, context);
    if (!hold) {
      const layer = context.layerAt(sample);
      const pasted = layer?.placement ? layer : null;
      context.select(pasted?.id ?? null);
      if (pasted) hold = { kind: "carry" };
    }
    const { selected } = context;
    const frame = selected && frameOf(selected);
    this.#gesture = hold && selected?.placement && frame
      ? { hold, id: selected.id, from: sample, before: selected.placement, frame, moved: false }
      : null;
    context.redraw();
  }

  move(samples: readonly Sample[], context: ToolContext): void {
    const last = samples.at(-1);
    if (last) this.#follow(last, context, false);
  }

  up(sample: Sample, context: ToolContext): void {
    this.#follow(sample, context, true);
    this.#gesture = null;
    context.redraw();
  }

  hover(sample: Sample, context: ToolContext): void {
    this.#pointer = sample;
    if (context.selected) context.redraw();
  }

  cancel(context: ToolContext): void {
    const gesture = this.#gesture;
    this.#gesture = null;
    if (gesture?.moved) context.place(gesture.id, gesture.before, false);
    context.redraw();
  }

  key(key: string, context: ToolContext): boolean {
    const { selected } = context;
    const far = key.startsWith("Shift+");
    const nudge = NUDGES[far ? key.slice("Shift+".length) : key];
    if (!selected?.placement || this.#gesture || !nudge) return false;
    const { placement } = selected;
    const step = far ? 10 : 1;
    context.place(selected.id, { ...placement, x: placement.x + step * nudge.x, y: placement.y + step * nudge.y }, true);
    return true;
  }

  overlay(graphics: CanvasRenderingContext2D, context: ToolContext): void {
    const { selected } = context;
    const frame = selected?.visible ? frameOf(selected) : null;
    if (!frame) return;
    const hold = this.#gesture?.hold ?? (this.#pointer && holdAt(this.#pointer, context));
    const lever = leverOf(frame, context);
    strokeOutline(graphics, () => {
      const corners = cornersOf(frame, context);
      corners.forEach(({ x, y }, i) => (i === 0 ? graphics.moveTo(x, y) : graphics.lineTo(x, y)));
      graphics.closePath();
      graphics.moveTo(lever.foot.x, lever.foot.y);
      graphics.lineTo(lever.head.x, lever.head.y);
    });
    drawGrip(graphics, lever.head, 0, true, hold?.kind === "turn");
    drawGrips(graphics, frame, hold?.kind === "pull" ? hold.grip : null, context);
    if (this.#gesture?.moved) drawLabel(graphics, said(this.#gesture.hold, frame), below(frame, context));
  }

  #follow(sample: Sample, context: ToolContext, last: boolean): void {
    const gesture = this.#gesture;
    this.#pointer = sample;
    if (!gesture) return;
    gesture.moved ||= isDrag(gesture.from, sample, context);
    if (!gesture.moved) return;
    context.place(gesture.id, placed(gesture, sample), last);
    context.redraw();
  }
}

/** Where a gesture has brought its layer. */
function placed({ hold, before, frame, from }: Gesture, to: Sample): Placement {
  if (hold.kind === "carry") {
    const wide = to.x - from.x;
    const high = to.y - from.y;
    const isFlat = Math.abs(wide) >= Math.abs(high);
    return { ...before, x: before.x + (to.shift && !isFlat ? 0 : wide), y: before.y + (to.shift && isFlat ? 0 : high) };
  }
  if (hold.kind === "turn") {
    const angle = before.angle + direction(frame, to) - direction(frame, from);
    return { ...before, angle: upright(to.shift ? Math.round(angle / SNAP) * SNAP : angle) };
  }
  const held = pointOf(frame, hold.grip);
  const point = { x: held.x + to.x - from.x, y: held.y + to.y - from.y };
  const isCorner = hold.grip.x !== 0 && hold.grip.y !== 0;
  const next = pulled(frame, hold.grip, point, { ratio: isCorner !== to.shift, center: to.alt });
  return {
    ...before, x: next.x, y: next.y,
    scaleX: before.scaleX * (next.width / frame.width), scaleY: before.scaleY * (next.height / frame.height),
  };
}

function direction(frame: Frame, point: Point): number {
  return Math.atan2(point.y - frame.y, point.x - frame.x);
}

/** The same angle between half a turn to the left and half a turn to the right. */
function upright(angle: number): number {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}

function frameOf({ placement, canvas }: Layer): Frame | null {
  if (!placement) return null;
  const { x, y, angle, scaleX, scaleY } = placement;
  return { x, y, width: canvas.width * Math.abs(scaleX), height: canvas.height * Math.abs(scaleY), angle };
}

/** What of the selected layer lies under a point. */
function holdAt(point: Point, context: ToolContext): Hold | null {
  const { selected } = context;
  const frame = selected?.visible ? frameOf(selected) : null;
  if (!frame) return null;
  const at = context.toScreen(point);
  const { head } = leverOf(frame, context);
  if (Math.hypot(head.x - at.x, head.y - at.y) <= GRIP_REACH) return { kind: "turn" };
  const grip = gripAt(frame, point, context);
  if (grip) return { kind: "pull", grip };
  return isInside(frame, point) ? { kind: "carry" } : null;
}

/** The line on the screen from the middle of the upper side to the handle that turns. */
function leverOf(frame: Frame, context: ToolContext): { foot: Point; head: Point } {
  const foot = context.toScreen(pointOf(frame, { x: 0, y: -1 }));
  return { foot, head: { x: foot.x + LEVER * Math.sin(frame.angle), y: foot.y - LEVER * Math.cos(frame.angle) } };
}

function said(hold: Hold, frame: Frame): string {
  if (hold.kind === "turn") return `${Math.round((frame.angle * 180) / Math.PI)}°`;
  if (hold.kind === "pull") return `${Math.round(frame.width)} × ${Math.round(frame.height)}`;
  return `${Math.round(frame.x - frame.width / 2)}, ${Math.round(frame.y - frame.height / 2)}`;
}

/** The frame's corners on the screen, one after the other around it. */
function cornersOf(frame: Frame, context: ToolContext): Point[] {
  const places = [{ x: -1, y: -1 }, { x: 1, y: -1 }, { x: 1, y: 1 }, { x: -1, y: 1 }];
  return places.map((place) => context.toScreen(pointOf(frame, place)));
}

/** The screen point under the lowest corner. */
function below(frame: Frame, context: ToolContext): Point {
  const corners = cornersOf(frame, context);
  return { x: context.toScreen(frame).x, y: Math.max(...corners.map((corner) => corner.y)) + 26 };
}
