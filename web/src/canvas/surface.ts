import type { Layer, LayerKind, Placement, Rect, Size } from "./types";
import { Content } from "./content";
import { union, wholeOf } from "./geometry";

/** A canvas of this size (at least 1x1) that lives in main memory. */
export function makeCanvas(size: Size): OffscreenCanvas {
  return new OffscreenCanvas(Math.max(1, Math.round(size.width)), Math.max(1, Math.round(size.height)));
}

/**
 * The context of a canvas whose pixels are read as often as they are drawn. Such a canvas stays in main memory: reading a tile
 * never waits for the graphics card, the bits are the same on every machine, and a lost graphics context loses no stroke.
 */
export function pixelsOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser cannot draw on an OffscreenCanvas");
  return context;
}

/** A copy of a picture in a canvas of its own, scaled to `size` where one is given. */
export function copyOf(picture: CanvasImageSource & Size, size: Size = picture): OffscreenCanvas {
  const canvas = makeCanvas(size);
  const context = pixelsOf(canvas);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}

let made = 0;
let states = 0;

/** A layer with its pixels: what the engine changes and others see as `Layer`. */
export class Surface implements Layer {
  readonly id: string;
  readonly kind: LayerKind;
  name: string;
  visible = true;
  opacity = 1;
  placement: Placement | null = null;
  canvas: OffscreenCanvas;
  context: OffscreenCanvasRenderingContext2D;
  /** Names the pixels' content: new with each change; undo and redo bring the old name back. */
  version = (states += 1);
  /** What the screen has not followed yet, in the layer's own pixels. */
  stale: Rect | null = null;
  /** Where there is anything. */
  readonly content: Content;

  /** `clear` says that the canvas is known to hold nothing yet. */
  constructor(kind: LayerKind, name: string, canvas: OffscreenCanvas, clear = false) {
    made += 1;
    this.id = `${kind}-${made}`;
    this.kind = kind;
    this.name = name;
    this.canvas = canvas;
    this.context = pixelsOf(canvas);
    this.content = new Content(canvas, clear);
    this.stale = clear ? null : wholeOf(canvas);
  }

  /** Say that the pixels of a rectangle changed. */
  changed(rect: Rect): void {
    states += 1;
    this.version = states;
    this.stale = union(this.stale, rect);
    this.content.forget(rect);
  }

  /** Put another canvas in the place of this one's; returns the old one. */
  exchange(canvas: OffscreenCanvas): OffscreenCanvas {
    const old = this.canvas;
    this.canvas = canvas;
    this.context = pixelsOf(canvas);
    this.content.follow(canvas);
    this.changed(wholeOf(canvas));
    return old;
  }
}
