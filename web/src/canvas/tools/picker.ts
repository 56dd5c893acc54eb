import type { Tool, ToolContext } from "../tool";
import type { Sample } from "../types";

/** The eyedropper: takes the color that is seen, also while it is dragged. */
export function createPicker(): Tool {
  let picking = false;
  return {
    name: "picker",
    cursor: () => "crosshair",
    down(sample: Sample, context: ToolContext): void {
      picking = true;
      context.pick(sample);
    },
    move(samples: readonly Sample[], context: ToolContext): void {
      const last = samples.at(-1);
      if (picking && last) context.pick(last);
    },
    up(): void {
      picking = false;
    },
    cancel(): void {
      picking = false;
    },
  };
}
