import type { Artwork } from "./artwork";
import { boxOf } from "./artwork";
import { PixelEdit } from "./edit";
import type { EditHost } from "./edit";
import { Events } from "./events";
import { wholeOf } from "./geometry";
import { History } from "./history";
import type { Entry } from "./history";
import { drawOverlay } from "./overlay";
import { Renderer } from "./render";
import type { Scene } from "./render";
import { Screen } from "./screen";
import type { Surface } from "./surface";
import { wordOf } from "./tools/brush";
import type { Brush, LayerKind, MaskGuide, Placement, Point, Rect, Size, Target, ToolName } from "./types";
import { Viewport } from "./viewport";

/** A document that waits while a part of it is worked on. */
interface Waiting {
  artwork: Artwork;
  history: History;
  selected: string | null;
  /** Where the part came from. */
  part: Rect;
  /** Versions of the part's sketch and mask when it was cut out; 0 where there was none. */
  began: { sketch: number; mask: number };
}

/** Everything the canvas knows, and the few things all its parts do: edit, tell, draw again. */
export class Core implements EditHost, Scene {
  artwork: Artwork | null = null;
  history = this.newHistory();
  waiting: Waiting[] = [];
  selected: string | null = null;
  /** Kinds of layers that take part: the others are neither drawn nor exported. */
  shownKinds: ReadonlySet<LayerKind> = new Set(["picture", "pasted", "sketch", "mask"]);
  tool: ToolName = "hand";
  target: Target = "none";
  subtract = false;
  tolerance = 0.1;
  brush: Brush = { size: 48, hardness: 0.9, opacity: 1, color: "#000000", pressureSize: true, pressureOpacity: false };
  tint = { color: "#ff3d7f", opacity: 0.5 };
  guide: MaskGuide | null = null;
  outline: Size | null = null;
  region: Rect | null = null;
  /** Where the pointer is, in document pixels. */
  hover: Point | null = null;
  /** Draws over the overlay: the active tool's handles. */
  toolOverlay: ((graphics: CanvasRenderingContext2D) => void) | null = null;
  /** Lifts the tool that a pointer presses. */
  finishGesture: (() => void) | null = null;
  /** Whether the brush's ring is shown at the pointer. */
  ring = false;
  readonly events = new Events();
  readonly viewport = new Viewport();
  readonly renderer = new Renderer(this);
  #screen: Screen | null = null;
  #edit: PixelEdit | null = null;
  readonly #touched = new Set<string>();

  get size(): Size | null {
    return this.artwork?.size ?? null;
  }

  get surfaces(): readonly Surface[] {
    return this.artwork?.surfaces ?? [];
  }

  /** The kinds of layers that make what is seen as a picture: all that take part, but the mask. */
  get seenKinds(): ReadonlySet<LayerKind> {
    return new Set([...this.shownKinds].filter((kind) => kind !== "mask"));
  }

  get tintOpacity(): number {
    return this.tint.opacity;
  }

  get maskColor(): number {
    return wordOf(this.tint.color);
  }

  drawOverlay(graphics: CanvasRenderingContext2D): void {
    drawOverlay(graphics, this);
    this.toolOverlay?.(graphics);
  }

  attach(canvas: HTMLCanvasElement): void {
    this.detach();
    const screen = new Screen(canvas, {
      resized: (size, ratio) => {
        this.viewport.resize(size, ratio);
        this.viewChanged();
        // In the same task: a canvas whose size changed is clear, and would flicker until the next frame.
        this.renderer.flush();
      },
      refreshed: () => this.renderer.refresh(),
    });
    this.#screen = screen;
    this.renderer.attach(screen);
    this.renderer.refresh();
  }

  detach(): void {
    this.renderer.attach(null);
    this.#screen?.close();
    this.#screen = null;
  }

  newHistory(): History {
    return new History(() => this.events.emit("history", undefined));
  }

  /** Begin to change a layer's pixels; an edit that is still open is finished first. */
  begin(label: string, surface: Surface): PixelEdit {
    this.#edit?.commit();
    this.#edit = new PixelEdit(this, label, surface);
    return this.#edit;
  }

  /** Finish what a pointer is painting, so that something else can happen. */
  settle(): void {
    this.finishGesture?.();
    this.#edit?.commit();
  }

  shown(layer: Surface, rect: Rect): void {
    layer.changed(rect);
    this.#touched.add(layer.id);
    this.showPart(layer, rect);
  }

  ended(edit: PixelEdit, entry: Entry | null): void {
    if (this.#edit === edit) this.#edit = null;
    if (entry) this.history.push(entry);
    this.tellPixels();
  }

  /** Tell which layers' pixels changed since the last time. */
  tellPixels(): void {
    const ids = [...this.#touched];
    this.#touched.clear();
    for (const layer of ids) this.events.emit("pixels", { layer });
    if (this.guide) this.renderer.invalidateOverlay();
  }

  /** Draw the part of the screen where a layer's own pixels lie. */
  showPart(layer: Surface, rect: Rect): void {
    this.renderer.invalidate(layer.placement ? boxOf(layer, layer.placement) : rect);
  }

  /** Do one step back or forth. */
  step(direction: "undo" | "redo"): void {
    this.settle();
    if (this.history[direction]()) this.tellPixels();
  }

  /** Do something that can be undone: `redo` now, and keep how to go back. */
  act(label: string, bytes: number, redo: () => void, undo: () => void): void {
    redo();
    this.history.push({ label, bytes, redo, undo });
    this.tellPixels();
  }

  /** Show another document (or none). The view is fitted. */
  show(artwork: Artwork | null, history: History): void {
    this.artwork = artwork;
    this.history = history;
    this.selected = null;
    this.setRegion(null);
    this.viewport.setDocument(artwork?.size ?? null);
    this.viewChanged();
    this.documentChanged();
    this.events.emit("history", undefined);
  }

  /** The layers changed: draw and tell. */
  documentChanged(): void {
    if (this.selected !== null && !this.artwork?.find(this.selected)) this.selected = null;
    this.renderer.invalidate();
    this.events.emit("document", undefined);
  }

  viewChanged(): void {
    this.renderer.invalidate();
    this.events.emit("view", undefined);
  }

  setRegion(region: Rect | null): void {
    if (region === this.region) return;
    this.region = region && { ...region };
    this.renderer.invalidateOverlay();
    this.events.emit("region", this.region);
  }

  select(id: string | null): void {
    const found = this.artwork?.find(id);
    const next = found?.kind === "pasted" ? found.id : null;
    if (next === this.selected) return;
    this.selected = next;
    this.renderer.invalidateOverlay();
    this.events.emit("document", undefined);
  }

  /** Lay a pasted layer elsewhere, without a step of the history. */
  lay(surface: Surface, placement: Placement): void {
    surface.placement = { ...placement };
    this.renderer.invalidate();
    this.events.emit("document", undefined);
  }

  /** Whether a layer has any pixel that is not clear. */
  has(kind: "sketch" | "mask"): boolean {
    const surface = this.artwork?.of(kind);
    return surface ? surface.content.any(readerOf(surface)) : false;
  }

  /** The box around a layer's pixels. */
  boundsOf(kind: "sketch" | "mask"): Rect | null {
    const surface = this.artwork?.of(kind);
    return surface ? surface.content.bounds(readerOf(surface)) : null;
  }

  /** The color that is seen at a point; null outside or where it is clear. */
  colorAt(point: Point): string | null {
    const { artwork } = this;
    const x = Math.floor(point.x);
    const y = Math.floor(point.y);
    if (!artwork || x < 0 || y < 0 || x >= artwork.size.width || y >= artwork.size.height) return null;
    const canvas = artwork.flat({ x, y, width: 1, height: 1 }, this.seenKinds);
    const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getContext("2d")?.getImageData(0, 0, 1, 1).data ?? [];
    return alpha === 0 ? null : `#${[red, green, blue].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  }

  /** Give the mask another tint; its alpha stays. */
  setTint(color: string, opacity: number): void {
    const same = color === this.tint.color;
    this.tint = { color, opacity: Math.min(1, Math.max(0, opacity)) };
    if (!same) this.#tintMasks();
    this.renderer.invalidate();
  }

  #tintMasks(): void {
    this.settle();
    for (const artwork of [this.artwork, ...this.waiting.map((one) => one.artwork)]) {
      const mask = artwork?.of("mask");
      if (!mask) continue;
      const { version } = mask;
      recolor(mask, this.tint.color);
      mask.changed(wholeOf(mask.canvas));
      mask.version = version;
    }
  }
}

/** Paint everything that a layer has in one color. */
export function recolor(surface: Surface, color: string): void {
  const { context, canvas } = surface;
  context.save();
  context.globalCompositeOperation = "source-in";
  context.fillStyle = color;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.restore();
}

function readerOf(surface: Surface): (rect: Rect) => Uint32Array {
  return ({ x, y, width, height }) => new Uint32Array(surface.context.getImageData(x, y, width, height).data.buffer);
}
