import { around } from "../geometry";
import { drawGrip, strokeOutline } from "../outline";
import { isDrag, paintOnce, previewPath } from "../paint";
import { simplify, tracePoints } from "../polyline";
import type { Tool, ToolContext } from "../tool";
import type { Point, Sample } from "../types";

/** Screen pixels within which a click counts as one on the first corner. */
const CLOSING = 12;
/** Milliseconds and screen pixels within which two clicks are a double click. */
const DOUBLE_TIME = 400;
const DOUBLE_REACH = 6;

/** The freehand lasso: the line that is drawn is closed and filled. */
export function createLasso(): Tool {
  let points: Point[] = [];
  let drawing = false;
  const add = (sample: Sample): void => {
    const last = points.at(-1);
    if (last?.x !== sample.x || last.y !== sample.y) points.push({ x: sample.x, y: sample.y });
  };
  return {
    name: "lasso",
    cursor: (context) => (context.target === "none" ? "not-allowed" : "crosshair"),
    down(sample, context) {
      points = [];
      drawing = context.target !== "none";
      if (drawing) add(sample);
    },
    move(samples, context) {
      if (!drawing) return;
      samples.forEach(add);
      context.redraw();
    },
    up(sample, context) {
      if (!drawing) return;
      add(sample);
      const line = simplify(points, Math.min(0.5, 0.3 / context.zoom));
      drawing = false;
      points = [];
      context.redraw();
      fillCorners(line, "canvas.step.lasso", context);
    },
    cancel(context) {
      drawing = false;
      points = [];
      context.redraw();
    },
    overlay(graphics, context) {
      if (points.length < 2) return;
      previewPath(graphics, context, () => {
        tracePoints(graphics, points, (point) => context.toScreen(point));
        graphics.closePath();
      });
    },
  };
}

/** Fill a closed line; one that stays within a hand's tremble, or that has no area, does nothing. */
function fillCorners(corners: readonly Point[], label: string, context: ToolContext): void {
  const box = around(corners);
  const isClick = !isDrag(box, { x: box.x + box.width, y: box.y + box.height }, context);
  if (corners.length < 3 || isClick) return;
  paintOnce(context, label, around(corners, 1), (graphics) => {
    graphics.beginPath();
    tracePoints(graphics, corners);
    graphics.closePath();
    graphics.fill("nonzero");
  });
}

/**
 * The polygon: each click is a corner. A double click, Enter or a click on the first corner closes it, Backspace takes back the
 * last corner, Escape takes back all. Shift turns sides to steps of 45 degrees.
 */
export function createPolygon(): Tool {
  return new Polygon();
}

class Polygon implements Tool {
  readonly name = "polygon";
  #corners: Point[] = [];
  /** Where the next corner would be. */
  #next: Point | null = null;
  #pressed = false;
  #last: { screen: Point; time: number } | null = null;

  cursor(context: ToolContext): string {
    if (context.target === "none") return "not-allowed";
    return this.#next && this.#closes(this.#next, context) ? "pointer" : "crosshair";
  }

  down(sample: Sample, context: ToolContext): void {
    if (context.target === "none") return;
    this.#pressed = true;
    this.#next = this.#straightened(sample);
    context.redraw();
  }

  move(samples: readonly Sample[], context: ToolContext): void {
    const last = samples.at(-1);
    if (!this.#pressed || !last) return;
    this.#next = this.#straightened(last);
    context.redraw();
  }

  up(sample: Sample, context: ToolContext): void {
    if (!this.#pressed) return;
    this.#pressed = false;
    const screen = context.toScreen(sample);
    const before = this.#last;
    this.#last = { screen, time: sample.time };
    const isDouble =
      before !== null && sample.time - before.time < DOUBLE_TIME &&
      Math.hypot(screen.x - before.screen.x, screen.y - before.screen.y) < DOUBLE_REACH;
    if (isDouble || this.#closes(sample, context)) {
      this.#close(context);
      return;
    }
    this.#corners.push(this.#straightened(sample));
    this.#next = sample;
    context.redraw();
  }

  hover(sample: Sample, context: ToolContext): void {
    if (this.#corners.length === 0) return;
    this.#next = this.#straightened(sample);
    context.redraw();
  }

  /** A second finger while a corner is being set takes back that corner only: to zoom in between does not cost the others. */
  cancel(context: ToolContext): void {
    if (!this.#pressed) this.#corners = [];
    this.#pressed = false;
    this.#next = null;
    this.#last = null;
    context.redraw();
  }

  key(key: string, context: ToolContext): boolean {
    if (this.#corners.length === 0) return false;
    if (key === "Enter") this.#close(context);
    else if (key === "Backspace") this.#corners.pop();
    else if (key === "Escape") {
      this.#pressed = false;
      this.cancel(context);
    } else return false;
    this.#last = null;
    context.redraw();
    return true;
  }

  overlay(graphics: CanvasRenderingContext2D, context: ToolContext): void {
    const first = this.#corners[0];
    if (!first) return;
    const shown = this.#next ? [...this.#corners, this.#next] : this.#corners;
    const trace = (): void => tracePoints(graphics, shown, (point) => context.toScreen(point));
    if (shown.length > 2) previewPath(graphics, context, trace);
    else strokeOutline(graphics, trace, context.subtract);
    const lit = this.#next !== null && this.#closes(this.#next, context);
    drawGrip(graphics, context.toScreen(first), 0, true, lit);
  }

  /** Two corners make no polygon: it goes on then. */
  #close(context: ToolContext): void {
    if (this.#corners.length < 3) return;
    const corners = this.#corners;
    this.#corners = [];
    this.#next = null;
    this.#last = null;
    context.redraw();
    fillCorners(corners, "canvas.step.polygon", context);
  }

  #closes(point: Point, context: ToolContext): boolean {
    const first = this.#corners[0];
    if (!first || this.#corners.length < 3) return false;
    const a = context.toScreen(first);
    const b = context.toScreen(point);
    return Math.hypot(a.x - b.x, a.y - b.y) <= CLOSING;
  }

  #straightened(sample: Sample): Point {
    const from = this.#corners.at(-1);
    if (!sample.shift || !from) return { x: sample.x, y: sample.y };
    const step = Math.PI / 4;
    const angle = Math.round(Math.atan2(sample.y - from.y, sample.x - from.x) / step) * step;
    const length = (sample.x - from.x) * Math.cos(angle) + (sample.y - from.y) * Math.sin(angle);
    return { x: from.x + length * Math.cos(angle), y: from.y + length * Math.sin(angle) };
  }
}
