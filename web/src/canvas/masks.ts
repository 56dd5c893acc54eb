import type { Core } from "./core";
import { wholeOf } from "./geometry";
import { luminanceAlpha, readAlpha, writeAlpha } from "./maskops";
import { copyOf } from "./surface";
import type { Size } from "./types";

type Alpha = Uint8ClampedArray<ArrayBuffer>;

/** Compute the whole mask anew from itself, as one step. */
export function changeMask(core: Core, label: string, change: (alpha: Alpha, size: Size) => Uint8ClampedArray): void {
  const { artwork } = core;
  if (!artwork) return;
  core.settle();
  const had = artwork.of("mask");
  const mask = artwork.made("mask");
  const { width, height } = artwork.size;
  const edit = core.begin(label, mask);
  edit.touch(wholeOf(artwork.size));
  const image = edit.context.getImageData(0, 0, width, height);
  const { maskColor } = core;
  const alpha = change(readAlpha(image.data), artwork.size);
  writeAlpha(image.data, alpha, maskColor & 255, (maskColor >> 8) & 255, (maskColor >> 16) & 255);
  edit.context.putImageData(image, 0, 0);
  edit.commit();
  if (!had) core.documentChanged();
}

/** Take a picture as the mask: its luminance times its alpha, scaled to the document. A bitmap is closed. */
export function loadMask(core: Core, picture: ImageBitmap | OffscreenCanvas): void {
  const { artwork } = core;
  if (!artwork) return;
  const canvas = copyOf(picture, artwork.size);
  if ("close" in picture) picture.close();
  const image = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height);
  if (image) changeMask(core, "canvas.step.load", () => luminanceAlpha(image.data));
}
