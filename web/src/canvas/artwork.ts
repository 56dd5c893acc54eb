import { intersect, isEmpty } from "./geometry";
import { placeOn } from "./render";
import { Surface, makeCanvas, pixelsOf } from "./surface";
import type { LayerKind, Placement, Point, Rect, Size } from "./types";

/** A document: a size and the layers from bottom to top. */
export class Artwork {
  readonly size: Size;
  surfaces: Surface[];
  /** The version of the picture's layer when it was opened or put in; 0 for one that nobody but this page has. */
  readonly opened: number;

  constructor(size: Size, picture: Surface, others: readonly Surface[] = [], opened = picture.version) {
    this.size = size;
    this.surfaces = [picture, ...others];
    this.opened = opened;
  }

  get picture(): Surface {
    return this.surfaces[0] as Surface;
  }

  get pasted(): Surface[] {
    return this.surfaces.filter((surface) => surface.kind === "pasted");
  }

  /** Whether what is sent as the picture differs from what was opened. */
  get touched(): boolean {
    return this.picture.version !== this.opened || !this.picture.visible || this.picture.opacity < 1 || this.pasted.some(isSeen);
  }

  find(id: string | null): Surface | null {
    return this.surfaces.find((surface) => surface.id === id) ?? null;
  }

  of(kind: LayerKind): Surface | null {
    return this.surfaces.find((surface) => surface.kind === kind) ?? null;
  }

  /** The one sketch or mask, made clear where there is none yet. */
  made(kind: "sketch" | "mask"): Surface {
    const found = this.of(kind);
    if (found) return found;
    const surface = new Surface(kind, kind, makeCanvas(this.size), true);
    this.add(surface);
    return surface;
  }

  /** Put a layer in; pasted ones above those that are there, sketch and mask above all. */
  add(surface: Surface, at?: number): void {
    const place = at ?? this.surfaces.filter((other) => RANK[other.kind] <= RANK[surface.kind]).length;
    this.surfaces = [...this.surfaces.slice(0, place), surface, ...this.surfaces.slice(place)];
  }

  remove(surface: Surface): number {
    const at = this.surfaces.indexOf(surface);
    this.surfaces = this.surfaces.filter((other) => other !== surface);
    return at;
  }

  /** Layers of these kinds as they are seen, inside `part`. */
  flat(part: Rect, kinds: ReadonlySet<LayerKind>): OffscreenCanvas {
    const canvas = makeCanvas(part);
    const context = pixelsOf(canvas);
    for (const surface of this.surfaces) {
      if (!kinds.has(surface.kind) || !isSeen(surface)) continue;
      context.setTransform(1, 0, 0, 1, -part.x, -part.y);
      drawSurface(context, surface);
    }
    return canvas;
  }

  /** The topmost visible pasted layer under a point. */
  pastedAt(point: Point): Surface | null {
    return [...this.pasted].reverse().find((surface) => surface.visible && surface.placement && covers(surface, surface.placement, point)) ?? null;
  }
}

/** The kinds of layers that make the picture that is sent. */
export const PICTURE: ReadonlySet<LayerKind> = new Set(["picture", "pasted"]);

const RANK = { picture: 0, pasted: 1, sketch: 2, mask: 3 } as const;

/** Whether a layer shows at all. */
export function isSeen(surface: Surface): boolean {
  return surface.visible && surface.opacity > 0;
}

/** Draw a layer at its place and with its opacity. */
export function drawSurface(context: OffscreenCanvasRenderingContext2D, surface: Surface): void {
  context.save();
  context.globalAlpha = surface.opacity;
  context.imageSmoothingQuality = "high";
  placeOn(context, surface);
  context.drawImage(surface.canvas, 0, 0);
  context.restore();
}

/** The box around a pasted layer as it lies on the document. */
export function boxOf(surface: Surface, placement: Placement): Rect {
  const wide = Math.abs(placement.scaleX * surface.canvas.width) / 2;
  const high = Math.abs(placement.scaleY * surface.canvas.height) / 2;
  const cos = Math.abs(Math.cos(placement.angle));
  const sin = Math.abs(Math.sin(placement.angle));
  const x = wide * cos + high * sin;
  const y = wide * sin + high * cos;
  return { x: placement.x - x, y: placement.y - y, width: 2 * x, height: 2 * y };
}

function covers(surface: Surface, placement: Placement, point: Point): boolean {
  const x = point.x - placement.x;
  const y = point.y - placement.y;
  const cos = Math.cos(placement.angle);
  const sin = Math.sin(placement.angle);
  const across = Math.abs((x * cos + y * sin) / placement.scaleX);
  const down = Math.abs((y * cos - x * sin) / placement.scaleY);
  return across <= surface.canvas.width / 2 && down <= surface.canvas.height / 2;
}

/** Where a picture lies that is fitted inside a document without being enlarged. */
export function fitted(picture: Size, document: Size): Placement {
  const scale = Math.min(1, document.width / picture.width, document.height / picture.height);
  return { x: document.width / 2, y: document.height / 2, scaleX: scale, scaleY: scale, angle: 0 };
}

/** Whether a pasted layer reaches into a rectangle and shows. */
export function reaches(surface: Surface, rect: Rect): boolean {
  return isSeen(surface) && surface.placement !== null && !isEmpty(intersect(boxOf(surface, surface.placement), rect));
}
