import { reactive } from "vue";
import type { Brush, Engine, Target } from "@/canvas";

const KEY = "redraw.brushes";
const MOST_COLORS = 12;

/** Colors to begin with, until enough others were used. */
const FIRST_COLORS = [
  "#ffffff", "#000000", "#8a8a8a", "#d93a3a", "#f08a24", "#f7d046", "#4ea84a", "#35a7a0", "#3b82e0", "#7a56d6", "#e36aa8", "#8b5a36",
] as const;

interface Kept {
  brushes: Partial<Record<Target, Brush>>;
  colors: string[];
}

/** The brush of each target and the colors that were used, newest first; kept per browser. */
export const brushMemory: Kept = reactive({ brushes: {}, colors: [] });

/** Read what was kept. Anything that is not understood is left out. */
export function recallBrushes(): void {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Kept>;
    brushMemory.brushes = kept.brushes ?? {};
    brushMemory.colors = (kept.colors ?? []).filter(isColor).slice(0, MOST_COLORS);
  } catch {
    brushMemory.brushes = {};
    brushMemory.colors = [];
  }
}

function keep(): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(brushMemory));
  } catch {
    // No room, or not allowed: then brushes are not remembered.
  }
}

/** Remember the brush of the canvas for the target it paints on. */
export function rememberBrush(canvas: Engine): void {
  if (canvas.target === "none") return;
  brushMemory.brushes[canvas.target] = { ...canvas.brush };
  keep();
}

/** Take the brush up that was last used on the canvas's target; before the first use its size follows the document's. */
export function takeBrush(canvas: Engine): void {
  const brush = brushMemory.brushes[canvas.target];
  if (brush) canvas.setBrush(brush);
  else if (canvas.size) canvas.setBrush({ size: Math.max(4, Math.round(Math.min(canvas.size.width, canvas.size.height) / 12)) });
}

/** Note a color as used. */
export function noteColor(color: string): void {
  if (!isColor(color)) return;
  brushMemory.colors = [color, ...brushMemory.colors.filter((other) => other !== color)].slice(0, MOST_COLORS);
  keep();
}

/** Twelve colors to choose from: those that were used, newest first, filled up. */
export function offeredColors(): string[] {
  return [...new Set([...brushMemory.colors, ...FIRST_COLORS])].slice(0, MOST_COLORS);
}

/** Whether a text is a color as the canvas takes it: `#rrggbb`. */
function isColor(text: unknown): text is string {
  return typeof text === "string" && /^#[0-9a-f]{6}$/.test(text);
}

/** Read a color as people write it ("F80", "#ff8800"); null if it is none. */
export function readColor(text: string): string | null {
  const digits = text.trim().replace(/^#/, "").toLowerCase();
  if (/^[0-9a-f]{3}$/.test(digits)) return `#${digits.replace(/./g, "$&$&")}`;
  return /^[0-9a-f]{6}$/.test(digits) ? `#${digits}` : null;
}
