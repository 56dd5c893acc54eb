import { reactive } from "vue";
import type { Result } from "@/api/types";
import type { Engine } from "@/canvas";
import type { Mode } from "./form";

/** The picture that is worked on, as the server knows it. */
export interface Source {
  /** Null: nothing is open. */
  name: string | null;
  /** SHA-256 of the file the server keeps; null for a blank or changed canvas until it is sent. */
  sha256: string | null;
  width: number;
  height: number;
  /** Result it came from, so that what is made of it knows its parent. */
  parent: string | null;
  /** Infotext the file carries. */
  infotext: string | null;
  /** Upload or decoding at work: 0..1, or null. */
  loading: number | null;
}

/** What is open now. */
export const source: Source = reactive({
  name: null,
  sha256: null,
  width: 0,
  height: 0,
  parent: null,
  infotext: null,
  loading: null,
});

/** Structure of the canvas for the page: changes whenever layers, tool, history or view do. */
export interface CanvasView {
  tick: number;
  hasMask: boolean;
  hasPaint: boolean;
  zoom: number;
}

/** The canvas as the page sees it now. */
export const canvasView: CanvasView = reactive({ tick: 0, hasMask: false, hasPaint: false, zoom: 1 });

/** The page's one canvas. */
export function engine(): Engine {
  throw new Error("being written");
}

/** Open a file: checked (kind, bytes) before it is sent, uploaded with progress, shown as the server's upright copy.
 * A refused file leaves the canvas as it was and is reported. Returns whether it is open. */
export async function openFile(_file: File | Blob, _name?: string): Promise<boolean> {
  throw new Error("being written");
}

/** Put a file in as a pasted layer; opens it if nothing is open. */
export async function pasteFile(_file: File | Blob, _name?: string): Promise<boolean> {
  throw new Error("being written");
}

/** Open a result as the picture to work on, in a mode; the previous picture can be had back by undo where one was open. */
export async function openResult(_result: Result, _mode?: Mode): Promise<void> {
  throw new Error("being written");
}

/** Load a file as the mask. */
export async function openMask(_file: File | Blob): Promise<void> {
  throw new Error("being written");
}

/** Begin with one color. */
export function openBlank(_width: number, _height: number, _color: string): void {
  throw new Error("being written");
}

/** Open the example that comes with the starter model, its prompt in the form. */
export async function openExample(): Promise<void> {
  throw new Error("being written");
}

/** Upload what the current mode needs and return the request's picture fields (images, mask, paint, paint_is_mask).
 * Throws `ApiError` with the field if something is missing (no picture, no mask painted). */
export async function pictureFields(): Promise<Record<string, unknown>> {
  throw new Error("being written");
}

/** Keep the canvas in IndexedDB after every change, and bring back what was kept. */
export async function startSource(): Promise<void> {
  throw new Error("being written");
}

/** Close the picture; what was painted is kept in the browser until something else is opened. */
export function closePicture(): void {
  throw new Error("being written");
}
