import type { Engine, LayerKind, Target, ToolName } from "@/canvas";
import type { Mode } from "@/state/form";

/** What a mode does with the canvas. */
export interface ModeRule {
  /** What the tools paint on. */
  target: Target;
  /** Which layers are drawn and sent. */
  shown: readonly LayerKind[];
  /** Tools that make sense, in the order of the strip. */
  tools: readonly ToolName[];
}

const PAINTING: readonly ToolName[] = [
  "brush", "eraser", "rectangle", "ellipse", "lasso", "polygon", "fill", "picker", "move", "region", "hand",
];
const MASKING: readonly ToolName[] = PAINTING.filter((tool) => tool !== "picker");
const LOOKING: readonly ToolName[] = ["hand", "move", "region"];
const PICTURE: readonly LayerKind[] = ["picture", "pasted"];
const SKETCH: readonly LayerKind[] = ["picture", "pasted", "sketch"];
const ALL: readonly LayerKind[] = ["picture", "pasted", "sketch", "mask"];

const looking: ModeRule = { target: "none", shown: PICTURE, tools: LOOKING };
const masking: ModeRule = { target: "mask", shown: ALL, tools: MASKING };
const painting: ModeRule = { target: "sketch", shown: SKETCH, tools: PAINTING };

/** The rules of every mode. */
export const MODE_RULES: Readonly<Record<Mode, ModeRule>> = {
  img2img: looking,
  batch: looking,
  txt2img: looking,
  sketch: painting,
  "inpaint-sketch": painting,
  inpaint: masking,
  "inpaint-upload": masking,
};

/** Whether a mode redraws only a part: its mask may be changed. */
export function usesMask(mode: Mode): boolean {
  return MODE_RULES[mode].target === "mask";
}

/** Whether a mode sends a mask of any kind. */
export function redrawsPart(mode: Mode): boolean {
  return usesMask(mode) || mode === "inpaint-sketch";
}

/** Set target, layers and tool of the canvas for a mode. Coming to paint takes the brush; a tool that goes on working stays. */
export function enterMode(canvas: Engine, mode: Mode): void {
  const rule = MODE_RULES[mode];
  const paintedBefore = canvas.target !== "none";
  canvas.setTarget(rule.target);
  canvas.setShown(rule.shown);
  const paints = rule.target !== "none";
  if (!rule.tools.includes(canvas.tool) || paints !== paintedBefore) canvas.setTool(paints ? "brush" : "hand");
}
