import { flood } from "../flood";
import type { Flood } from "../flood";
import { writeAlpha } from "../maskops";
import { paintOnce } from "../paint";
import type { Tool, ToolContext } from "../tool";
import type { Point, Sample } from "../types";

/** Screen pixels between press and release beyond which it was no click. */
const CLICK = 12;

/** Fills the connected area of like colors, as seen, that is clicked on: on the sketch with the color, on the mask with masking. */
export function createFill(): Tool {
  let pressed: { at: Point; screen: Point } | null = null;
  return {
    name: "fill",
    cursor: (context) => (context.target === "none" ? "not-allowed" : "crosshair"),
    down(sample, context) {
      if (context.target !== "none") pressed = { at: { x: sample.x, y: sample.y }, screen: context.toScreen(sample) };
    },
    move() {
      // The click decides at its end.
    },
    up(sample: Sample, context) {
      const click = pressed;
      pressed = null;
      if (!click) return;
      const screen = context.toScreen(sample);
      if (Math.hypot(screen.x - click.screen.x, screen.y - click.screen.y) <= CLICK) fillAt(click.at, context);
    },
    cancel() {
      pressed = null;
    },
  };
}

function fillAt(point: Point, context: ToolContext): void {
  const { width, height } = context.size;
  if (point.x < 0 || point.y < 0 || point.x >= width || point.y >= height) return;
  const seen = context.sample({ x: 0, y: 0, width, height });
  const found = flood(seen.data, context.size, point, context.tolerance);
  if (!found) return;
  paintOnce(context, "canvas.step.fill", found.box, (graphics) => {
    graphics.drawImage(stampOf(found, context.paint), found.box.x, found.box.y);
  });
}

/** The area as a picture of one color. */
function stampOf({ box, alpha }: Flood, color: string): OffscreenCanvas {
  const canvas = new OffscreenCanvas(box.width, box.height);
  const graphics = canvas.getContext("2d", { willReadFrequently: true });
  if (!graphics) throw new Error("this browser cannot draw on an OffscreenCanvas");
  const image = new ImageData(box.width, box.height);
  writeAlpha(image.data, alpha, 0, 0, 0);
  graphics.putImageData(image, 0, 0);
  graphics.globalCompositeOperation = "source-in";
  graphics.fillStyle = color;
  graphics.fillRect(0, 0, box.width, box.height);
  return canvas;
}
