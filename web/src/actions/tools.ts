import { Pipette } from "@lucide/vue";
import type { Brush } from "@/canvas";
import { canvasFact, MODE_RULES, pickFromScreen, TOOLS } from "@/stage";
import { form } from "@/state/form";
import { engine } from "@/state/source";
import type { Action } from "./types";

const paints = (): boolean => canvasFact((canvas) => canvas.size !== null && canvas.target !== "none");

function brushAction(name: string, shortcut: string, change: (brush: Readonly<Brush>) => Partial<Brush>): Action {
  return { name, group: "tools", shortcut, icon: null, enabled: paints, run: () => engine().setBrush(change(engine().brush)) };
}

/** A step of the size: a tenth, at least one pixel. */
function sized(size: number, way: 1 | -1): number {
  return Math.min(1000, Math.max(1, Math.round(size + way * Math.max(1, size / 10))));
}

function hardened(hardness: number, by: number): number {
  return Math.min(1, Math.max(0, Math.round((hardness + by) * 100) / 100));
}

/** Taking up a tool, and changing the brush. */
export const toolActions: readonly Action[] = [
  ...TOOLS.map(
    (entry): Action => ({
      name: `tools.${entry.name}`,
      group: "tools",
      shortcut: entry.shortcut,
      icon: entry.icon,
      enabled: () => canvasFact((canvas) => canvas.size !== null) && MODE_RULES[form.mode].tools.includes(entry.name),
      active: () => canvasFact((canvas) => canvas.tool === entry.name),
      run: () => engine().setTool(entry.name),
    }),
  ),
  brushAction("tools.bigger", "]", ({ size }) => ({ size: sized(size, 1) })),
  brushAction("tools.smaller", "[", ({ size }) => ({ size: sized(size, -1) })),
  // Shift+] and Shift+[ come as these characters.
  brushAction("tools.harder", "}", ({ hardness }) => ({ hardness: hardened(hardness, 0.1) })),
  brushAction("tools.softer", "{", ({ hardness }) => ({ hardness: hardened(hardness, -0.1) })),
  {
    name: "tools.swap",
    group: "tools",
    shortcut: "X",
    icon: null,
    enabled: paints,
    run: () => engine().setTool(engine().tool === "brush" ? "eraser" : "brush"),
  },
  {
    name: "tools.pickColor",
    group: "tools",
    shortcut: "Shift+I",
    icon: Pipette,
    enabled: () => canvasFact((canvas) => canvas.size !== null && canvas.target === "sketch"),
    run: () => pickFromScreen(engine()),
  },
];
