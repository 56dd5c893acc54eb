import type { Core } from "./core";
import { wholePixels } from "./geometry";
import { placed } from "./layers";
import type { Surface } from "./surface";
import type { Edit, ToolContext } from "./tool";
import type { Brush, Layer, Placement, Point, Rect, Size, Target } from "./types";

/** The canvas as tools see it. */
export class Context implements ToolContext {
  readonly #core: Core;
  /** Where a pasted layer lay before it was dragged. */
  #from: { surface: Surface; placement: Placement } | null = null;

  constructor(core: Core) {
    this.#core = core;
  }

  get size(): Size {
    return this.#core.size ?? { width: 0, height: 0 };
  }

  get brush(): Readonly<Brush> {
    return this.#core.brush;
  }

  get target(): Target {
    return this.#core.target;
  }

  get subtract(): boolean {
    return this.#core.subtract;
  }

  get tolerance(): number {
    return this.#core.tolerance;
  }

  get zoom(): number {
    return this.#core.viewport.zoom;
  }

  get paint(): string {
    return this.#core.target === "mask" ? this.#core.tint.color : this.#core.brush.color;
  }

  get selected(): Layer | null {
    return this.#core.artwork?.find(this.#core.selected) ?? null;
  }

  get region(): Rect | null {
    return this.#core.region;
  }

  paintLayer(): Layer | null {
    const { artwork, target } = this.#core;
    if (!artwork || target === "none") return null;
    const had = artwork.of(target);
    const surface = artwork.made(target);
    // Nobody paints on what cannot be seen: the strokes would seem lost.
    if (!had || !surface.visible) {
      surface.visible = true;
      this.#core.documentChanged();
    }
    return surface;
  }

  begin(label: string, layer: Layer): Edit {
    const surface = this.#core.artwork?.find(layer.id);
    if (!surface) throw new Error(`there is no layer ${layer.id}`);
    return this.#core.begin(label, surface);
  }

  sample(rect: Rect): ImageData {
    const { artwork } = this.#core;
    const part = wholePixels(rect, this.size);
    const context = artwork?.flat(part, this.#core.seenKinds).getContext("2d");
    return context?.getImageData(0, 0, Math.max(1, part.width), Math.max(1, part.height)) ?? new ImageData(1, 1);
  }

  layerAt(point: Point): Layer | null {
    return this.#core.artwork?.pastedAt(point) ?? null;
  }

  select(id: string | null): void {
    this.#core.select(id);
  }

  place(id: string, placement: Placement, commit: boolean): void {
    const surface = this.#core.artwork?.find(id);
    if (!surface?.placement) return;
    if (this.#from?.surface !== surface) this.#from = { surface, placement: surface.placement };
    const { placement: from } = this.#from;
    if (!commit) {
      this.#core.lay(surface, placement);
      return;
    }
    this.#from = null;
    if (JSON.stringify(from) === JSON.stringify(placement)) this.#core.lay(surface, placement);
    else placed(this.#core, surface, from, placement);
  }

  setRegion(region: Rect | null): void {
    this.#core.setRegion(region);
  }

  pick(point: Point): void {
    const color = this.#core.colorAt(point);
    if (color) this.#core.events.emit("picked", color);
  }

  panBy(screenX: number, screenY: number): void {
    this.#core.viewport.panBy(screenX, screenY);
    this.#core.viewChanged();
  }

  toScreen(point: Point): Point {
    return this.#core.viewport.toScreen(point);
  }

  toDocument(screen: Point): Point {
    return this.#core.viewport.toDocument(screen);
  }

  redraw(): void {
    this.#core.renderer.invalidateOverlay();
  }
}

