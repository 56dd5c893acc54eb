import type { Field, Kind, Model } from "@/api/types";
import type { Group, Mode } from "./form";

/** Fields that only programs write: a prompt's tags, the API and the command line say the same. */
export const UNSHOWN: ReadonlySet<string> = new Set(["sdxl_crop", "networks", "region_masks"]);

/** Fields that the form shows in its own way, or that are no setting of a person: never in a group. */
const SPECIAL = new Set([
  ...["prompt", "negative_prompt", "model", "width", "height", "scale", "images", "mask", "paint", "paint_is_mask"],
  ...["seed", "variation_seed", "variation_strength", "seed_resize_from", "infotext_without", "device", ...UNSHOWN],
]);

/** Extra seed fields: sent only if the person asked for them. */
export const SEED_EXTRA: ReadonlySet<string> = new Set(["variation_seed", "variation_strength", "seed_resize_from"]);

/** Sizes of the result: which of them are sent is the choice of `sizing`. */
export const SIZES: ReadonlySet<string> = new Set(["width", "height", "scale"]);

/** Pictures of a request; the canvas knows them, the form does not. */
export const PICTURES: ReadonlySet<string> = new Set(["images", "mask", "paint", "paint_is_mask"]);

const INPAINT_FIRST = ["mask_blur", "mask_transparency", "invert_mask", "masked_content", "only_masked", "padding"];

/** The form in A1111's order: titles are the server's words for its groups where it has one. */
const ORDER: readonly { name: string; fields: readonly string[] }[] = [
  { name: "Size", fields: ["resize_mode"] },
  { name: "Inpaint", fields: INPAINT_FIRST },
  { name: "Sampling", fields: ["sampler", "scheduler", "steps"] },
  { name: "Batch", fields: ["batch_count", "batch_size"] },
  { name: "Guidance", fields: ["cfg_scale", "image_cfg_scale", "strength"] },
  { name: "Seed", fields: [] },
  { name: "Soft inpainting", fields: [] },
];

const MASK_GROUPS = new Set(["Inpaint", "Soft inpainting", "Paint"]);
const MASK_MODES: ReadonlySet<Mode> = new Set<Mode>(["inpaint", "inpaint-sketch", "inpaint-upload", "batch"]);

/** Whether a field means anything in a mode: mask settings need a mask, mask transparency a painted one. */
export function isForMode(field: Field, mode: Mode): boolean {
  if (field.name === "mask_transparency") return mode === "inpaint-sketch";
  if (field.name === "mask_rules" || MASK_GROUPS.has(field.group)) return MASK_MODES.has(mode);
  return true;
}

/** Whether a checkpoint is one that follows instructions (InstructPix2Pix). */
export function isEditModel(model: Model | undefined): boolean {
  return model !== undefined && /edit|pix2pix|ip2p/i.test(model.family);
}

/** Return the groups of a mode. `shows` says of an advanced field whether it is shown. Groups that would be empty are left out,
 * but for Size and Seed, which have controls of their own beside their fields. */
export function arranged(fields: readonly Field[], mode: Mode, kind: Kind, shows: (field: Field) => boolean): Group[] {
  const found = new Map<string, Field[]>(ORDER.map(({ name }) => [name, []]));
  const place = new Map(ORDER.flatMap(({ name, fields: names }) => names.map((field) => [field, name] as const)));
  const rank = new Map(ORDER.flatMap(({ fields: names }) => names.map((field, at) => [field, at] as const)));
  for (const field of fields) {
    if (SPECIAL.has(field.name) || field.kind === "picture" || !isForMode(field, mode) || !shows(field)) continue;
    const name = place.get(field.name) ?? field.group;
    const group = found.get(name);
    if (group) group.push(field);
    else found.set(name, [field]);
  }
  const own = new Set(["Size", "Seed"]);
  return [...found]
    .filter(([name, list]) => list.length > 0 || own.has(name))
    .map(([name, list]) => ({ name, fields: sorted(list, rank) }))
    .filter(({ name }) => kind === "img2img" || name !== "Inpaint");
}

function sorted(list: Field[], rank: Map<string, number>): Field[] {
  const at = (field: Field): number => rank.get(field.name) ?? 1000;
  return [...list].sort((a, b) => at(a) - at(b));
}
