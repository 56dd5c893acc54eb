import type { Engine, Rect, Size } from "@/canvas";

/** A shape that is given by numbers. `subtract` takes it out of the mask. */
export interface NumberedShape extends Rect {
  form: "rectangle" | "ellipse";
  subtract: boolean;
}

/** Cut a shape to whole pixels inside the document; null where nothing of it lies inside. */
export function insideDocument(shape: NumberedShape, size: Size): NumberedShape | null {
  const x = Math.round(shape.x);
  const y = Math.round(shape.y);
  const width = Math.round(shape.width);
  const height = Math.round(shape.height);
  const meets = width > 0 && height > 0 && x < size.width && y < size.height && x + width > 0 && y + height > 0;
  if (![x, y, width, height].every(Number.isFinite) || !meets) return null;
  return { ...shape, x, y, width, height };
}

/** Add a shape to the mask, or take it away, as one step that can be undone. Returns false where nothing of it lies in the document. */
export function maskShape(canvas: Engine, shape: NumberedShape): boolean {
  const { size } = canvas;
  const inside = size && insideDocument(shape, size);
  if (!size || !inside) return false;
  const picture = whiteMask(canvas, size);
  const graphics = picture.getContext("2d");
  if (!graphics) return false;
  graphics.globalCompositeOperation = inside.subtract ? "destination-out" : "source-over";
  graphics.fillStyle = "#ffffff";
  const { x, y, width, height } = inside;
  if (inside.form === "rectangle") {
    graphics.fillRect(x, y, width, height);
  } else {
    graphics.beginPath();
    graphics.ellipse(x + width / 2, y + height / 2, width / 2, height / 2, 0, 0, 2 * Math.PI);
    graphics.fill();
  }
  canvas.loadMask(picture);
  return true;
}

/** Mask the whole document. */
export function maskEverything(canvas: Engine): void {
  if (!canvas.size) return;
  maskShape(canvas, { x: 0, y: 0, ...canvas.size, form: "rectangle", subtract: false });
}

/** The mask as it is, in white: its alpha is what counts. */
function whiteMask(canvas: Engine, size: Size): OffscreenCanvas {
  const picture = new OffscreenCanvas(size.width, size.height);
  const graphics = picture.getContext("2d");
  const mask = canvas.layers.find((layer) => layer.kind === "mask");
  if (!graphics || !mask || !canvas.hasMask) return picture;
  graphics.drawImage(mask.canvas, 0, 0);
  graphics.globalCompositeOperation = "source-in";
  graphics.fillStyle = "#ffffff";
  graphics.fillRect(0, 0, size.width, size.height);
  return picture;
}
