import { Artwork } from "./artwork";
import type { Core } from "./core";
import { recolor } from "./core";
import { pngOf } from "./export";
import { Surface, copyOf } from "./surface";
import type { StoredDocument } from "./types";

/** The document as it can be kept between visits; the picture's blob is null while it is what was opened. */
export async function store(artwork: Artwork | null): Promise<StoredDocument | null> {
  if (!artwork) return null;
  const layers = artwork.surfaces.map(async (surface) => ({
    kind: surface.kind,
    name: surface.name,
    visible: surface.visible,
    opacity: surface.opacity,
    placement: surface.placement && { ...surface.placement },
    blob: surface.kind === "picture" && surface.version === artwork.opened ? null : await pngOf(surface),
  }));
  return { size: { ...artwork.size }, layers: await Promise.all(layers) };
}

/** Bring a stored document back. `picture` stands in for a picture without a blob; without both it throws. */
export async function restore(core: Core, stored: StoredDocument, picture: ImageBitmap | null): Promise<void> {
  const surfaces = await Promise.all(
    stored.layers.map(async (layer) => {
      const source = layer.blob ? await createImageBitmap(layer.blob, { colorSpaceConversion: "none" }) : layer.kind === "picture" ? picture : null;
      if (!source) return null;
      const surface = new Surface(layer.kind, layer.name, copyOf(source, layer.placement ? source : stored.size));
      source.close();
      surface.visible = layer.visible;
      surface.opacity = layer.opacity;
      surface.placement = layer.placement && { ...layer.placement };
      if (layer.kind === "mask") recolor(surface, core.tint.color);
      return surface;
    }),
  );
  const [first, ...others] = surfaces;
  if (first?.kind !== "picture") throw new Error("the stored document has no picture");
  const whole = others.filter((surface) => surface !== null);
  const opened = stored.layers[0]?.blob ? 0 : first.version;
  core.waiting = [];
  core.show(new Artwork({ ...stored.size }, first, whole, opened), core.newHistory());
}
