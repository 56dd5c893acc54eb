import type { Core } from "./core";
import { guideBox } from "./guide";
import type { Rect, Size } from "./types";

/** Draw what helps but is no part of the picture, in screen pixels: outlines, the guide of "only masked", the brush's ring. */
export function drawOverlay(graphics: CanvasRenderingContext2D, core: Core): void {
  const { size, viewport } = core;
  if (!size) return;
  const page = viewport.rectToScreen({ x: 0, y: 0, ...size });
  if (core.outline) drawOutline(graphics, page, viewport.rectToScreen(outlineBox(size, core.outline)), core.outline);
  if (core.guide && core.shownKinds.has("mask")) {
    const bounds = core.boundsOf("mask");
    if (bounds) drawBox(graphics, viewport.rectToScreen(guideBox(bounds, core.guide, size)), core.tint.color, [6, 4]);
  }
  if (core.region) drawRegion(graphics, page, viewport.rectToScreen(core.region));
  if (core.ring && core.hover) drawRing(graphics, viewport.toScreen(core.hover), (core.brush.size / 2) * viewport.zoom);
}

/** The largest rectangle of the target's proportions inside the document, in its middle: what "crop and resize" keeps. */
function outlineBox(size: Size, target: Size): Rect {
  const scale = Math.min(size.width / target.width, size.height / target.height);
  const width = target.width * scale;
  const height = target.height * scale;
  return { x: (size.width - width) / 2, y: (size.height - height) / 2, width, height };
}

function drawOutline(graphics: CanvasRenderingContext2D, page: Rect, box: Rect, size: Size): void {
  dimAround(graphics, page, box, 0.5);
  graphics.fillStyle = "rgb(255 255 255 / 0.1)";
  graphics.fillRect(box.x, box.y, box.width, box.height);
  drawBox(graphics, box, "#ffffff", []);
  const text = `${size.width} × ${size.height}`;
  graphics.font = "600 13px system-ui, sans-serif";
  const wide = graphics.measureText(text).width + 16;
  const x = box.x + box.width / 2;
  const y = box.y + box.height / 2;
  graphics.fillStyle = "rgb(0 0 0 / 0.72)";
  graphics.beginPath();
  graphics.roundRect(x - wide / 2, y - 13, wide, 26, 6);
  graphics.fill();
  graphics.fillStyle = "#ffffff";
  graphics.textAlign = "center";
  graphics.textBaseline = "middle";
  graphics.fillText(text, x, y + 0.5);
}

function drawRegion(graphics: CanvasRenderingContext2D, page: Rect, box: Rect): void {
  dimAround(graphics, page, box, 0.4);
  drawBox(graphics, box, "#ffffff", []);
}

function dimAround(graphics: CanvasRenderingContext2D, page: Rect, box: Rect, strength: number): void {
  graphics.fillStyle = `rgb(0 0 0 / ${strength})`;
  graphics.beginPath();
  graphics.rect(page.x, page.y, page.width, page.height);
  graphics.rect(box.x, box.y, box.width, box.height);
  graphics.fill("evenodd");
}

/** A thin line that shows on light and on dark. */
function drawBox(graphics: CanvasRenderingContext2D, box: Rect, color: string, dash: readonly number[]): void {
  const x = Math.round(box.x) + 0.5;
  const y = Math.round(box.y) + 0.5;
  const width = Math.round(box.width) - 1;
  const height = Math.round(box.height) - 1;
  graphics.setLineDash([]);
  graphics.lineWidth = 3;
  graphics.strokeStyle = "rgb(0 0 0 / 0.55)";
  graphics.strokeRect(x, y, width, height);
  graphics.setLineDash([...dash]);
  graphics.lineWidth = 1.25;
  graphics.strokeStyle = color;
  graphics.strokeRect(x, y, width, height);
  graphics.setLineDash([]);
}

/** The brush's rim: a light line between two dark ones; a cross where it would be too small to see. */
function drawRing(graphics: CanvasRenderingContext2D, at: { x: number; y: number }, radius: number): void {
  graphics.beginPath();
  if (radius >= 2.5) {
    graphics.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  } else {
    for (const [x, y] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      graphics.moveTo(at.x + 3 * x, at.y + 3 * y);
      graphics.lineTo(at.x + 8 * x, at.y + 8 * y);
    }
  }
  graphics.lineWidth = 3;
  graphics.strokeStyle = "rgb(0 0 0 / 0.65)";
  graphics.stroke();
  graphics.lineWidth = 1.25;
  graphics.strokeStyle = "#ffffff";
  graphics.stroke();
}
