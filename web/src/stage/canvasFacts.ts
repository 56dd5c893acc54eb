import { computed } from "vue";
import type { ComputedRef } from "vue";
import type { Brush, Engine } from "@/canvas";
import { canvasView, engine } from "@/state/source";

/** Read something of the canvas so that whoever asks is told when it changes. Return plain values: the engine's objects stay the same ones. */
export function canvasFact<T>(read: (canvas: Engine) => T): T {
  follow(canvasView.tick);
  return read(engine());
}

/** A computed fact of the canvas. */
export function useCanvas<T>(read: (canvas: Engine) => T): ComputedRef<T> {
  return computed(() => canvasFact(read));
}

/** The brush as it is now (a copy, reactive). */
export function useBrush(): ComputedRef<Brush> {
  return useCanvas((canvas) => ({ ...canvas.brush }));
}

/** Reading the tick is what counts. */
function follow(_tick: number): void {
  return;
}
