import { nextTick, watch } from "vue";
import type { Engine } from "@/canvas";
import { form, value } from "@/state/form";
import { preferences } from "@/state/preferences";
import { engine } from "@/state/source";
import { noteColor, recallBrushes, rememberBrush, takeBrush } from "./brushMemory";
import { guideOf } from "./closeUp";
import { KeyboardPointer } from "./keyboardPointer";
import { enterMode } from "./modeRules";
import { tolerance } from "./tolerance";
import { fitStage, isFitted, stageRoom } from "./zooming";

/** Connect the page's canvas with its place on the stage until `end`: mode, brush, guide, tint, and the room between the bars. */
export function bindStage(stage: HTMLElement, surface: HTMLCanvasElement): { pointer: KeyboardPointer; end: () => void } {
  const canvas = engine();
  canvas.attach(surface);
  recallBrushes();
  canvas.setTolerance(tolerance.value);
  const ends = [followModes(canvas), followForm(canvas), followRoom(canvas, stage), followBrush(canvas)];
  const pointer = new KeyboardPointer(surface, canvas);
  return {
    pointer,
    end: () => {
      for (const end of ends) end();
      canvas.detach();
    },
  };
}

function followModes(canvas: Engine): () => void {
  return watch(
    () => form.mode,
    (mode) => {
      rememberBrush(canvas);
      enterMode(canvas, mode);
      takeBrush(canvas);
    },
    { immediate: true },
  );
}

function followForm(canvas: Engine): () => void {
  const guide = watch(
    () => JSON.stringify(guideOf(form.mode, value)),
    () => canvas.setGuide(guideOf(form.mode, value)),
    { immediate: true },
  );
  const tint = watch(
    () => [preferences.tint, preferences.tintOpacity] as const,
    ([color, opacity]) => canvas.setTint(color, opacity),
    { immediate: true },
  );
  return () => {
    guide();
    tint();
  };
}

/** Keep a fitted document fitted when the stage or the document gets another size. */
function followRoom(canvas: Engine, stage: HTMLElement): () => void {
  const coarse = window.matchMedia("(pointer: coarse)").matches ? 8 : 0;
  let was = "";
  const refit = (): void => {
    if (stageRoom.fitted) fitStage(canvas);
  };
  const measure = (): void => {
    stageRoom.width = stage.clientWidth;
    stageRoom.height = stage.clientHeight;
    const bar = 64 + coarse;
    // In a part of the picture there is a second bar: the way back.
    const top = canvas.depth > 0 ? 2 * bar - 12 : bar;
    Object.assign(stageRoom, { left: bar, top, bottom: bar, right: stage.clientWidth < 520 ? 12 : 24 });
    refit();
  };
  const resized = new ResizeObserver(measure);
  resized.observe(stage);
  const ends = [
    canvas.on("document", () => {
      const now = canvas.size ? `${canvas.size.width}x${canvas.size.height}` : "";
      const opened = was === "";
      if (now === was) return;
      was = now;
      stageRoom.fitted = true;
      if (opened) takeBrush(canvas);
      void nextTick(measure);
    }),
    canvas.on("view", () => {
      stageRoom.fitted = isFitted(canvas);
    }),
  ];
  measure();
  return () => {
    resized.disconnect();
    for (const end of ends) end();
  };
}

/** Remember the brush some time after it changed; take over a picked color. */
function followBrush(canvas: Engine): () => void {
  let timer = 0;
  const ends = [
    canvas.on("tool", () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => rememberBrush(canvas), 400);
    }),
    canvas.on("picked", (color) => {
      canvas.setBrush({ color });
      noteColor(color);
    }),
  ];
  return () => {
    window.clearTimeout(timer);
    for (const end of ends) end();
  };
}
