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
  { name: "brush", icon: Brush, shortcut: "B", label: "stage.tool.brush", apart: false },
  { name: "eraser", icon: Eraser, shortcut: "E", label: "stage.tool.eraser", apart: false },
  { name: "rectangle", icon: Square, shortcut: "R", label: "stage.tool.rectangle", apart: true },
  { name: "ellipse", icon: Circle, shortcut: "O", label: "stage.tool.ellipse", apart: false },
  { name: "lasso", icon: Lasso, shortcut: "L", label: "stage.tool.lasso", apart: false },
  { name: "polygon", icon: Pentagon, shortcut: "P", label: "stage.tool.polygon", apart: false },
  { name: "fill", icon: PaintBucket, shortcut: "G", label: "stage.tool.fill", apart: false },
  { name: "picker", icon: Pipette, shortcut: "I", label: "stage.tool.picker", apart: true },
  { name: "move", icon: Move, shortcut: "V", label: "stage.tool.move", apart: true },
  { name: "region", icon: Crop, shortcut: "C", label: "stage.tool.region", apart: false },
  { name: "hand", icon: Hand, shortcut: "H", label: "stage.tool.hand", apart: false },
];
