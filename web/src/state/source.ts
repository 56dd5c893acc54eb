import demoPicture from "@starter/demo.png";
import demo from "@starter/demo.json";
import { reactive } from "vue";
import { fetchBlob } from "@/api/client";
import type { Received, Result } from "@/api/types";
import { uploadPicture } from "@/api/upload";
import { createEngine, type Engine, type Layer } from "@/canvas";
import { bringBack, keepAfterChanges } from "./canvas-keeping";
import { form, setValue, type Mode } from "./form";
import type { KnownPicture } from "./kept-canvas";
import { report } from "./notices";
import { checkFile, decode } from "./picture-file";
import { fieldsOf, forgetUploads, missing } from "./picture-fields";
import { preferences } from "./preferences";
import { select } from "./results";

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

let made: Engine | null = null;

/** The page's one canvas. */
export function engine(): Engine {
  if (made) return made;
  made = createEngine();
  for (const event of ["document", "pixels", "history", "tool", "region"] as const) made.on(event, follow);
  made.on("view", () => {
    canvasView.zoom = made?.zoom ?? 1;
    canvasView.tick += 1;
  });
  return made;
}

/** Pictures the document has had, by the id of their layer: undo may bring any of them back. */
const known = new Map<string, KnownPicture>();
let latest: KnownPicture | null = null;

function pictureLayer(): Layer | undefined {
  return made?.layers.find((one) => one.kind === "picture");
}

/** What is known of the document's picture. A layer that was cut from another one is of the same picture. */
function knownPicture(): KnownPicture | null {
  const layer = pictureLayer();
  const found = layer && (known.get(layer.id) ?? latest);
  if (!found) return null;
  note(found);
  return found;
}

/** Say which picture the document shows now. */
function note(picture: KnownPicture): void {
  const layer = pictureLayer();
  if (layer) known.set(layer.id, picture);
  latest = picture;
}

function forgetPictures(): void {
  known.clear();
  latest = null;
}

/** Whether the document shows just the picture that the server knows. */
function isAsKnown(): boolean {
  return made !== null && made.size !== null && !made.pictureTouched && knownPicture() !== null;
}

/** Bring `source` and `canvasView` up to date with the canvas. */
function follow(): void {
  if (!made) return;
  const { size } = made;
  const picture = knownPicture();
  source.name = size ? (picture?.name ?? source.name) : null;
  source.sha256 = isAsKnown() ? (picture?.sha256 ?? null) : null;
  source.width = size?.width ?? 0;
  source.height = size?.height ?? 0;
  source.parent = size ? (picture?.parent ?? null) : null;
  source.infotext = size ? (picture?.infotext ?? null) : null;
  canvasView.hasMask = made.hasMask;
  canvasView.hasPaint = made.hasPaint;
  canvasView.tick += 1;
}

let turn = 0;

/** Do something that loads a picture; false (reported) if it fails. Only the last one begun is carried out. */
async function loading(work: (isLast: () => boolean) => Promise<void>): Promise<boolean> {
  const mine = ++turn;
  source.loading = 0;
  try {
    await work(() => mine === turn);
    return mine === turn;
  } catch (error) {
    report(error);
    return false;
  } finally {
    if (mine === turn) source.loading = null;
  }
}

/** Part of loading that the upload takes; fetching the server's copy and decoding it take the rest. */
const UPLOAD_PART = 0.8;

/** Check a file, send it, and return what the server says of it with its upright copy. */
async function sent(file: Blob, name: string, isLast: () => boolean): Promise<{ received: Received; shown: Blob }> {
  await checkFile(file, name);
  const received = await uploadPicture(file, name, (part) => {
    if (isLast()) source.loading = part * UPLOAD_PART;
  });
  return { received, shown: await shownBy(received.sha256) };
}

function shownBy(sha256: string): Promise<Blob> {
  return fetchBlob(`/api/v1/pictures/${sha256}/view`);
}

function nameOf(file: Blob, name?: string): string {
  return name ?? (file instanceof File && file.name !== "" ? file.name : "picture.png");
}

/** Put a picture into the document; where one is open, undo brings it back. */
async function put(picture: KnownPicture, isLast: () => boolean): Promise<void> {
  if (!picture.shown) return;
  const bitmap = await decode(picture.shown);
  if (!isLast()) {
    bitmap.close();
    return;
  }
  const canvas = engine();
  const { width, height } = bitmap; // the canvas closes it
  if (!canvas.size) forgetPictures();
  if (canvas.size) canvas.replacePicture(bitmap, picture.name);
  else canvas.open(bitmap, picture.name);
  note({ ...picture, width, height });
  follow();
  select(null);
}

/** Open a file: checked (kind, bytes) before it is sent, uploaded with progress, shown as the server's upright copy.
 * A refused file leaves the canvas as it was and is reported. Returns whether it is open. */
export async function openFile(file: File | Blob, name?: string): Promise<boolean> {
  return loading(async (isLast) => {
    const { received, shown } = await sent(file, nameOf(file, name), isLast);
    const { sha256, width, height, infotext } = received;
    await put({ name: received.name, sha256, width, height, parent: null, infotext, shown }, isLast);
    if (form.mode === "txt2img") form.mode = "img2img";
  });
}

/** Put a file in as a pasted layer; opens it if nothing is open. */
export async function pasteFile(file: File | Blob, name?: string): Promise<boolean> {
  if (!engine().size) return openFile(file, name);
  return loading(async (isLast) => {
    const { received, shown } = await sent(file, nameOf(file, name), isLast);
    const bitmap = await decode(shown);
    if (isLast()) engine().paste(bitmap, received.name);
  });
}

/** Open a result as the picture to work on, in a mode; the previous picture can be had back by undo where one was open. */
export async function openResult(result: Result, mode?: Mode): Promise<void> {
  const { sha256, width, height, infotext, id, seed, format } = result;
  const opened = await loading(async (isLast) => {
    const shown = await shownBy(sha256);
    await put({ name: `${seed}-${id.slice(-6)}.${format}`, sha256, width, height, parent: id, infotext, shown }, isLast);
  });
  if (!opened) return;
  form.mode = mode ?? (form.mode === "txt2img" ? "img2img" : form.mode);
  if (preferences.sendSize && form.sizing === "to") {
    setValue("width", width);
    setValue("height", height);
  }
}

/** Load a file as the mask; the mode becomes one that uses it. */
export async function openMask(file: File | Blob): Promise<void> {
  await loading(async (isLast) => {
    if (!engine().size) throw missing("images");
    const bitmap = await decode((await sent(file, nameOf(file), isLast)).shown);
    if (!isLast()) return;
    engine().loadMask(bitmap);
    if (form.mode !== "inpaint") form.mode = "inpaint-upload";
  });
}

/** Begin with one color. */
export function openBlank(width: number, height: number, color: string): void {
  turn += 1;
  source.loading = null;
  forgetPictures();
  engine().blank({ width, height }, color);
  const name = pictureLayer()?.name ?? "";
  const picture: KnownPicture = { name, sha256: null, width, height, parent: null, infotext: null, shown: null };
  note(picture);
  void filled(width, height, color).then((blob) => {
    picture.shown = blob;
  });
  follow();
  select(null);
  if (form.mode === "txt2img") form.mode = "img2img";
}

async function filled(width: number, height: number, color: string): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context && color !== "transparent") {
    context.fillStyle = color;
    context.fillRect(0, 0, width, height);
  }
  return canvas.convertToBlob();
}

/** Close what is open; its history goes with it. */
export function closePicture(): void {
  turn += 1;
  source.loading = null;
  engine().close();
  forgetPictures();
  follow();
}

/** Open the example that comes with the starter model, its prompt in the form. */
export async function openExample(): Promise<void> {
  let file: Blob;
  try {
    file = await fetchBlob(demoPicture);
  } catch (error) {
    report(error);
    return;
  }
  if (!(await openFile(file, demo.input))) return;
  form.mode = "img2img";
  for (const [name, value] of Object.entries(demo.request)) setValue(name, value);
}

/** Upload what the current mode needs and return the request's picture fields (images, mask, paint, paint_is_mask).
 * Throws `ApiError` with the field if something is missing (no picture, no mask painted). */
export async function pictureFields(): Promise<Record<string, unknown>> {
  return fieldsOf(engine(), knownPicture(), isAsKnown());
}

/** Forget that the server has any of our files: the next request sends what it needs again. */
export function forgetFiles(): void {
  forgetUploads();
  for (const picture of known.values()) picture.sha256 = null;
}

/** Keep the canvas in IndexedDB after every change, and bring back what was kept. */
export async function startSource(): Promise<void> {
  await bringBack(engine(), note);
  follow();
  keepAfterChanges(engine(), knownPicture);
}
