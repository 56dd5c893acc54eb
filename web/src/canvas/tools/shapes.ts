import { isDrag, paintOnce, previewPath } from "../paint";
import type { Tool, ToolContext } from "../tool";
import type { Point, Rect, Sample } from "../types";

interface Gesture {
  readonly from: Sample;
  to: Sample;
}

type Trace = (graphics: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D, box: Rect) => void;

/** Filled rectangles, drawn from corner to corner on whole pixels. Shift makes a square, Alt draws from the middle. */
export function createRectangle(): Tool {
  return createShape("rectangle", "canvas.step.rectangle", true, (graphics, box) => {
    graphics.rect(box.x, box.y, box.width, box.height);
  });
}

/** Filled ellipses that touch the dragged box. Shift makes a circle, Alt draws from the middle. */
export function createEllipse(): Tool {
  return createShape("ellipse", "canvas.step.ellipse", false, (graphics, box) => {
    const { x, y, width, height } = box;
    graphics.ellipse(x + width / 2, y + height / 2, width / 2, height / 2, 0, 0, 2 * Math.PI);
  });
}

/** The box of a drag: with `even` a square as long as the longer side, with `centered` about `from`. */
export function dragBox(from: Point, to: Point, even: boolean, centered: boolean): Rect {
  let wide = to.x - from.x;
  let high = to.y - from.y;
  if (even) {
    const side = Math.max(Math.abs(wide), Math.abs(high));
    wide = wide < 0 ? -side : side;
    high = high < 0 ? -side : side;
  }
  const x = centered ? from.x - Math.abs(wide) : Math.min(from.x, from.x + wide);
  const y = centered ? from.y - Math.abs(high) : Math.min(from.y, from.y + high);
  const times = centered ? 2 : 1;
  return { x, y, width: times * Math.abs(wide), height: times * Math.abs(high) };
}

function createShape(name: "rectangle" | "ellipse", label: string, whole: boolean, trace: Trace): Tool {
  let gesture: Gesture | null = null;
  const onGrid = (point: Point): Point => (whole ? { x: Math.round(point.x), y: Math.round(point.y) } : point);
  const boxOf = ({ from, to }: Gesture): Rect => dragBox(onGrid(from), onGrid(to), to.shift, to.alt);
  return {
    name,
    cursor: (context) => (context.target === "none" ? "not-allowed" : "crosshair"),
    down(sample, context) {
      if (context.target !== "none") gesture = { from: sample, to: sample };
    },
    move(samples, context) {
      const last = samples.at(-1);
      if (!gesture || !last) return;
      gesture.to = last;
      context.redraw();
    },
    up(sample, context) {
      const done = gesture;
      gesture = null;
      if (!done) return;
      done.to = sample;
      const box = boxOf(done);
      context.redraw();
      if (box.width === 0 || box.height === 0 || !isDrag(done.from, done.to, context)) return;
      paintOnce(context, label, box, (graphics) => {
        graphics.beginPath();
        trace(graphics, box);
        graphics.fill("nonzero");
      });
    },
    cancel(context) {
      gesture = null;
      context.redraw();
    },
    overlay(graphics, context) {
      if (!gesture || !isDrag(gesture.from, gesture.to, context)) return;
      const box = onScreen(boxOf(gesture), context);
      previewPath(graphics, context, () => trace(graphics, box));
    },
  };
}

function onScreen(box: Rect, context: ToolContext): Rect {
  const start = context.toScreen(box);
  const end = context.toScreen({ x: box.x + box.width, y: box.y + box.height });
  return { x: start.x, y: start.y, width: end.x - start.x, height: end.y - start.y };
}
