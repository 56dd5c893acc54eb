import type { Tool, ToolContext } from "../tool";
import type { Point, Sample } from "../types";

/** The hand: the document follows the pointer. */
export function createHand(): Tool {
  let at: Point | null = null;
  return {
    name: "hand",
    cursor: () => (at ? "grabbing" : "grab"),
    down(sample: Sample, context: ToolContext): void {
      at = context.toScreen(sample);
    },
    move(samples: readonly Sample[], context: ToolContext): void {
      const last = samples.at(-1);
      if (!at || !last) return;
      const now = context.toScreen(last);
      context.panBy(now.x - at.x, now.y - at.y);
      at = now;
    },
    up(): void {
      at = null;
    },
    cancel(): void {
      at = null;
    },
  };
}
