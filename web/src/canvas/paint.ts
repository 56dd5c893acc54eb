import { isEmpty, wholePixels } from "./geometry";
import { strokeOutline } from "./outline";
import type { ToolContext } from "./tool";
import type { Point, Rect } from "./types";

/** Screen pixels that a pointer may tremble: less is a click, no drag. */
const TREMBLE = 3;

/** Whether two points of the document lie further apart on the screen than a hand trembles. */
export function isDrag(from: Point, to: Point, context: ToolContext): boolean {
  const start = context.toScreen(from);
  const end = context.toScreen(to);
  return Math.max(Math.abs(end.x - start.x), Math.abs(end.y - start.y)) > TREMBLE;
}

/**
 * Paint or, with `subtract`, take away on the layer that is painted on, as one step of the history: `draw` draws in document
 * pixels inside `bounds` with the paint's color and opacity set. Nothing happens outside of the document.
 */
export function paintOnce(
  context: ToolContext, label: string, bounds: Rect, draw: (graphics: OffscreenCanvasRenderingContext2D) => void,
): void {
  const inside = wholePixels(bounds, context.size);
  if (isEmpty(inside) || context.target === "none") return;
  const layer = context.paintLayer();
  if (!layer) return;
  const edit = context.begin(label, layer);
  edit.touch(inside);
  const graphics = edit.context;
  graphics.save();
  graphics.globalCompositeOperation = context.subtract ? "destination-out" : "source-over";
  graphics.globalAlpha = context.brush.opacity;
  graphics.fillStyle = context.paint;
  draw(graphics);
  graphics.restore();
  edit.commit();
}

/** Show on the overlay what a path (screen pixels) will paint, with its rim. What will be taken away is shown pale. */
export function previewPath(graphics: CanvasRenderingContext2D, context: ToolContext, trace: () => void): void {
  graphics.save();
  graphics.globalAlpha = context.subtract ? 0.3 : Math.min(context.brush.opacity, 0.6);
  graphics.fillStyle = context.subtract ? "#ffffff" : context.paint;
  graphics.beginPath();
  trace();
  graphics.fill("nonzero");
  graphics.restore();
  strokeOutline(graphics, trace, context.subtract);
}
