import type { MaskGuide, Rect, Size } from "@/canvas";
import type { Mode } from "@/state/form";
import { redrawsPart } from "./modeRules";

/** Return what the canvas needs to show the close-up of "only masked" in a mode, from the form's values; null shows none. */
export function guideOf(mode: Mode, value: (name: string) => unknown): MaskGuide | null {
  if (!redrawsPart(mode) || value("only_masked") !== true) return null;
  const width = numberOr(value("width"), 0);
  const height = numberOr(value("height"), 0);
  return {
    padding: numberOr(value("padding"), 32),
    blur: numberOr(value("mask_blur"), 4),
    aspect: width > 0 && height > 0 ? width / height : 1,
  };
}

function numberOr(value: unknown, other: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : other;
}

/** Return the close-up around a mask's bounds as the server takes it: padded, then grown to the aspect inside the document. */
export function closeUpBox(bounds: Rect, guide: MaskGuide, size: Size): Rect {
  const margin = guide.padding + Math.ceil(guide.blur * 2);
  const x1 = Math.max(0, bounds.x - margin);
  const y1 = Math.max(0, bounds.y - margin);
  const width = Math.min(size.width, bounds.x + bounds.width + margin) - x1;
  const height = Math.min(size.height, bounds.y + bounds.height + margin) - y1;
  if (width / height > guide.aspect) {
    const [y, grown] = grow(y1, height, Math.floor(width / guide.aspect), size.height);
    return { x: x1, y, width, height: grown };
  }
  const [x, grown] = grow(x1, width, Math.floor(height * guide.aspect), size.width);
  return { x, y: y1, width: grown, height };
}

function grow(low: number, length: number, wanted: number, limit: number): [number, number] {
  const start = low - Math.floor((wanted - length) / 2);
  const shifted = Math.max(0, start - Math.max(0, start + wanted - limit));
  return [shifted, Math.min(wanted, limit - shifted)];
}
