import type { Tool } from "./tool";
import { createBrush, createEraser } from "./tools/brush";
import { createFill } from "./tools/fill";
import { createHand } from "./tools/hand";
import { createLasso, createPolygon } from "./tools/lasso";
import { createMove } from "./tools/move";
import { createPicker } from "./tools/picker";
import { createRegion } from "./tools/region";
import { createEllipse, createRectangle } from "./tools/shapes";

/** One of each tool. */
export function createTools(): Tool[] {
  const painting = [createBrush(), createEraser(), createRectangle(), createEllipse(), createLasso(), createPolygon(), createFill()];
  return [...painting, createMove(), createPicker(), createRegion(), createHand()];
}
