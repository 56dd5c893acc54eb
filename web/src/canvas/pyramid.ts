import { intersect, isEmpty, union, wholeOf } from "./geometry";
import type { Surface } from "./surface";
import type { Rect, Size } from "./types";

/** From here on a changed part goes to the screen's copy as a whole picture rather than as pixels. */
const MANY = 1024 * 1024;

interface Level {
  readonly canvas: OffscreenCanvas;
  readonly context: OffscreenCanvasRenderingContext2D;
  stale: Rect | null;
}

/** Number of halvings at which one pixel of a layer is at most one on the screen and more than half of one. */
export function levelFor(scale: number, size: Size): number {
  const wanted = scale >= 1 || scale <= 0 ? 0 : Math.floor(Math.log2(1 / scale) + 1e-9);
  return Math.min(wanted, Math.floor(Math.log2(Math.max(1, Math.min(size.width, size.height)))));
}

/** The part of the next smaller level that a part of one level becomes: whole pixels around its half. */
export function halved(rect: Rect, size: Size): Rect {
  const x = Math.max(0, Math.floor(rect.x / 2));
  const y = Math.max(0, Math.floor(rect.y / 2));
  const right = Math.min(Math.ceil(size.width / 2), Math.ceil((rect.x + rect.width) / 2));
  const bottom = Math.min(Math.ceil(size.height / 2), Math.ceil((rect.y + rect.height) / 2));
  return { x, y, width: Math.max(0, right - x), height: Math.max(0, bottom - y) };
}

/**
 * Copies of a layer for the screen: its own size, a half, a quarter... They may live on the graphics card; changed rectangles follow
 * when something is drawn from them, so a stroke never sends the whole layer over.
 */
export class Pyramid {
  #levels: Level[] = [];

  /** The layer scaled down by 2^`number`, up to date. */
  level(surface: Surface, number: number): OffscreenCanvas {
    const first = this.#levels[0];
    const { width, height } = surface.canvas;
    if (first && (first.canvas.width !== width || first.canvas.height !== height || first.context.isContextLost())) this.#levels = [];
    if (this.#levels.length === 0) this.#levels.push(levelOf(surface.canvas));
    if (surface.stale) {
      for (const [at, level] of this.#levels.entries()) level.stale = union(level.stale, shrunk(surface.stale, at, surface.canvas));
      surface.stale = null;
    }
    return this.#fresh(surface, number).canvas;
  }

  #fresh(surface: Surface, number: number): Level {
    const above = number > 0 ? this.#fresh(surface, number - 1) : null;
    let level = this.#levels[number];
    if (!level) {
      const size = above?.canvas ?? surface.canvas;
      level = levelOf({ width: Math.ceil(size.width / 2), height: Math.ceil(size.height / 2) });
      this.#levels[number] = level;
    }
    const { stale } = level;
    if (stale && !isEmpty(stale)) {
      if (above) halve(above.canvas, level.context, stale);
      else follow(surface, level.context, stale);
    }
    level.stale = null;
    return level;
  }
}

function levelOf(size: Size): Level {
  const canvas = new OffscreenCanvas(Math.max(1, size.width), Math.max(1, size.height));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser cannot draw on an OffscreenCanvas");
  return { canvas, context, stale: wholeOf(canvas) };
}

function shrunk(rect: Rect, times: number, size: Size): Rect {
  let part = rect;
  let whole: Size = size;
  for (let time = 0; time < times; time += 1) {
    part = halved(part, whole);
    whole = { width: Math.ceil(whole.width / 2), height: Math.ceil(whole.height / 2) };
  }
  return part;
}

function follow(surface: Surface, context: OffscreenCanvasRenderingContext2D, stale: Rect): void {
  const { x, y, width, height } = intersect(stale, wholeOf(surface.canvas));
  if (width * height < MANY) {
    context.putImageData(surface.context.getImageData(x, y, width, height), x, y);
  } else {
    context.clearRect(x, y, width, height);
    context.drawImage(surface.canvas, x, y, width, height, x, y, width, height);
  }
}

function halve(from: OffscreenCanvas, context: OffscreenCanvasRenderingContext2D, { x, y, width, height }: Rect): void {
  context.clearRect(x, y, width, height);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "low";
  context.drawImage(from, 2 * x, 2 * y, 2 * width, 2 * height, x, y, width, height);
}
