/** Where a picture lies in a pane: pure arithmetic. Positions are CSS pixels from the pane's center. */

/** Width and height; of a picture in its pixels, of a pane in CSS pixels. */
export interface Extent {
  width: number;
  height: number;
}

/** How a picture is looked at: fitted, or at a scale (CSS pixels per picture pixel) with its center moved by x and y. */
export interface View {
  fit: boolean;
  scale: number;
  x: number;
  y: number;
}

/** A picture's box in its pane; left and top count from the pane's corner. */
export interface Placed {
  left: number;
  top: number;
  width: number;
  height: number;
  scale: number;
}

/** Lowest and highest scale a person can reach. */
const SCALES = { lowest: 0.02, highest: 32 } as const;

const MARGIN = 16;
const FIT_HIGHEST = 8;

/** Return the view everybody begins with. */
export function fitted(): View {
  return { fit: true, scale: 1, x: 0, y: 0 };
}

/** Return the scale at which the whole picture is seen, with a margin around it. */
export function fittingScale(picture: Extent, pane: Extent): number {
  const wide = Math.max(pane.width - 2 * MARGIN, 1) / Math.max(picture.width, 1);
  const high = Math.max(pane.height - 2 * MARGIN, 1) / Math.max(picture.height, 1);
  return Math.min(wide, high, FIT_HIGHEST);
}

/** Return the scale a view means in a pane. */
export function scaleOf(view: View, picture: Extent, pane: Extent): number {
  return view.fit ? fittingScale(picture, pane) : view.scale;
}

/** Return the box of the picture in the pane. */
export function placed(view: View, picture: Extent, pane: Extent): Placed {
  const scale = scaleOf(view, picture, pane);
  const width = picture.width * scale;
  const height = picture.height * scale;
  const x = view.fit ? 0 : view.x;
  const y = view.fit ? 0 : view.y;
  return { left: (pane.width - width) / 2 + x, top: (pane.height - height) / 2 + y, width, height, scale };
}

/** Return the view after zooming by a factor, so that the point at (x, y) stays where it is. */
export function zoomed(view: View, picture: Extent, pane: Extent, factor: number, x = 0, y = 0): View {
  const before = scaleOf(view, picture, pane);
  const scale = Math.min(Math.max(before * factor, SCALES.lowest), SCALES.highest);
  const ratio = scale / before;
  const from = view.fit ? { x: 0, y: 0 } : view;
  const moved = { fit: false, scale, x: x - (x - from.x) * ratio, y: y - (y - from.y) * ratio };
  return kept(moved, picture, pane);
}

/** Return the view after moving the picture; a fitted picture does not move. */
export function panned(view: View, picture: Extent, pane: Extent, dx: number, dy: number): View {
  return view.fit ? view : kept({ ...view, x: view.x + dx, y: view.y + dy }, picture, pane);
}

/** Keep the picture in sight: centered along a side on which it fits, else no further than its edges (plus the margin). */
function kept(view: View, picture: Extent, pane: Extent): View {
  const limit = (size: number, room: number): number => (size <= room ? 0 : (size - room) / 2 + MARGIN);
  const across = limit(picture.width * view.scale, pane.width);
  const down = limit(picture.height * view.scale, pane.height);
  return { ...view, x: clamped(view.x, across), y: clamped(view.y, down) };
}

function clamped(value: number, limit: number): number {
  return Math.min(Math.max(value, -limit), limit);
}

/** Return the factor a turn of the wheel zooms by; trackpads pinch with `ctrlKey` and small steps. */
export function wheelFactor(event: { deltaY: number; deltaMode: number; ctrlKey: boolean }): number {
  const pixels = event.deltaMode === 1 ? event.deltaY * 30 : event.deltaMode === 2 ? event.deltaY * 300 : event.deltaY;
  return Math.exp(-Math.max(-240, Math.min(240, pixels)) * (event.ctrlKey ? 0.01 : 0.002));
}

/** Whether both have the same proportions within two percent, so that one may be stretched over the other. */
export function sameShape(one: Extent, other: Extent): boolean {
  if (other.height === 0 || one.height === 0) return true;
  const ratio = one.width / one.height / (other.width / other.height);
  return ratio > 0.98 && ratio < 1.02;
}

/** What a zoom key or button asks for: closer, further, the whole picture, or one CSS pixel for each of its pixels. */
export type Zoom = "in" | "out" | "fit" | "full";

/** Return what a key does to the zoom (+ - 0 1), or null. */
export function zoomKey(event: KeyboardEvent): Zoom | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const keys: Record<string, Zoom> = { "+": "in", "=": "in", "-": "out", _: "out", "0": "fit", "1": "full" };
  return keys[event.key] ?? null;
}

const WITH_ARROWS = "input, textarea, select, audio, video, [role='slider'], [role='menu'], [role='listbox'], [role='radio'], [role='tab'], [data-arrows]";

/** Whether an element uses the arrow keys itself: text fields, sliders, lists, tabs. */
export function usesArrows(target: Element | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.closest(WITH_ARROWS) !== null;
}

/** Whether a menu or a small window hangs open over the page, which Escape closes first. */
export function popupOpen(): boolean {
  return document.querySelector("[data-reka-popper-content-wrapper] :is([role='menu'], [role='dialog'], [role='listbox'])") !== null;
}
