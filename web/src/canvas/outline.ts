import type { Point } from "./types";

/** Lines and marks that show on light and on dark pictures alike, in screen pixels. */

const DARK = "rgb(0 0 0 / 0.6)";
const LIGHT = "#ffffff";

/** Draw a path (made by `trace` on an open path) as a light line with a dark rim; `dashed` shows the dark between the dashes. */
export function strokeOutline(graphics: CanvasRenderingContext2D, trace: () => void, dashed = false): void {
  graphics.save();
  graphics.lineJoin = "round";
  graphics.beginPath();
  trace();
  graphics.setLineDash([]);
  graphics.lineWidth = 3;
  graphics.strokeStyle = DARK;
  graphics.stroke();
  graphics.setLineDash(dashed ? [5, 4] : []);
  graphics.lineWidth = 1.25;
  graphics.strokeStyle = LIGHT;
  graphics.stroke();
  graphics.restore();
}

/** A square to take hold of, turned by `angle`, or a round one. The lit one is under the pointer. */
export function drawGrip(graphics: CanvasRenderingContext2D, at: Point, angle: number, round: boolean, lit: boolean): void {
  const half = lit ? 6 : 5;
  graphics.save();
  graphics.translate(at.x, at.y);
  graphics.rotate(angle);
  graphics.beginPath();
  if (round) graphics.arc(0, 0, half, 0, 2 * Math.PI);
  else graphics.roundRect(-half, -half, 2 * half, 2 * half, 2);
  graphics.lineWidth = 3;
  graphics.strokeStyle = DARK;
  graphics.stroke();
  graphics.fillStyle = LIGHT;
  graphics.fill();
  graphics.restore();
}

/** A line of text on a dark pill whose middle is at a point. */
export function drawLabel(graphics: CanvasRenderingContext2D, text: string, at: Point): void {
  graphics.save();
  graphics.font = "600 12px system-ui, sans-serif";
  graphics.textAlign = "center";
  graphics.textBaseline = "middle";
  const wide = graphics.measureText(text).width + 16;
  graphics.fillStyle = "rgb(0 0 0 / 0.75)";
  graphics.beginPath();
  graphics.roundRect(at.x - wide / 2, at.y - 12, wide, 24, 6);
  graphics.fill();
  graphics.fillStyle = LIGHT;
  graphics.fillText(text, at.x, at.y + 0.5);
  graphics.restore();
}
