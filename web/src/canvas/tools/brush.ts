import type { Nib } from "../coverage";
import { tilesOf } from "../edit";
import { Stroke } from "../stroke";
import type { Edit, Tool, ToolContext } from "../tool";
import type { Brush, Layer, Sample } from "../types";

/** What a brush does where it goes: `brush` lays its color over, `eraser` takes away; both on the active target alone. */
type Mode = "brush" | "eraser";

/** How a sample presses the brush on the canvas. A mouse always presses fully. */
export function nibOf(sample: Sample, brush: Readonly<Brush>): Nib {
  const pressure = sample.pen ? Math.min(1, Math.max(0, sample.pressure)) : 1;
  return {
    x: sample.x,
    y: sample.y,
    radius: Math.max(0.5, (brush.size / 2) * (brush.pressureSize ? Math.max(0.02, pressure) : 1)),
    strength: brush.pressureOpacity ? Math.max(0.01, pressure) : 1,
  };
}

/** `#rrggbb` as the three low bytes of a pixel's 32-bit word. */
export function wordOf(color: string): number {
  const value = Number.parseInt(color.slice(1, 7), 16);
  if (Number.isNaN(value)) return 0;
  return ((value & 255) << 16) | (value & 0xff00) | (value >> 16);
}

class BrushTool implements Tool {
  readonly name: Mode;
  #edit: Edit | null = null;
  #stroke: Stroke | null = null;
  /** End of the last stroke and its layer, from where Shift draws a line. */
  #end: { nib: Nib; layer: string } | null = null;

  constructor(name: Mode) {
    this.name = name;
  }

  cursor(context: ToolContext): string {
    return context.target === "none" ? "not-allowed" : "none";
  }

  down(sample: Sample, context: ToolContext): void {
    const layer = context.paintLayer();
    if (!layer) return;
    this.#edit = context.begin(`canvas.step.${this.name}`, layer);
    const nib = nibOf(sample, context.brush);
    const line = sample.shift && this.#end?.layer === layer.id;
    this.#stroke = this.#begin(this.#edit, line && this.#end ? { ...this.#end.nib, radius: nib.radius } : nib, layer, context);
    if (line) this.#stroke.straightTo(nib);
  }

  move(samples: readonly Sample[], context: ToolContext): void {
    this.#stroke?.through(samples.map((sample) => nibOf(sample, context.brush)));
  }

  up(sample: Sample, context: ToolContext): void {
    const stroke = this.#stroke;
    if (!stroke || !this.#edit) return;
    // A lifted pen reports no pressure: end as thick as it was.
    const { radius, strength } = stroke.last;
    stroke.through([{ ...nibOf(sample, context.brush), radius, strength }]);
    stroke.finish();
    this.#end = { nib: stroke.last, layer: this.#edit.layer.id };
    this.#edit.commit();
    this.#edit = null;
    this.#stroke = null;
  }

  cancel(): void {
    this.#edit?.cancel();
    this.#edit = null;
    this.#stroke = null;
  }

  #begin(edit: Edit, nib: Nib, layer: Layer, context: ToolContext): Stroke {
    const flat = layer.kind === "mask";
    const erases = this.name === "eraser" || (flat && context.subtract);
    const look = { color: wordOf(context.paint), erases, flat, opacity: context.brush.opacity };
    return new Stroke(tilesOf(edit), nib, context.brush.hardness, look);
  }
}

/** The brush. */
export function createBrush(): Tool {
  return new BrushTool("brush");
}

/** The eraser: the same strokes, taking away. */
export function createEraser(): Tool {
  return new BrushTool("eraser");
}
