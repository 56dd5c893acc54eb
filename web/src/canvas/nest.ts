import { Artwork, PICTURE, drawSurface, isSeen, reaches } from "./artwork";
import type { Core } from "./core";
import { isEmpty, wholeOf, wholePixels } from "./geometry";
import { addLayer, exchangeArtwork } from "./layers";
import { Surface, makeCanvas, pixelsOf } from "./surface";
import type { Rect, Size } from "./types";

/** A new layer with a part of another one's pixels, or of where a pasted one lies. */
function cut(surface: Surface, part: Rect): Surface {
  const canvas = surface.placement ? surface.canvas : makeCanvas(part);
  if (!surface.placement) pixelsOf(canvas).drawImage(surface.canvas, -part.x, -part.y);
  const piece = new Surface(surface.kind, surface.name, canvas);
  piece.visible = surface.visible;
  piece.opacity = surface.opacity;
  if (surface.placement) piece.placement = { ...surface.placement, x: surface.placement.x - part.x, y: surface.placement.y - part.y };
  return piece;
}

/** Cut the document to a region for good, as one step. */
export function crop(core: Core, region: Rect): void {
  const { artwork } = core;
  const part = artwork && wholePixels(region, artwork.size);
  if (!part || isEmpty(part) || (part.width === artwork.size.width && part.height === artwork.size.height)) return;
  core.settle();
  const pieces = artwork.surfaces.map((surface) => cut(surface, part));
  const [picture, ...others] = pieces;
  if (picture) exchangeArtwork(core, "canvas.step.crop", new Artwork(sizeOf(part), picture, others, artwork.opened), part);
}

/** Go on with a part alone: its picture is what is seen there, with its piece of sketch and mask. The whole waits. */
export function cropOut(core: Core, region: Rect): void {
  const { artwork } = core;
  const part = artwork && wholePixels(region, artwork.size);
  if (!part || isEmpty(part)) return;
  core.settle();
  const picture = new Surface("picture", artwork.picture.name, artwork.flat(part, PICTURE));
  const others = artwork.surfaces.filter(({ kind }) => kind === "sketch" || kind === "mask").map((surface) => cut(surface, part));
  const began = { sketch: 0, mask: 0 };
  for (const { kind, version } of others) if (kind === "sketch" || kind === "mask") began[kind] = version;
  core.waiting.push({ artwork, history: core.history, selected: core.selected, part, began });
  // The server has no file of the part: it is sent from here.
  core.show(new Artwork(sizeOf(part), picture, others, 0), core.newHistory());
}

/** Put the part back as one step: picture, sketch and mask of the whole get its pixels. */
export function putBack(core: Core): void {
  const inner = core.artwork;
  const outer = core.waiting.at(-1);
  if (!inner || !outer) return;
  core.settle();
  core.waiting.pop();
  const { artwork, part, began } = outer;
  core.show(artwork, outer.history);
  core.history.group("canvas.step.putBack", () => {
    putPicture(core, artwork, inner, part);
    for (const kind of ["sketch", "mask"] as const) {
      const piece = inner.of(kind);
      if (piece && piece.version !== began[kind]) put(core, artwork.made(kind), piece.canvas, part);
    }
  });
  core.select(outer.selected);
  core.documentChanged();
}

function putPicture(core: Core, artwork: Artwork, inner: Artwork, part: Rect): void {
  const flat = inner.flat(wholeOf(inner.size), PICTURE);
  if (!artwork.pasted.some((surface) => reaches(surface, part)) && isSeen(artwork.picture) && artwork.picture.opacity === 1) {
    put(core, artwork.picture, flat, part);
    return;
  }
  // Pasted layers lie over this place: the part goes above them, or it would not be seen.
  const surface = new Surface("pasted", inner.picture.name, flat);
  surface.placement = { x: part.x + part.width / 2, y: part.y + part.height / 2, scaleX: part.width / flat.width, scaleY: part.height / flat.height, angle: 0 };
  addLayer(core, artwork, "canvas.step.putBack", surface);
}

function put(core: Core, surface: Surface, piece: OffscreenCanvas, part: Rect): void {
  const edit = core.begin("canvas.step.putBack", surface);
  edit.touch(part);
  paint(edit.context, piece, part);
  edit.commit();
}

/** Another size than was cut out (the part was redrawn larger) is scaled to its place. */
function paint(context: OffscreenCanvasRenderingContext2D, piece: OffscreenCanvas, { x, y, width, height }: Rect): void {
  context.save();
  context.clearRect(x, y, width, height);
  context.imageSmoothingEnabled = piece.width !== width || piece.height !== height;
  context.imageSmoothingQuality = "high";
  context.drawImage(piece, x, y, width, height);
  context.restore();
}

/** The outermost document as it would be with every part put back, made of copies; the document itself where nothing waits. */
export function composed(core: Core): Artwork | null {
  let inner = core.artwork;
  for (const { artwork, part } of [...core.waiting].reverse()) {
    if (!inner) return null;
    const whole: Artwork = copyOfArtwork(artwork);
    const picture = inner.flat(wholeOf(inner.size), PICTURE);
    if (whole.pasted.some((surface) => reaches(surface, part))) {
      const context = whole.picture.context;
      for (const surface of whole.pasted) if (isSeen(surface)) drawSurface(context, surface);
      for (const surface of whole.pasted) whole.remove(surface);
    }
    paint(whole.picture.context, picture, part);
    for (const kind of ["sketch", "mask"] as const) {
      const piece = inner.of(kind);
      if (piece) paint(whole.made(kind).context, piece.canvas, part);
    }
    inner = whole;
  }
  return inner;
}

function copyOfArtwork(artwork: Artwork): Artwork {
  const [picture, ...others] = artwork.surfaces.map((surface) => cut(surface, wholeOf(artwork.size)));
  return new Artwork({ ...artwork.size }, picture as Surface, others, 0);
}

function sizeOf({ width, height }: Rect): Size {
  return { width, height };
}
