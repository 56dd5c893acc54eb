import type { Engine, Rect } from "@/canvas";
import type { Job } from "@/api/types";
import { closeUpBox } from "./closeUp";

/** What of the document a job's preview shows, in document pixels; null where it has no place on the document. */
export function previewBox(canvas: Engine, job: Job): Rect | null {
  const { size } = canvas;
  if (!size || job.kind !== "img2img") return null;
  const whole = { x: 0, y: 0, ...size };
  const { request } = job;
  if (request["only_masked"] !== true) return whole;
  const bounds = canvas.maskBounds();
  if (!bounds) return null;
  const width = Number(request["width"] ?? 0);
  const height = Number(request["height"] ?? 0);
  const guide = {
    padding: Number(request["padding"] ?? 32),
    blur: Number(request["mask_blur"] ?? 4),
    aspect: width > 0 && height > 0 ? width / height : 1,
  };
  return closeUpBox(bounds, guide, size);
}

/** Whole seconds as people say them: "8 s", "2:05". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
