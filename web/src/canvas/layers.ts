import { Artwork, boxOf, drawSurface, fitted } from "./artwork";
import type { Core } from "./core";
import type { Entry } from "./history";
import { Surface, copyOf } from "./surface";
import type { Placement, Point, Size } from "./types";
import { sameSize, wholeOf } from "./geometry";

type Picture = ImageBitmap | OffscreenCanvas;
type Change = Partial<{ visible: boolean; opacity: number; name: string; placement: Placement }>;

/** Changes of the same kind to the same layer within this time are one step: a slider that is dragged. Milliseconds. */
const TOGETHER = 1000;

/** A layer of a picture, at a size of choice. A bitmap is closed. */
export function surfaceOf(picture: Picture, kind: "picture" | "pasted", name: string, size?: Size): Surface {
  const surface = new Surface(kind, name, copyOf(picture, size));
  if ("close" in picture) picture.close();
  return surface;
}

/** Memory that a layer takes. */
function bytesOfSurface({ canvas }: Surface): number {
  return canvas.width * canvas.height * 4;
}

/** Show another document as one step; `moved` is where its corner lay in the old one, if pan and zoom should stay. */
export function exchangeArtwork(core: Core, label: string, next: Artwork, moved: Point | null): void {
  const old = core.artwork;
  if (!old) return;
  const bytes = next.surfaces.filter((surface) => !old.surfaces.includes(surface)).reduce((sum, one) => sum + bytesOfSurface(one), 0);
  const turn = (to: Artwork, from: Artwork, shift: Point | null): void => {
    core.artwork = to;
    core.setRegion(null);
    if (shift) core.viewport.reshape(to.size, shift);
    else if (!sameSize(to.size, from.size)) core.viewport.setDocument(to.size);
    core.viewChanged();
    core.documentChanged();
    for (const surface of to.surfaces) if (!from.surfaces.includes(surface)) core.events.emit("pixels", { layer: surface.id });
  };
  const back = moved && { x: -moved.x, y: -moved.y };
  core.act(label, bytes, () => turn(next, old, moved), () => turn(old, next, back));
}

/** Put another picture in; sketch, mask and pasted layers stay, scaled where sizes differ. */
export function replacePicture(core: Core, picture: Picture, name: string): void {
  const old = core.artwork;
  if (!old) return;
  core.settle();
  const surface = surfaceOf(picture, "picture", name);
  const size = { width: surface.canvas.width, height: surface.canvas.height };
  const others = old.surfaces.slice(1);
  const kept = sameSize(size, old.size) ? others : others.map((other) => scaled(other, old.size, size));
  // The new picture is what was opened now; the step back brings the old one with its own baseline.
  exchangeArtwork(core, "canvas.step.replace", new Artwork(size, surface, kept), null);
}

function scaled(surface: Surface, from: Size, to: Size): Surface {
  const across = to.width / from.width;
  const down = to.height / from.height;
  const { placement } = surface;
  const copy = new Surface(surface.kind, surface.name, copyOf(surface.canvas, placement ? surface.canvas : to));
  copy.visible = surface.visible;
  copy.opacity = surface.opacity;
  if (placement) {
    const { x, y, scaleX, scaleY, angle } = placement;
    copy.placement = { x: x * across, y: y * down, scaleX: scaleX * across, scaleY: scaleY * down, angle };
  }
  return copy;
}

/** Add a pasted layer and select it; returns its id, or an empty text where there is no document. */
export function paste(core: Core, picture: Picture, name: string, at?: Placement): string {
  const { artwork } = core;
  if (!artwork) return "";
  core.settle();
  const surface = surfaceOf(picture, "pasted", name);
  surface.placement = at ? { ...at } : fitted(surface.canvas, artwork.size);
  addLayer(core, artwork, "canvas.step.paste", surface);
  core.select(surface.id);
  return surface.id;
}

/** Add a layer as one step. */
export function addLayer(core: Core, artwork: Artwork, label: string, surface: Surface): void {
  const change = (work: () => void) => (): void => {
    work();
    core.documentChanged();
  };
  core.act(label, bytesOfSurface(surface), change(() => artwork.add(surface)), change(() => artwork.remove(surface)));
}

/** Take a layer out as one step; the picture stays. */
export function removeLayer(core: Core, id: string): void {
  const { artwork } = core;
  const surface = artwork?.find(id);
  if (!artwork || !surface || surface.kind === "picture") return;
  core.settle();
  let at = -1;
  const remove = (): void => {
    at = artwork.remove(surface);
    core.documentChanged();
    core.events.emit("pixels", { layer: surface.id });
  };
  const back = (): void => {
    artwork.add(surface, at);
    core.documentChanged();
    core.events.emit("pixels", { layer: surface.id });
  };
  core.act("canvas.step.remove", bytesOfSurface(surface), remove, back);
}

/** Move a pasted layer to another place in the list of layers; it stays above the picture and below the sketch. */
export function moveLayer(core: Core, id: string, to: number): void {
  const { artwork } = core;
  const surface = artwork?.find(id);
  if (!artwork || surface?.kind !== "pasted") return;
  const from = artwork.surfaces.indexOf(surface);
  const target = Math.min(artwork.pasted.length, Math.max(1, Math.round(to)));
  if (target === from) return;
  core.settle();
  const put = (place: number) => (): void => {
    artwork.remove(surface);
    artwork.add(surface, place);
    core.documentChanged();
  };
  core.act("canvas.step.order", 0, put(target), put(from));
}

/** Draw a pasted layer into the picture, as it is seen. */
export function mergeDown(core: Core, id: string): void {
  const { artwork } = core;
  const surface = artwork?.find(id);
  if (!artwork || surface?.kind !== "pasted" || !surface.placement) return;
  core.settle();
  const { placement } = surface;
  core.history.group("canvas.step.merge", () => {
    const edit = core.begin("canvas.step.merge", artwork.picture);
    if (surface.visible) {
      edit.touch(boxOf(surface, placement));
      drawSurface(edit.context, surface);
    }
    edit.commit();
    removeLayer(core, id);
  });
}

let lastChange: { entry: Entry; surface: Surface; keys: string; time: number; after: Change } | null = null;

/** Change how a layer is shown. What a dragged slider does in a row is one step. */
export function setLayer(core: Core, id: string, change: Change): void {
  const surface = core.artwork?.find(id);
  if (!surface) return;
  const after: Change = { ...change };
  if (after.opacity !== undefined) after.opacity = Math.min(1, Math.max(0, after.opacity));
  if (surface.kind !== "pasted") delete after.placement;
  const keys = Object.keys(after).sort().join();
  const before: Change = {};
  for (const key of Object.keys(after) as (keyof Change)[]) Object.assign(before, { [key]: surface[key] });
  if (keys === "" || Object.entries(after).every(([key, value]) => before[key as keyof Change] === value)) return;
  const apply = (values: Change) => (): void => {
    Object.assign(surface, values);
    core.documentChanged();
  };
  const now = performance.now();
  const last = lastChange;
  if (last && last.entry === core.history.newest && last.surface === surface && last.keys === keys && now - last.time < TOGETHER) {
    Object.assign(last.after, after);
    last.time = now;
    apply(after)();
    return;
  }
  core.settle();
  core.act("canvas.step.layer", 0, () => apply(after)(), () => apply(before)());
  if (core.history.newest) lastChange = { entry: core.history.newest, surface, keys, time: now, after };
}

/** Lay a pasted layer elsewhere as one step that began at `from`. */
export function placed(core: Core, surface: Surface, from: Placement, to: Placement): void {
  core.act("canvas.step.move", 0, () => core.lay(surface, to), () => core.lay(surface, from));
}

/** Take everything off the sketch or the mask. */
export function clearLayer(core: Core, target: "mask" | "sketch"): void {
  const surface = core.artwork?.of(target);
  const bounds = surface && core.boundsOf(target);
  if (!surface || !bounds) return;
  core.settle();
  const edit = core.begin(`canvas.step.clear`, surface);
  edit.touch(bounds);
  const { width, height } = wholeOf(surface.canvas);
  edit.context.clearRect(0, 0, width, height);
  edit.commit();
}
