import { Brush, ImageUp, ImageUpscale, Paintbrush, PenTool } from "@lucide/vue";
import { reactive, watch } from "vue";
import type { Result } from "@/api/types";
import { openDialog } from "@/state/dialogs";
import type { Mode } from "@/state/form";
import { resultById, results, select } from "@/state/results";
import { openResult, source } from "@/state/source";
import type { Action } from "./types";

/** Results that were looked at, so that one stays on the stage although the history does not list it any more. */
const looked = reactive(new Map<string, Result>());

watch(
  () => results.selected,
  (id) => {
    const result = id === null ? undefined : resultById(id);
    if (result) looked.set(result.id, result);
  },
  { flush: "sync" },
);

/** Show a result on the stage, wherever it was found. */
export function look(result: Result): void {
  looked.set(result.id, result);
  select(result.id);
}

/** Return a result that was seen here. */
export function seen(id: string): Result | undefined {
  return resultById(id) ?? looked.get(id);
}

/** Return the result that is looked at, or undefined. */
export function chosen(): Result | undefined {
  return results.selected === null ? undefined : seen(results.selected);
}

/** Take a result as the picture to work on, in a mode, and show the canvas. */
export async function sendTo(result: Result, mode: Mode): Promise<void> {
  results.viewer = false;
  await openResult(result, mode);
  select(null);
}

/** Open the dialog that enlarges a result, or, without one, the picture on the canvas. */
export function enlarge(result: Result | null): void {
  results.viewer = false;
  openDialog("extras", result?.id ?? null);
}

function sending(name: string, mode: Mode, icon: Action["icon"], shortcut: string | null): Action {
  return {
    name,
    group: "send",
    shortcut,
    icon,
    enabled: () => chosen() !== undefined,
    run: async () => {
      const result = chosen();
      if (result) await sendTo(result, mode);
    },
  };
}

/** Sending the result that is looked at to where it is worked on next. */
export const sendActions: readonly Action[] = [
  sending("send.img2img", "img2img", ImageUp, "U"),
  sending("send.sketch", "sketch", Brush, null),
  sending("send.inpaint", "inpaint", Paintbrush, "Shift+U"),
  sending("send.inpaintSketch", "inpaint-sketch", PenTool, null),
  {
    name: "send.extras",
    group: "send",
    shortcut: "Shift+X",
    icon: ImageUpscale,
    enabled: () => chosen() !== undefined || source.name !== null,
    run: () => enlarge(chosen() ?? null),
  },
];
