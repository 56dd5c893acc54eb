import type { Core } from "./core";
import { wholeOf } from "./geometry";
import { readAlpha } from "./maskops";
import { greyPng } from "./png";
import type { Surface } from "./surface";
import { makeCanvas } from "./surface";
import { PICTURE, drawSurface, isSeen } from "./artwork";
import type { Exported, Size } from "./types";

const made = new WeakMap<Surface, { version: number; blob: Promise<Blob> }>();

/** A layer's pixels as a PNG with straight alpha; made once for the same pixels. */
export function pngOf(surface: Surface): Promise<Blob> {
  const known = made.get(surface);
  if (known?.version === surface.version) return known.blob;
  const blob = surface.canvas.convertToBlob({ type: "image/png" });
  made.set(surface, { version: surface.version, blob });
  // One that failed must not be handed out again.
  blob.catch(() => made.delete(surface));
  return blob;
}

/** What of the document goes into a request. Throws where there is no document. */
export async function exportParts(core: Core, parts: { paint: boolean; mask: boolean }): Promise<Exported> {
  const { artwork } = core;
  if (!artwork) throw new Error("there is no document");
  core.settle();
  const sketch = core.shownKinds.has("sketch") ? artwork.of("sketch") : null;
  const mask = core.shownKinds.has("mask") ? artwork.of("mask") : null;
  // Everything that reads pixels is begun before the first wait: what is painted meanwhile does not get in.
  const picture = artwork.touched ? artwork.flat(wholeOf(artwork.size), PICTURE).convertToBlob({ type: "image/png" }) : null;
  const paint = parts.paint && sketch && isSeen(sketch) && core.has("sketch") ? paintOf(sketch, artwork.size) : null;
  const grey = parts.mask && mask && core.has("mask") ? maskOf(mask) : null;
  return { size: { ...artwork.size }, picture: await picture, paint: await paint, mask: await grey };
}

/** What is seen, without mask and guides, as a PNG. Throws where there is no document. */
export function flatten(core: Core): Promise<Blob> {
  const { artwork } = core;
  if (!artwork) return Promise.reject(new Error("there is no document"));
  core.settle();
  return artwork.flat(wholeOf(artwork.size), core.seenKinds).convertToBlob({ type: "image/png" });
}

function paintOf(sketch: Surface, size: Size): Promise<Blob> {
  if (sketch.opacity === 1) return pngOf(sketch);
  const canvas = makeCanvas(size);
  const context = canvas.getContext("2d");
  if (context) drawSurface(context, sketch);
  return canvas.convertToBlob({ type: "image/png" });
}

function maskOf(mask: Surface): Promise<Blob> {
  const { width, height } = mask.canvas;
  return greyPng(readAlpha(mask.context.getImageData(0, 0, width, height).data), mask.canvas);
}
