import type { Engine, LayerKind } from "@/canvas";

/** A layer as the panel shows it: a copy, so that changes are seen. */
export interface LayerRow {
  id: string;
  kind: LayerKind;
  name: string;
  visible: boolean;
  opacity: number;
  selected: boolean;
  /** The mode draws and sends it. */
  used: boolean;
  /** Its place in the engine's order, 0 at the bottom. */
  index: number;
}

/** The layers from top to bottom. A mask or sketch with nothing on it is left out where the mode does not use it. */
export function layerRows(canvas: Engine, shown: readonly LayerKind[]): LayerRow[] {
  const rows = canvas.layers.map((layer, index) => ({
    id: layer.id,
    kind: layer.kind,
    name: layer.name,
    visible: layer.visible,
    opacity: layer.opacity,
    selected: layer.id === canvas.selected,
    used: shown.includes(layer.kind),
    index,
  }));
  const filled = { mask: canvas.hasMask, sketch: canvas.hasPaint, pasted: true, picture: true };
  return rows.filter((row) => row.used || filled[row.kind]).reverse();
}

/** Where a pasted layer comes when it moves up or down one place among the pasted ones; null where it cannot. */
export function stepTo(rows: readonly LayerRow[], id: string, way: "up" | "down"): number | null {
  const at = rows.findIndex((row) => row.id === id);
  const next = rows[at + (way === "up" ? -1 : 1)];
  return rows[at]?.kind === "pasted" && next?.kind === "pasted" ? next.index : null;
}
