import { Contrast, Expand, Feather, Shrink, SquareCheck, Trash, Upload } from "@lucide/vue";
import type { Component } from "vue";
import type { Engine } from "@/canvas";
import { canvasFact, loadMaskFrom, maskEverything, usesMask } from "@/stage";
import { form } from "@/state/form";
import { engine } from "@/state/source";
import type { Action } from "./types";

/** Pixels one call grows, shrinks or feathers the mask. */
const STEP = 8;

const masks = (): boolean => usesMask(form.mode) && canvasFact((canvas) => canvas.size !== null);
const masked = (): boolean => masks() && canvasFact((canvas) => canvas.hasMask);

function onMask(name: string, icon: Component, shortcut: string | null, run: (canvas: Engine) => void): Action {
  return { name, group: "mask", shortcut, icon, enabled: masked, run: () => run(engine()) };
}

/** Changing the mask as a whole; only in the modes that have one. */
export const maskActions: readonly Action[] = [
  { ...onMask("mask.invert", Contrast, "Ctrl+I", (canvas) => canvas.invertMask()), enabled: masks },
  onMask("mask.clear", Trash, "Shift+Delete", (canvas) => canvas.clear("mask")),
  onMask("mask.grow", Expand, null, (canvas) => canvas.growMask(STEP)),
  onMask("mask.shrink", Shrink, null, (canvas) => canvas.growMask(-STEP)),
  onMask("mask.feather", Feather, null, (canvas) => canvas.featherMask(STEP)),
  { ...onMask("mask.everything", SquareCheck, "Shift+A", maskEverything), enabled: masks },
  { name: "mask.load", group: "mask", shortcut: null, icon: Upload, enabled: masks, run: loadMaskFrom },
];
