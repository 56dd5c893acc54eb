/** A canvas made by hand: it has a document and no pixels. */
import { vi } from "vitest";
import type { Engine, EngineEvents, Exported, Layer, Size, StoredDocument } from "@/canvas";

type Listener = (value: never) => void;

function layer(kind: Layer["kind"], name: string, id: string): Layer {
  return { id, kind, name, visible: true, opacity: 1, placement: null, canvas: null as unknown as OffscreenCanvas };
}

export class HandmadeCanvas {
  size: Size | null = null;
  layers: Layer[] = [];
  pictureTouched = false;
  hasMask = false;
  hasPaint = false;
  depth = 0;
  zoom = 1;
  readonly calls: string[] = [];
  exported: Partial<Exported> = {};
  private readonly listeners = new Map<string, Listener[]>();
  private readonly past: { size: Size | null; layers: Layer[]; pictureTouched: boolean }[] = [];
  private made = 0;

  on(event: string, listener: Listener): () => void {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]);
    return () => undefined;
  }

  emit<K extends keyof EngineEvents>(event: K, value?: EngineEvents[K]): void {
    for (const listener of this.listeners.get(event) ?? []) listener(value as never);
  }

  open(picture: Size, name: string): void {
    this.calls.push(`open ${name}`);
    this.show(picture, name, false);
  }

  replacePicture(picture: Size, name: string): void {
    this.calls.push(`replace ${name}`);
    this.past.push({ size: this.size, layers: this.layers, pictureTouched: this.pictureTouched });
    this.show(picture, name, false);
  }

  blank(size: Size): void {
    this.show(size, "", true);
  }

  undo(): void {
    const last = this.past.pop();
    if (!last) return;
    this.size = last.size;
    this.layers = last.layers;
    this.pictureTouched = last.pictureTouched;
    this.emit("document");
  }

  /** Change pixels of the picture, the sketch or the mask, as a stroke would. */
  stroke(kind: Layer["kind"]): void {
    if (kind === "picture") this.pictureTouched = true;
    if (kind === "sketch") this.hasPaint = true;
    if (kind === "mask") this.hasMask = true;
    this.emit("pixels", { layer: this.layers.find((one) => one.kind === kind)?.id ?? "" });
  }

  close(): void {
    this.size = null;
    this.layers = [];
    this.emit("document");
  }

  paste(_picture: Size, name: string): string {
    this.calls.push(`paste ${name}`);
    return name;
  }

  loadMask(): void {
    this.calls.push("mask");
    this.stroke("mask");
  }

  async export(parts: { paint: boolean; mask: boolean }): Promise<Exported> {
    const blob = (text: string): Blob => new Blob([text], { type: "image/png" });
    return {
      size: this.size ?? { width: 0, height: 0 },
      picture: this.pictureTouched ? blob("picture") : null,
      paint: parts.paint && this.hasPaint ? blob("paint") : null,
      mask: parts.mask && this.hasMask ? blob("mask") : null,
      ...this.exported,
    };
  }

  async flatten(): Promise<Blob> {
    return new Blob(["flat"]);
  }

  async store(): Promise<StoredDocument | null> {
    if (!this.size) return null;
    const layers = this.layers.map(({ kind, name, visible, opacity }) => ({ kind, name, visible, opacity, placement: null, blob: null }));
    return { size: this.size, layers };
  }

  async restore(stored: StoredDocument): Promise<void> {
    this.calls.push("restore");
    this.show(stored.size, stored.layers[0]?.name ?? "", false);
  }

  asEngine(): Engine {
    return this as unknown as Engine;
  }

  private show(size: Size, name: string, touched: boolean): void {
    this.made += 1;
    this.size = { width: size.width, height: size.height };
    this.layers = [layer("picture", name, `picture-${this.made}`), layer("sketch", "", "sketch"), layer("mask", "", "mask")];
    this.pictureTouched = touched;
    this.emit("document");
    this.emit("pixels", { layer: `picture-${this.made}` });
  }
}

/** Bitmaps are their sizes here: `createImageBitmap` makes 64x48 ones, or fails where the test says so. */
export function stubBitmaps(size: Size = { width: 64, height: 48 }): void {
  vi.stubGlobal("createImageBitmap", async () => ({ ...size, close: () => undefined }));
}
