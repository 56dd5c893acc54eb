import { intersect, isEmpty, union } from "./geometry";
import { Pyramid, levelFor } from "./pyramid";
import type { Screen } from "./screen";
import type { Surface } from "./surface";
import type { LayerKind, Rect, Size } from "./types";
import type { Viewport } from "./viewport";

/** What the renderer draws. */
export interface Scene {
  readonly size: Size | null;
  readonly surfaces: readonly Surface[];
  readonly shownKinds: ReadonlySet<LayerKind>;
  readonly viewport: Viewport;
  /** 0..1: how strongly the mask's tint covers. */
  readonly tintOpacity: number;
  drawOverlay(graphics: CanvasRenderingContext2D): void;
}

/** From this many device pixels a pixel on, pixels are shown as squares. */
const SQUARES = 2;
const CHECK = 8;
const HAIR = 1 / 16;
/** Device pixels around a change that smoothing and halving can reach. */
const REACH = 4;

/** Draws the document, at most once a frame and only where something changed, and the overlay apart from it. */
export class Renderer {
  readonly #scene: Scene;
  #pyramids = new WeakMap<Surface, Pyramid>();
  #screen: Screen | null = null;
  #checks: CanvasPattern | null = null;
  #frame = 0;
  /** In device pixels. */
  #dirty: Rect | null = null;
  #overlayDirty = false;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  attach(screen: Screen | null): void {
    this.#screen = screen;
    this.#checks = null;
    if (!screen) cancelAnimationFrame(this.#frame);
    if (!screen) this.#frame = 0;
  }

  /** Draw everything anew, from the layers themselves. */
  refresh(): void {
    for (const surface of this.#scene.surfaces) surface.stale = { x: 0, y: 0, width: surface.canvas.width, height: surface.canvas.height };
    this.#pyramids = new WeakMap();
    this.#checks = null;
    this.invalidate();
  }

  /** Draw a part of the document (all of the screen if left out) with the next frame. */
  invalidate(part?: Rect): void {
    const { viewport } = this.#scene;
    const { ratio, screen } = viewport;
    const whole = { x: 0, y: 0, width: Math.round(screen.width * ratio), height: Math.round(screen.height * ratio) };
    if (part) {
      const seen = viewport.rectToScreen(part);
      const x = Math.floor(seen.x * ratio) - REACH;
      const y = Math.floor(seen.y * ratio) - REACH;
      const right = Math.ceil((seen.x + seen.width) * ratio) + REACH;
      const bottom = Math.ceil((seen.y + seen.height) * ratio) + REACH;
      const seenPart = intersect({ x, y, width: right - x, height: bottom - y }, whole);
      if (isEmpty(seenPart)) return;
      this.#dirty = union(this.#dirty, seenPart);
    } else {
      this.#dirty = whole;
      this.#overlayDirty = true;
    }
    this.#ask();
  }

  /** Draw the overlay with the next frame. */
  invalidateOverlay(): void {
    this.#overlayDirty = true;
    this.#ask();
  }

  /** Draw what is due now. */
  flush(): void {
    const screen = this.#screen;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { screen: size } = this.#scene.viewport;
    if (!screen || size.width === 0 || size.height === 0) return;
    if (this.#dirty && !isEmpty(this.#dirty)) this.#draw(screen, this.#dirty);
    this.#dirty = null;
    if (this.#overlayDirty) this.#drawOverlay(screen);
    this.#overlayDirty = false;
  }

  #ask(): void {
    if (this.#frame === 0 && this.#screen) this.#frame = requestAnimationFrame(() => this.flush());
  }

  #draw(screen: Screen, part: Rect): void {
    const { graphics } = screen;
    const { size, surfaces, shownKinds, viewport } = this.#scene;
    graphics.setTransform(1, 0, 0, 1, 0, 0);
    graphics.clearRect(part.x, part.y, part.width, part.height);
    if (!size) return;
    graphics.save();
    graphics.beginPath();
    graphics.rect(part.x, part.y, part.width, part.height);
    graphics.clip();
    const { ratio, zoom, origin } = viewport;
    const scale = zoom * ratio;
    const left = Math.round(origin.x * ratio);
    const top = Math.round(origin.y * ratio);
    this.#drawChecks(screen, { x: left, y: top, width: size.width * scale, height: size.height * scale });
    graphics.beginPath();
    graphics.rect(left, top, size.width * scale, size.height * scale);
    graphics.clip();
    for (const surface of surfaces) {
      if (!shownKinds.has(surface.kind) || !surface.visible || surface.opacity <= 0) continue;
      graphics.setTransform(scale, 0, 0, scale, left, top);
      graphics.globalAlpha = surface.opacity * (surface.kind === "mask" ? this.#scene.tintOpacity : 1);
      this.#drawSurface(graphics, surface, scale);
    }
    graphics.restore();
  }

  #drawSurface(graphics: CanvasRenderingContext2D, surface: Surface, scale: number): void {
    const { placement, canvas } = surface;
    let own = scale;
    if (placement) {
      placeOn(graphics, surface);
      own *= Math.max(Math.abs(placement.scaleX), Math.abs(placement.scaleY));
    }
    const level = levelFor(own, canvas);
    const image = this.#pyramidOf(surface).level(surface, level);
    graphics.imageSmoothingEnabled = own < SQUARES || (placement !== null && placement.angle !== 0);
    graphics.imageSmoothingQuality = "low";
    const times = 2 ** level;
    if (!graphics.imageSmoothingEnabled) {
      // Off the grid by a hair: a screen pixel whose middle lies on the border of two pixels always shows the same one.
      const { a, b, c, d, e, f } = graphics.getTransform();
      graphics.setTransform(a, b, c, d, e - HAIR, f - HAIR);
    }
    // A level of an odd size reaches a little over the edge; its last pixel is half outside.
    graphics.drawImage(image, 0, 0, image.width * times, image.height * times);
  }

  #drawChecks(screen: Screen, area: Rect): void {
    const { graphics } = screen;
    this.#checks ??= checksOf(
      graphics,
      [screen.color("--check-a", "#2a2a31"), screen.color("--check-b", "#222228")],
      this.#scene.viewport.ratio,
    );
    if (!this.#checks) return;
    this.#checks.setTransform(new DOMMatrix([1, 0, 0, 1, area.x, area.y]));
    graphics.fillStyle = this.#checks;
    graphics.fillRect(area.x, area.y, area.width, area.height);
  }

  #drawOverlay({ overlayGraphics: graphics, overlay }: Screen): void {
    const { ratio } = this.#scene.viewport;
    graphics.setTransform(1, 0, 0, 1, 0, 0);
    graphics.clearRect(0, 0, overlay.width, overlay.height);
    graphics.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (!this.#scene.size) return;
    graphics.save();
    this.#scene.drawOverlay(graphics);
    graphics.restore();
  }

  #pyramidOf(surface: Surface): Pyramid {
    let pyramid = this.#pyramids.get(surface);
    if (!pyramid) {
      pyramid = new Pyramid();
      this.#pyramids.set(surface, pyramid);
    }
    return pyramid;
  }
}

/** Transform from a pasted layer's own pixels to the document's, added to what is set already. */
export function placeOn(graphics: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D, surface: Surface): void {
  const { placement, canvas } = surface;
  if (!placement) return;
  graphics.translate(placement.x, placement.y);
  graphics.rotate(placement.angle);
  graphics.scale(placement.scaleX, placement.scaleY);
  graphics.translate(-canvas.width / 2, -canvas.height / 2);
}

function checksOf(graphics: CanvasRenderingContext2D, [one, other]: readonly [string, string], ratio: number): CanvasPattern | null {
  const side = Math.round(CHECK * ratio);
  const tile = new OffscreenCanvas(2 * side, 2 * side);
  const context = tile.getContext("2d");
  if (!context) return null;
  context.fillStyle = one;
  context.fillRect(0, 0, 2 * side, 2 * side);
  context.fillStyle = other;
  context.fillRect(side, 0, side, side);
  context.fillRect(0, side, side, side);
  return graphics.createPattern(tile, "repeat");
}
