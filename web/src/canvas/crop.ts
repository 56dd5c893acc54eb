import type { Placement, Point, Rect, Size } from "./types";

/**
 * The pixel work of cutting a part out of a document and of putting it back. A region is in document pixels; all of these expect
 * one from `regionIn`, which is of whole pixels and inside the document.
 */

/** A canvas with pixels to read, of its own size. */
type Pixels = CanvasImageSource & Size;

/** The region with its edges on the nearest pixels and cut to the document; null where nothing is left of it. */
export function regionIn(region: Rect, size: Size): Rect | null {
  const x = Math.min(size.width, Math.max(0, Math.round(region.x)));
  const y = Math.min(size.height, Math.max(0, Math.round(region.y)));
  const right = Math.min(size.width, Math.round(region.x + region.width));
  const bottom = Math.min(size.height, Math.round(region.y + region.height));
  return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : null;
}

/** A canvas of the region's size with what `from` (a picture, a sketch, a mask) has there, pixel by pixel. */
export function cutOut(from: Pixels, region: Rect): OffscreenCanvas {
  const canvas = new OffscreenCanvas(region.width, region.height);
  const graphics = canvas.getContext("2d", { willReadFrequently: true });
  if (!graphics) throw new Error("this browser cannot draw on an OffscreenCanvas");
  graphics.imageSmoothingEnabled = false;
  graphics.drawImage(from, region.x, region.y, region.width, region.height, 0, 0, region.width, region.height);
  return canvas;
}

/** Where a pasted layer lies once the document begins at the region's corner. Its own pixels stay as they are. */
export function shifted(placement: Placement, region: Rect): Placement {
  return { ...placement, x: placement.x - region.x, y: placement.y - region.y };
}

/**
 * Replace the pixels of the region, transparent ones too, by those of a part, which is scaled if it has another size than the region (an
 * upscaled result). Nothing outside of the region changes.
 */
export function putIn(graphics: OffscreenCanvasRenderingContext2D, part: Pixels, region: Rect): void {
  const { x, y, width, height } = region;
  graphics.save();
  graphics.setTransform(1, 0, 0, 1, 0, 0);
  graphics.globalAlpha = 1;
  graphics.globalCompositeOperation = "source-over";
  graphics.beginPath();
  graphics.rect(x, y, width, height);
  graphics.clip();
  graphics.clearRect(x, y, width, height);
  graphics.imageSmoothingEnabled = part.width !== width || part.height !== height;
  graphics.imageSmoothingQuality = "high";
  graphics.drawImage(part, 0, 0, part.width, part.height, x, y, width, height);
  graphics.restore();
}

/**
 * Erase the region from a pasted layer of the whole, so that it does not lie over what is put back: the part was made with the
 * layer already in it. The context is the layer's own, `size` its size.
 */
export function takeOff(graphics: OffscreenCanvasRenderingContext2D, size: Size, placement: Placement, region: Rect): void {
  const [first, ...others] = cornersOf(region).map((corner) => toLayer(corner, size, placement));
  if (!first) return;
  graphics.save();
  graphics.setTransform(1, 0, 0, 1, 0, 0);
  graphics.globalAlpha = 1;
  graphics.globalCompositeOperation = "destination-out";
  graphics.fillStyle = "#000000";
  graphics.beginPath();
  graphics.moveTo(first.x, first.y);
  for (const { x, y } of others) graphics.lineTo(x, y);
  graphics.closePath();
  graphics.fill();
  graphics.restore();
}

/** Whether any of a pasted layer (of this size) lies inside the region. */
export function reaches(size: Size, placement: Placement, region: Rect): boolean {
  const inLayer = cornersOf(region).map((corner) => toLayer(corner, size, placement));
  const whole = { x: 0, y: 0, width: size.width, height: size.height };
  const inDocument = cornersOf(whole).map((corner) => toDocument(corner, size, placement));
  // Two rectangles are apart exactly where a side of one of them lies between them.
  return meets(inLayer, whole) && meets(inDocument, region);
}

/** The box in a pasted layer's own pixels around what of it lies inside the region. */
export function boxInLayer(size: Size, placement: Placement, region: Rect): Rect {
  const corners = cornersOf(region).map((corner) => toLayer(corner, size, placement));
  const x = Math.min(...corners.map((corner) => corner.x));
  const y = Math.min(...corners.map((corner) => corner.y));
  const right = Math.max(...corners.map((corner) => corner.x));
  const bottom = Math.max(...corners.map((corner) => corner.y));
  return { x, y, width: right - x, height: bottom - y };
}

function meets(corners: readonly Point[], box: Rect): boolean {
  const xs = corners.map((corner) => corner.x);
  const ys = corners.map((corner) => corner.y);
  const across = Math.max(...xs) > box.x && Math.min(...xs) < box.x + box.width;
  return across && Math.max(...ys) > box.y && Math.min(...ys) < box.y + box.height;
}

function cornersOf({ x, y, width, height }: Rect): Point[] {
  return [{ x, y }, { x: x + width, y }, { x: x + width, y: y + height }, { x, y: y + height }];
}

/** A point of the document in the layer's own pixels. */
function toLayer(point: Point, size: Size, { x, y, scaleX, scaleY, angle }: Placement): Point {
  const offX = point.x - x;
  const offY = point.y - y;
  return {
    x: (offX * Math.cos(angle) + offY * Math.sin(angle)) / scaleX + size.width / 2,
    y: (offY * Math.cos(angle) - offX * Math.sin(angle)) / scaleY + size.height / 2,
  };
}

/** A point of the layer's own pixels in the document. */
function toDocument(point: Point, size: Size, { x, y, scaleX, scaleY, angle }: Placement): Point {
  const offX = (point.x - size.width / 2) * scaleX;
  const offY = (point.y - size.height / 2) * scaleY;
  return {
    x: x + offX * Math.cos(angle) - offY * Math.sin(angle),
    y: y + offX * Math.sin(angle) + offY * Math.cos(angle),
  };
}
