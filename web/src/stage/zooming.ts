import { reactive } from "vue";
import type { Engine, Size } from "@/canvas";

const SMALLEST = 0.02;
const LARGEST = 32;
/** A small picture is not blown up further than this when it is fitted. */
const FIT_MOST = 8;

/** The stage in screen pixels, and what its bars cover on each side. */
export interface StageRoom extends Size {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The room there is now; the stage keeps it up to date. `fitted`: the whole document is shown, and stays so when the room changes. */
export const stageRoom: StageRoom & { fitted: boolean } = reactive({
  width: 0,
  height: 0,
  left: 72,
  top: 72,
  right: 24,
  bottom: 72,
  fitted: true,
});

/** Zoom to a factor (screen pixels per document pixel) about the middle of what is seen. */
export function zoomTo(canvas: Engine, zoom: number): void {
  canvas.setZoom(Math.min(LARGEST, Math.max(SMALLEST, zoom)));
}

/** Zoom by a factor about the middle of what is seen. */
export function zoomBy(canvas: Engine, factor: number): void {
  zoomTo(canvas, canvas.zoom * factor);
}

/** Return zoom and corner of a document that is shown as large as the room between the bars allows. */
export function fitInto(room: StageRoom, size: Size): { zoom: number; x: number; y: number } {
  const width = Math.max(32, room.width - room.left - room.right);
  const height = Math.max(32, room.height - room.top - room.bottom);
  const zoom = Math.max(SMALLEST, Math.min(width / size.width, height / size.height, FIT_MOST));
  return {
    zoom,
    x: room.left + (width - size.width * zoom) / 2,
    y: room.top + (height - size.height * zoom) / 2,
  };
}

/** Show the whole document between the bars. */
export function fitStage(canvas: Engine): void {
  if (!canvas.size || stageRoom.width === 0) {
    canvas.fit();
    return;
  }
  const wanted = fitInto(stageRoom, canvas.size);
  canvas.setZoom(wanted.zoom);
  const at = canvas.toScreen({ x: 0, y: 0 });
  canvas.panBy(wanted.x - at.x, wanted.y - at.y);
  stageRoom.fitted = true;
}

/** Whether the document lies as `fitStage` would lay it, to a pixel. */
export function isFitted(canvas: Engine): boolean {
  if (!canvas.size) return true;
  const wanted = fitInto(stageRoom, canvas.size);
  const at = canvas.toScreen({ x: 0, y: 0 });
  return Math.abs(canvas.zoom / wanted.zoom - 1) < 0.001 && Math.abs(at.x - wanted.x) < 1.5 && Math.abs(at.y - wanted.y) < 1.5;
}
