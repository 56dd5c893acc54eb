import type { Engine } from "@/canvas";
import { noteColor, readColor } from "./brushMemory";

interface Dropper {
  open(): Promise<{ sRGBHex: string }>;
}

type WithDropper = typeof globalThis & { EyeDropper?: new () => Dropper };

/** Whether the browser can pick a color anywhere on the screen. */
export function canPickFromScreen(): boolean {
  return (globalThis as WithDropper).EyeDropper !== undefined;
}

/** Pick a color anywhere on the screen where the browser can, else with the canvas's own picker. Leaving it changes nothing. */
export async function pickFromScreen(canvas: Engine): Promise<void> {
  const { EyeDropper } = globalThis as WithDropper;
  if (!EyeDropper) {
    canvas.setTool("picker");
    return;
  }
  try {
    const color = readColor((await new EyeDropper().open()).sRGBHex);
    if (color) useColor(canvas, color);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

/** Paint with a color from now on. */
export function useColor(canvas: Engine, color: string): void {
  canvas.setBrush({ color });
  noteColor(color);
}
