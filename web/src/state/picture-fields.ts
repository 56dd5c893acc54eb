import { ApiError, localError } from "@/api/problem";
import type { Received } from "@/api/types";
import { uploadPicture } from "@/api/upload";
import type { Engine } from "@/canvas";
import { translate } from "@/i18n";
import { form, type Mode } from "./form";
import type { KnownPicture } from "./kept-canvas";

/** A picture of a request: the server has the file. */
export interface Stored {
  sha256: string;
  name: string;
}

const PAINTED: ReadonlySet<Mode> = new Set<Mode>(["sketch", "inpaint", "inpaint-upload", "inpaint-sketch"]);
const MASKED: ReadonlySet<Mode> = new Set<Mode>(["inpaint", "inpaint-upload"]);

type Role = "picture" | "paint" | "mask";
const sent = new Map<Role, { bytes: Uint8Array; upload: Promise<Received> }>();

/** Upload what the canvas exported; the same bytes as the last time in this role are not sent again. */
async function stored(role: Role, blob: Blob): Promise<Stored> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const name = `${role}.png`;
  const last = sent.get(role);
  if (last && isSame(last.bytes, bytes)) return { sha256: (await last.upload).sha256, name };
  const upload = uploadPicture(blob, name);
  const entry = { bytes, upload };
  sent.set(role, entry);
  try {
    return { sha256: (await upload).sha256, name };
  } catch (error) {
    if (sent.get(role) === entry) sent.delete(role);
    throw error;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** Forget what was uploaded: the server has lost it. */
export function forgetUploads(): void {
  sent.clear();
}

/** The error of a request that lacks something to be drawn or opened first. */
export function missing(field: "images" | "mask" | "paint"): ApiError {
  const texts = {
    images: [translate("notice.missing.pictureTitle"), translate("notice.missing.picture")],
    mask: [translate("notice.missing.maskTitle"), translate("notice.missing.mask")],
    paint: [translate("notice.missing.sketchTitle"), translate("notice.missing.sketch")],
  } as const;
  return localError(...texts[field], field);
}

/** Upload what a mode needs of the canvas and return the request's picture fields. `known` is the document's picture as the server
 * has it, `asIs` whether the document shows just that. Throws `ApiError` with the field if something is missing. */
export async function fieldsOf(engine: Engine, known: KnownPicture | null, asIs: boolean): Promise<Record<string, unknown>> {
  const { mode } = form;
  if (mode === "txt2img") return {};
  if (!engine.size) throw missing("images");
  const sketch = engine.layers.find((layer) => layer.kind === "sketch");
  const wantsPaint = PAINTED.has(mode) && engine.hasPaint && sketch?.visible !== false;
  const wantsMask = MASKED.has(mode);
  if (wantsMask && !engine.hasMask) throw missing("mask");
  if (mode === "inpaint-sketch" && !wantsPaint) throw missing("paint");
  const parts = await engine.export({ paint: wantsPaint, mask: wantsMask });
  if (wantsMask && !parts.mask) throw missing("mask");
  const [image, mask, paint] = await Promise.all([
    sourceOf(engine, known, asIs, parts.picture),
    parts.mask && wantsMask ? stored("mask", parts.mask) : null,
    parts.paint && wantsPaint ? stored("paint", parts.paint) : null,
  ]);
  return {
    images: [image],
    ...(mask && { mask }),
    ...(paint && { paint }),
    ...(paint && mode === "inpaint-sketch" && { paint_is_mask: true }),
  };
}

/** The server's own file where the document shows just that, else what the canvas made of it. */
async function sourceOf(engine: Engine, known: KnownPicture | null, asIs: boolean, exported: Blob | null): Promise<Stored> {
  if (asIs && known?.sha256) return { sha256: known.sha256, name: known.name.slice(0, 200) };
  return stored("picture", exported ?? (asIs ? known?.shown : null) ?? (await engine.flatten()));
}
