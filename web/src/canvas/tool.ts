import type { Brush, Layer, Point, Rect, Sample, Size, Target, ToolName } from "./types";

/** A change of one layer's pixels: say what will change, draw, commit. Between `begin` and `commit` the layer shows the change. */
export interface Edit {
  readonly layer: Layer;
  readonly context: OffscreenCanvasRenderingContext2D;
  /** Must be called before these pixels change: keeps what they were, and lets the screen follow. Document pixels. */
  touch(rect: Rect): void;
  /** Put the pixels of this rectangle back as they were before the edit, to draw them anew. */
  reset(rect: Rect): void;
  /** Make it one step of the history. */
  commit(): void;
  /** Put everything back. */
  cancel(): void;
}

/** What a tool works with. */
export interface ToolContext {
  readonly size: Size;
  readonly brush: Readonly<Brush>;
  readonly target: Target;
  readonly subtract: boolean;
  readonly tolerance: number;
  readonly zoom: number;
  /** The layer that is painted on, made if it is not there yet; null where nothing may be painted. */
  paintLayer(): Layer | null;
  /** Color to paint with on that layer: the brush's, or the mask's tint. */
  readonly paint: string;
  begin(label: string, layer: Layer): Edit;
  /** All visible layers as one picture (without the mask) inside `rect`. */
  sample(rect: Rect): ImageData;
  /** The selected pasted layer. */
  readonly selected: Layer | null;
  layerAt(point: Point): Layer | null;
  select(id: string | null): void;
  /** Move a pasted layer while a pointer is down; `commit` makes it one step. */
  place(id: string, placement: Layer["placement"] & object, commit: boolean): void;
  setRegion(region: Rect | null): void;
  readonly region: Rect | null;
  pick(point: Point): void;
  panBy(screenX: number, screenY: number): void;
  toScreen(point: Point): Point;
  toDocument(screen: Point): Point;
  /** Draw the overlay again. */
  redraw(): void;
}

/** A tool: pointers in document pixels go in, edits come out. One object for its lifetime; it keeps what a gesture needs. */
export interface Tool {
  readonly name: ToolName;
  /** CSS cursor; "none" where the overlay draws it. */
  cursor(context: ToolContext): string;
  down(sample: Sample, context: ToolContext): void;
  /** All samples since the last call (coalesced events), oldest first. */
  move(samples: readonly Sample[], context: ToolContext): void;
  up(sample: Sample, context: ToolContext): void;
  /** Pointer without a button, for shapes that are clicked together. */
  hover?(sample: Sample, context: ToolContext): void;
  /** The gesture ends without an effect (Escape, a second finger). */
  cancel(context: ToolContext): void;
  /** Enter closes a polygon, Backspace takes back its last corner; true if it was used. */
  key?(key: string, context: ToolContext): boolean;
  /** Draw over everything, in screen pixels. */
  overlay?(graphics: CanvasRenderingContext2D, context: ToolContext): void;
}
