import { reach, sweep, wash } from "./coverage";
import type { Grid, Nib, Wash } from "./coverage";
import type { PixelEdit } from "./edit";
import { intersect, isEmpty, wholePixels } from "./geometry";
import { tilesIn } from "./tiles";
import type { Rect } from "./types";

interface Tile extends Grid {
  readonly before: Uint32Array;
  readonly after: Uint32Array;
  readonly image: ImageData;
}

/** A stroke being painted on a layer: each new piece costs what it covers, whatever was painted before and however big the layer is. */
export class Stroke {
  readonly #edit: PixelEdit;
  readonly #hardness: number;
  readonly #look: Wash;
  readonly #tiles = new Map<number, Tile>();
  #smoothed: Nib;
  #last: Nib;

  /** Begin with a dot. */
  constructor(edit: PixelEdit, first: Nib, hardness: number, look: Wash) {
    this.#edit = edit;
    this.#hardness = Math.min(1, Math.max(0, hardness));
    this.#look = look;
    this.#smoothed = first;
    this.#last = first;
    this.#draw([first, first]);
  }

  /** Where the pointer was last. */
  get last(): Nib {
    return this.#last;
  }

  /**
   * Go on to these points. Corners between samples are rounded: the way goes through the middles between them, and each sample
   * bends it. Movements much smaller than the brush wait for the next.
   */
  through(nibs: readonly Nib[]): void {
    const way: Nib[] = [this.#smoothed];
    for (const nib of nibs) {
      if (isNear(this.#last, nib)) continue;
      const middle = between(this.#last, nib, 0.5);
      bend(way, this.#smoothed, this.#last, middle);
      this.#smoothed = middle;
      this.#last = nib;
    }
    if (way.length > 1) this.#draw(way);
  }

  /** Draw a straight line from the last point to this one. */
  straightTo(nib: Nib): void {
    this.#draw([this.#smoothed, this.#last, nib]);
    this.#smoothed = nib;
    this.#last = nib;
  }

  /** Draw the rest of the way to the last sample. */
  finish(): void {
    if (this.#smoothed !== this.#last) this.#draw([this.#smoothed, this.#last]);
    this.#smoothed = this.#last;
  }

  #draw(way: readonly Nib[]): void {
    const dirty = new Map<number, Rect>();
    for (let at = 1; at < way.length; at += 1) {
      const from = way[at - 1] as Nib;
      const to = way[at] as Nib;
      const far = Math.hypot(to.x - from.x, to.y - from.y);
      const pieces = Math.max(1, Math.ceil(far / Math.max(48, 2 * Math.max(from.radius, to.radius))));
      for (let piece = 0; piece < pieces; piece += 1) {
        this.#sweep(between(from, to, piece / pieces), between(from, to, (piece + 1) / pieces), dirty);
      }
    }
    for (const [number, part] of dirty) {
      const tile = this.#tile(number);
      wash(tile, part, tile.before, tile.after, this.#look);
      const { x, y } = tile.rect;
      this.#edit.context.putImageData(tile.image, x, y, part.x - x, part.y - y, part.width, part.height);
    }
  }

  #sweep(from: Nib, to: Nib, dirty: Map<number, Rect>): void {
    const size = this.#edit.layer.canvas;
    const area = wholePixels(reach(from, to), size);
    if (isEmpty(area)) return;
    this.#edit.touch(area);
    for (const number of tilesIn(area, size)) {
      const tile = this.#tile(number);
      const part = intersect(area, tile.rect);
      sweep(tile, part, from, to, this.#hardness);
      const had = dirty.get(number);
      dirty.set(number, had ? joined(had, part) : part);
    }
  }

  #tile(number: number): Tile {
    let tile = this.#tiles.get(number);
    if (!tile) {
      const { rect, pixels } = this.#edit.blockOf(number);
      const image = new ImageData(rect.width, rect.height);
      const after = new Uint32Array(image.data.buffer);
      tile = { rect, before: pixels, after, image, values: new Uint8Array(rect.width * rect.height) };
      this.#tiles.set(number, tile);
    }
    return tile;
  }
}

function joined(a: Rect, b: Rect): Rect {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return { x, y, width: Math.max(a.x + a.width, b.x + b.width) - x, height: Math.max(a.y + a.height, b.y + b.height) - y };
}

/** Whether going there would hardly show: less than half a pixel or a fiftieth of the radius, at nearly the same pressure. */
export function isNear(a: Nib, b: Nib): boolean {
  const radius = Math.max(a.radius, b.radius);
  const moved = Math.hypot(a.x - b.x, a.y - b.y);
  return (
    moved < Math.max(0.5, radius / 50) && Math.abs(a.radius - b.radius) < Math.max(0.25, radius / 50) && Math.abs(a.strength - b.strength) < 0.02
  );
}

function between(a: Nib, b: Nib, t: number): Nib {
  return {
    x: a.x + (b.x - a.x) * t,
    y: a.y + (b.y - a.y) * t,
    radius: a.radius + (b.radius - a.radius) * t,
    strength: a.strength + (b.strength - a.strength) * t,
  };
}

/** Add the curve from `from` to `to`, bent by `over`, as pieces short enough to look round. */
export function bend(way: Nib[], from: Nib, over: Nib, to: Nib): void {
  const middle = between(from, to, 0.5);
  const sag = Math.hypot(middle.x - over.x, middle.y - over.y);
  const pieces = Math.min(12, Math.max(1, Math.ceil(Math.sqrt(sag * 2))));
  for (let piece = 1; piece <= pieces; piece += 1) {
    const t = piece / pieces;
    way.push(between(between(from, over, t), between(over, to, t), t));
  }
}
