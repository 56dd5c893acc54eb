import { Brush, Circle, Crop, Eraser, Hand, Lasso, Move, PaintBucket, Pentagon, Pipette, Square } from "@lucide/vue";
import type { Component } from "vue";
import type { ToolName } from "@/canvas";

/** A tool as the page shows it. `label` is an i18n key. */
export interface ToolEntry {
  name: ToolName;
  icon: Component;
  shortcut: string;
  label: string;
  /** A line is drawn above it in the strip. */
  apart: boolean;
}

/** All tools in the order of the strip. */
export const TOOLS: readonly ToolEntry[] = [
  { name: "brush", icon: Brush, shortcut: "B", label: "action.tools.brush", apart: false },
  { name: "eraser", icon: Eraser, shortcut: "E", label: "action.tools.eraser", apart: false },
  { name: "rectangle", icon: Square, shortcut: "R", label: "action.tools.rectangle", apart: true },
  { name: "ellipse", icon: Circle, shortcut: "O", label: "action.tools.ellipse", apart: false },
  { name: "lasso", icon: Lasso, shortcut: "L", label: "action.tools.lasso", apart: false },
  { name: "polygon", icon: Pentagon, shortcut: "P", label: "action.tools.polygon", apart: false },
  { name: "fill", icon: PaintBucket, shortcut: "G", label: "action.tools.fill", apart: false },
  { name: "picker", icon: Pipette, shortcut: "I", label: "action.tools.picker", apart: true },
  { name: "move", icon: Move, shortcut: "V", label: "action.tools.move", apart: true },
  { name: "region", icon: Crop, shortcut: "C", label: "action.tools.region", apart: false },
  { name: "hand", icon: Hand, shortcut: "H", label: "action.tools.hand", apart: false },
];
