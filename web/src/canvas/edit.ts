import type { Rect } from "./types";
import type { Edit } from "./tool";
import type { Entry } from "./history";
import { intersect, isEmpty, union, wholePixels } from "./geometry";
import type { Surface } from "./surface";
import { bytesOf, changedRect, keep, partOf, tileRect, tilesIn, unkeep } from "./tiles";
import type { Block, Kept } from "./tiles";

/** What an edit asks of the engine. */
export interface EditHost {
  /** Color of a mask as the three low bytes of a 32-bit pixel (blue, green, red from high to low). */
  readonly maskColor: number;
  /** Pixels of a layer changed: the screen must follow. */
  shown(layer: Surface, rect: Rect): void;
  /** An edit ended; `entry` is null where nothing changed or it was cancelled. */
  ended(edit: PixelEdit, entry: Entry | null): void;
}

/** An edit that keeps the tiles it touches as they were. */
export class PixelEdit implements Edit {
  readonly layer: Surface;
  readonly label: string;
  readonly #host: EditHost;
  readonly #before = new Map<number, Block>();
  /** What was announced to change, tile by tile: nothing else is looked at in the end. */
  readonly #touched = new Map<number, Rect>();
  readonly #version: number;
  #open = true;

  constructor(host: EditHost, label: string, layer: Surface) {
    this.#host = host;
    this.label = label;
    this.layer = layer;
    this.#version = layer.version;
  }

  get context(): OffscreenCanvasRenderingContext2D {
    return this.layer.context;
  }

  touch(rect: Rect): void {
    const inside = wholePixels(rect, this.layer.canvas);
    if (!this.#open || isEmpty(inside)) return;
    for (const tile of tilesIn(inside, this.layer.canvas)) {
      const part = intersect(inside, this.blockOf(tile).rect);
      this.#touched.set(tile, union(this.#touched.get(tile) ?? null, part) ?? part);
    }
    this.#host.shown(this.layer, inside);
  }

  reset(rect: Rect): void {
    const inside = wholePixels(rect, this.layer.canvas);
    for (const tile of tilesIn(inside, this.layer.canvas)) {
      const block = this.#before.get(tile);
      if (block) putPart(this.context, block, intersect(inside, block.rect));
    }
    if (!isEmpty(inside)) this.#host.shown(this.layer, inside);
  }

  commit(): void {
    if (!this.#open) return;
    this.#open = false;
    const kept: Kept[] = [];
    for (const [tile, part] of this.#touched) {
      const before = partOf(this.blockOf(tile), part);
      const changed = changedRect(before, read(this.context, part));
      if (changed) kept.push(keep(before, changed, this.layer.kind === "mask"));
    }
    this.#before.clear();
    if (kept.length === 0) this.layer.version = this.#version;
    this.#host.ended(this, kept.length > 0 ? swapEntry(this.#host, this.label, this.layer, kept, this.#version) : null);
  }

  cancel(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const block of this.#before.values()) {
      putPart(this.context, block, block.rect);
      this.#host.shown(this.layer, block.rect);
    }
    this.#before.clear();
    this.layer.version = this.#version;
    this.#host.ended(this, null);
  }

  /** The pixels of a tile as they were before the edit; read on first use, which must come before they are drawn on. */
  blockOf(tile: number): Block {
    let block = this.#before.get(tile);
    if (!block) {
      const rect = tileRect(tile, this.layer.canvas);
      const clear = this.layer.content.isClear(tile);
      block = { rect, pixels: clear ? new Uint32Array(rect.width * rect.height) : read(this.context, rect) };
      this.#before.set(tile, block);
    }
    return block;
  }
}

function read(context: OffscreenCanvasRenderingContext2D, rect: Rect): Uint32Array {
  return new Uint32Array(context.getImageData(rect.x, rect.y, rect.width, rect.height).data.buffer);
}

function putPart(context: OffscreenCanvasRenderingContext2D, block: Block, part: Rect): void {
  const { x, y, width, height } = block.rect;
  const bytes = new Uint8ClampedArray(block.pixels.buffer as ArrayBuffer);
  context.putImageData(new ImageData(bytes, width, height), x, y, part.x - x, part.y - y, part.width, part.height);
}

/** A step of the history that changes kept pixels for those on the layer, and back. It keeps one copy, never two. */
function swapEntry(host: EditHost, label: string, layer: Surface, first: readonly Kept[], before: number): Entry {
  let kept = first;
  let other = before;
  const swap = (): void => {
    const version = layer.version;
    kept = kept.map((old) => {
      const { x, y, width, height } = old.rect;
      const now = keep({ rect: old.rect, pixels: read(layer.context, old.rect) }, old.rect, layer.kind === "mask");
      const image = new ImageData(width, height);
      unkeep(old, host.maskColor, new Uint32Array(image.data.buffer));
      layer.context.putImageData(image, x, y);
      host.shown(layer, old.rect);
      return now;
    });
    layer.version = other;
    other = version;
  };
  return {
    label,
    get bytes() {
      return kept.reduce((sum, one) => sum + bytesOf(one), 0);
    },
    undo: swap,
    redo: swap,
  };
}

/** The edit with its tiles, for tools that compose pixels themselves. Throws a TypeError for an edit that another engine made. */
export function tilesOf(edit: Edit): PixelEdit {
  if (!(edit instanceof PixelEdit)) throw new TypeError("not an edit of this engine");
  return edit;
}
