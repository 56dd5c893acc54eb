import type { Point, Rect, Size } from "./types";

/** How far one may zoom out and in: screen pixels per document pixel. */
export const ZOOM = { least: 0.02, most: 32 } as const;

/** Empty pixels left around a fitted document. */
const MARGIN = 24;
/** A small picture is not blown up further than this when it is fitted. */
const FIT_MOST = 4;
/** So many pixels of the document can always be seen. */
const GRIP = 48;

/** Pan and zoom: maps document pixels to screen (CSS) pixels. The origin lies on whole device pixels, so that 1:1 is sharp. */
export class Viewport {
  #zoom = 1;
  #x = 0;
  #y = 0;
  #fitted = true;
  #document: Size | null = null;
  screen: Size = { width: 0, height: 0 };
  /** Device pixels per CSS pixel. */
  ratio = 1;

  get zoom(): number {
    return this.#zoom;
  }

  /** Where the document's corner lies on the screen. */
  get origin(): Point {
    return { x: Math.round(this.#x * this.ratio) / this.ratio, y: Math.round(this.#y * this.ratio) / this.ratio };
  }

  /** Follow a new document (or none), fitted. */
  setDocument(size: Size | null): void {
    this.#document = size;
    this.fit();
  }

  /** Follow the document's new size and keep what is seen at its place; `moved` is where its corner lay in the old one. */
  reshape(size: Size, moved: Point): void {
    this.#document = size;
    if (this.#fitted) this.fit();
    else this.panBy(moved.x * this.#zoom, moved.y * this.#zoom);
  }

  /** Follow the element's size. A fitted document stays fitted, else the middle of the view stays. */
  resize(screen: Size, ratio: number): void {
    const dx = (screen.width - this.screen.width) / 2;
    const dy = (screen.height - this.screen.height) / 2;
    const hidden = this.screen.width === 0 || this.screen.height === 0;
    if (screen.width === 0 || screen.height === 0) return;
    this.screen = { ...screen };
    this.ratio = ratio > 0 ? ratio : 1;
    if (this.#fitted || hidden) this.fit();
    else this.panBy(dx, dy);
  }

  /** Show the whole document in the middle. */
  fit(): void {
    this.#fitted = true;
    if (!this.#document || this.screen.width === 0) return;
    const { width, height } = this.#document;
    const room = { width: Math.max(16, this.screen.width - 2 * MARGIN), height: Math.max(16, this.screen.height - 2 * MARGIN) };
    this.#zoom = clampZoom(Math.min(room.width / width, room.height / height, FIT_MOST));
    this.#x = (this.screen.width - width * this.#zoom) / 2;
    this.#y = (this.screen.height - height * this.#zoom) / 2;
  }

  /** Zoom; the document's point under `about` (screen pixels, the middle if left out) stays there. */
  setZoom(zoom: number, about: Point = { x: this.screen.width / 2, y: this.screen.height / 2 }): void {
    if (!Number.isFinite(zoom)) return;
    const next = clampZoom(zoom);
    const factor = next / this.#zoom;
    this.#fitted = false;
    this.#zoom = next;
    this.#x = about.x - (about.x - this.#x) * factor;
    this.#y = about.y - (about.y - this.#y) * factor;
    this.#hold();
  }

  panBy(x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    this.#fitted = false;
    this.#x += x;
    this.#y += y;
    this.#hold();
  }

  toDocument(screen: Point): Point {
    const origin = this.origin;
    return { x: (screen.x - origin.x) / this.#zoom, y: (screen.y - origin.y) / this.#zoom };
  }

  toScreen(point: Point): Point {
    const origin = this.origin;
    return { x: point.x * this.#zoom + origin.x, y: point.y * this.#zoom + origin.y };
  }

  /** A document rectangle in screen pixels. */
  rectToScreen(rect: Rect): Rect {
    const { x, y } = this.toScreen(rect);
    return { x, y, width: rect.width * this.#zoom, height: rect.height * this.#zoom };
  }

  #hold(): void {
    if (!this.#document || this.screen.width === 0) return;
    this.#x = held(this.#x, this.#document.width * this.#zoom, this.screen.width);
    this.#y = held(this.#y, this.#document.height * this.#zoom, this.screen.height);
  }
}

function held(start: number, length: number, room: number): number {
  const grip = Math.min(GRIP, length, room);
  return Math.min(room - grip, Math.max(grip - length, start));
}

function clampZoom(zoom: number): number {
  return Math.min(ZOOM.most, Math.max(ZOOM.least, zoom));
}
