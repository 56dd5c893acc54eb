/** Enlarging a finished picture by the server (A1111's Extras). */
import { OWN_PAGE } from "@/api/client";
import { lostError, problemOf } from "@/api/problem";

/** What a person chose: by a factor, or to a size. Visibility 0..1. */
export interface Enlarging {
  upscaler: string;
  second: string;
  visibility: number;
  by: boolean;
  scale: number;
  width: number;
  height: number;
  crop: boolean;
}

/** The name of no upscaler. */
export const NONE = "None";

/** Return the body of `POST /sdapi/v1/extra-single-image`. */
export function extrasBody(choice: Enlarging, image: string): Record<string, unknown> {
  const second = choice.second === "" || choice.second === NONE || choice.visibility <= 0;
  return {
    image,
    resize_mode: choice.by ? 0 : 1,
    upscaling_resize: choice.scale,
    upscaling_resize_w: choice.width,
    upscaling_resize_h: choice.height,
    upscaling_crop: choice.crop,
    upscaler_1: choice.upscaler,
    upscaler_2: second ? NONE : choice.second,
    extras_upscaler_2_visibility: second ? 0 : choice.visibility,
  };
}

/** Return the size the server makes: sides rounded down to multiples of 8 unless they are cut to a size. */
export function enlargedSize(choice: Enlarging, from: { width: number; height: number }): { width: number; height: number } {
  if (!choice.by && choice.crop) return { width: choice.width, height: choice.height };
  const scale = choice.by ? choice.scale : Math.max(choice.width / Math.max(from.width, 1), choice.height / Math.max(from.height, 1));
  if (scale === 1) return { ...from };
  const side = (length: number): number => Math.max(Math.floor((length * scale) / 8) * 8, 8);
  return { width: side(from.width), height: side(from.height) };
}

/** Let the server enlarge a picture; the answer is a PNG file (or what the server's settings say). Throws `ApiError`. */
export async function enlarged(choice: Enlarging, picture: Blob, signal: AbortSignal): Promise<Blob> {
  const body = JSON.stringify(extrasBody(choice, await base64Of(picture)));
  let response: Response;
  try {
    response = await fetch("/sdapi/v1/extra-single-image", { method: "POST", headers: { ...OWN_PAGE, "Content-Type": "application/json" }, body, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw lostError(error instanceof Error ? error.message : "no answer");
  }
  const found = (await response.json().catch(() => null)) as { image?: string; error?: string; errors?: string; detail?: unknown } | null;
  if (!response.ok || typeof found?.image !== "string") throw problemOf(response.status, inOurWords(found));
  return pictureOf(found.image);
}

/** A1111's errors say "error" and "errors"; ours say title and detail. */
function inOurWords(found: { error?: string; errors?: string; detail?: unknown } | null): unknown {
  if (found === null) return null;
  const detail = [found.errors, found.detail, found.error].find((text) => typeof text === "string" && text !== "");
  return { title: "not allowed", detail: detail ?? "" };
}

async function base64Of(picture: Blob): Promise<string> {
  const bytes = new Uint8Array(await picture.arrayBuffer());
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x8000) pieces.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  return btoa(pieces.join(""));
}

/** Return base64 as a file; its kind is told by its first letters. */
export function pictureOf(base64: string): Blob {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const type = base64.startsWith("/9j/") ? "image/jpeg" : base64.startsWith("UklGR") ? "image/webp" : "image/png";
  return new Blob([bytes], { type });
}
