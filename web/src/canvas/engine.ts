import { Artwork } from "./artwork";
import { Core } from "./core";
import { exportParts, flatten } from "./export";
import { growAlpha } from "./growth";
import { Hands } from "./hands";
import { Input } from "./input";
import * as layers from "./layers";
import { featherAlpha, invertAlpha } from "./maskops";
import { changeMask, loadMask } from "./masks";
import { composed, crop, cropOut, putBack } from "./nest";
import { restore, store } from "./storage";
import { Surface, makeCanvas } from "./surface";
import { createTools } from "./toolset";
import type { Brush, Engine, EngineEvents, Exported, Layer, LayerKind, MaskGuide, Placement, Point, Rect, Size, StoredDocument, Target, ToolName } from "./types";

type Picture = ImageBitmap | OffscreenCanvas;

class CanvasEngine implements Engine {
  readonly #core = new Core();
  readonly #hands = new Hands(this.#core, createTools());
  #input: Input | null = null;

  attach(canvas: HTMLCanvasElement): void {
    this.detach();
    this.#core.attach(canvas);
    this.#input = new Input(canvas, this.#core, this.#hands);
  }

  detach(): void {
    this.#input?.close();
    this.#input = null;
    this.#core.detach();
  }

  on<K extends keyof EngineEvents>(event: K, listener: (value: EngineEvents[K]) => void): () => void {
    return this.#core.events.on(event, listener);
  }

  get size(): Size | null {
    return this.#core.size;
  }

  get layers(): readonly Layer[] {
    return this.#core.surfaces;
  }

  get selected(): string | null {
    return this.#core.selected;
  }

  get pictureTouched(): boolean {
    return this.#core.artwork?.touched ?? false;
  }

  get hasMask(): boolean {
    return this.#core.has("mask");
  }

  get hasPaint(): boolean {
    return this.#core.has("sketch");
  }

  open(picture: Picture, name: string): void {
    this.#show(layers.surfaceOf(picture, "picture", name));
  }

  replacePicture(picture: Picture, name: string): void {
    if (this.#core.artwork) layers.replacePicture(this.#core, picture, name);
    else this.open(picture, name);
    this.#refresh();
  }

  blank(size: Size, color: string): void {
    const surface = new Surface("picture", "", makeCanvas(size));
    if (color !== "transparent") {
      surface.context.fillStyle = color;
      surface.context.fillRect(0, 0, surface.canvas.width, surface.canvas.height);
    }
    // Nobody but this page has such a picture: it counts as touched.
    this.#show(surface, 0);
  }

  close(): void {
    this.#hands.cancel();
    this.#core.waiting = [];
    this.#core.show(null, this.#core.newHistory());
    this.#refresh();
  }

  #show(picture: Surface, opened?: number): void {
    this.#hands.cancel();
    const { width, height } = picture.canvas;
    this.#core.waiting = [];
    this.#core.show(new Artwork({ width, height }, picture, [], opened), this.#core.newHistory());
    this.#refresh();
  }

  paste(picture: Picture, name: string, at?: Placement): string {
    return layers.paste(this.#core, picture, name, at);
  }

  store(): Promise<StoredDocument | null> {
    return store(composed(this.#core));
  }

  async restore(stored: StoredDocument, picture: ImageBitmap | null): Promise<void> {
    await restore(this.#core, stored, picture);
    this.#refresh();
  }

  setLayer(id: string, change: Partial<{ visible: boolean; opacity: number; name: string; placement: Placement }>): void {
    layers.setLayer(this.#core, id, change);
  }

  moveLayer(id: string, to: number): void {
    layers.moveLayer(this.#core, id, to);
  }

  removeLayer(id: string): void {
    layers.removeLayer(this.#core, id);
  }

  select(id: string | null): void {
    this.#core.select(id);
  }

  mergeDown(id: string): void {
    layers.mergeDown(this.#core, id);
  }

  get tool(): ToolName {
    return this.#core.tool;
  }

  setTool(tool: ToolName): void {
    if (tool === this.#core.tool) return;
    this.#hands.leave();
    this.#core.tool = tool;
    this.#refresh();
    this.#core.events.emit("tool", undefined);
  }

  get brush(): Readonly<Brush> {
    return this.#core.brush;
  }

  setBrush(change: Partial<Brush>): void {
    const brush = { ...this.#core.brush, ...change };
    brush.size = within(brush.size, 1, 1000, this.#core.brush.size);
    brush.hardness = within(brush.hardness, 0, 1, this.#core.brush.hardness);
    brush.opacity = within(brush.opacity, 0, 1, this.#core.brush.opacity);
    if (!/^#[0-9a-f]{6}$/i.test(brush.color)) brush.color = this.#core.brush.color;
    this.#core.brush = brush;
    this.#core.renderer.invalidateOverlay();
    this.#core.events.emit("tool", undefined);
  }

  get target(): Target {
    return this.#core.target;
  }

  setTarget(target: Target): void {
    if (target === this.#core.target) return;
    this.#hands.leave();
    this.#core.target = target;
    this.#refresh();
    this.#core.events.emit("tool", undefined);
  }

  setShown(kinds: readonly LayerKind[]): void {
    this.#core.shownKinds = new Set(kinds);
    this.#core.documentChanged();
  }

  get subtract(): boolean {
    return this.#core.subtract;
  }

  setSubtract(subtract: boolean): void {
    this.#core.subtract = subtract;
    this.#core.events.emit("tool", undefined);
  }

  setTolerance(tolerance: number): void {
    this.#core.tolerance = within(tolerance, 0, 1, this.#core.tolerance);
  }

  loadMask(picture: Picture): void {
    loadMask(this.#core, picture);
  }

  clear(target: "mask" | "sketch"): void {
    layers.clearLayer(this.#core, target);
  }

  invertMask(): void {
    changeMask(this.#core, "canvas.step.invert", invertAlpha);
  }

  growMask(pixels: number): void {
    changeMask(this.#core, pixels < 0 ? "canvas.step.shrink" : "canvas.step.grow", (alpha, size) => growAlpha(alpha, size, pixels));
  }

  featherMask(pixels: number): void {
    changeMask(this.#core, "canvas.step.feather", (alpha, size) => featherAlpha(alpha, size, pixels));
  }

  maskBounds(): Rect | null {
    return this.#core.boundsOf("mask");
  }

  get canUndo(): boolean {
    return this.undoLabel !== null;
  }

  get canRedo(): boolean {
    return this.redoLabel !== null;
  }

  get undoLabel(): string | null {
    return this.#core.history.undoLabel;
  }

  get redoLabel(): string | null {
    return this.#core.history.redoLabel;
  }

  get historyBytes(): number {
    return this.#core.history.bytes;
  }

  undo(): void {
    this.#hands.leave();
    this.#core.step("undo");
  }

  redo(): void {
    this.#hands.leave();
    this.#core.step("redo");
  }

  get zoom(): number {
    return this.#core.viewport.zoom;
  }

  fit(): void {
    this.#core.viewport.fit();
    this.#core.viewChanged();
  }

  setZoom(zoom: number, about?: Point): void {
    this.#core.viewport.setZoom(zoom, about);
    this.#core.viewChanged();
  }

  panBy(screenX: number, screenY: number): void {
    this.#core.viewport.panBy(screenX, screenY);
    this.#core.viewChanged();
  }

  toDocument(screen: Point): Point {
    return this.#core.viewport.toDocument(screen);
  }

  toScreen(point: Point): Point {
    return this.#core.viewport.toScreen(point);
  }

  setTint(color: string, opacity: number): void {
    this.#core.setTint(color, opacity);
  }

  setGuide(guide: MaskGuide | null): void {
    this.#core.guide = guide && { ...guide };
    this.#core.renderer.invalidateOverlay();
  }

  setOutline(size: Size | null): void {
    this.#core.outline = size && size.width > 0 && size.height > 0 ? { ...size } : null;
    this.#core.renderer.invalidateOverlay();
  }

  get region(): Rect | null {
    return this.#core.region;
  }

  setRegion(region: Rect | null): void {
    this.#core.setRegion(region);
  }

  cropOut(region: Rect): void {
    cropOut(this.#core, region);
  }

  get depth(): number {
    return this.#core.waiting.length;
  }

  putBack(): void {
    putBack(this.#core);
  }

  crop(region: Rect): void {
    crop(this.#core, region);
  }

  colorAt(point: Point): string | null {
    return this.#core.colorAt(point);
  }

  export(parts: { paint: boolean; mask: boolean }): Promise<Exported> {
    return exportParts(this.#core, parts);
  }

  flatten(): Promise<Blob> {
    return flatten(this.#core);
  }

  #refresh(): void {
    this.#input?.refresh();
  }
}

function within(value: number, least: number, most: number, otherwise: number): number {
  return Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : otherwise;
}

/** Return a new canvas with no document. */
export function createEngine(): Engine {
  return new CanvasEngine();
}
