import type { Field } from "@/api/types";
import type { Group } from "@/state/form";
import { preferences } from "@/state/preferences";

/** A part of the form: a title, and fields in order. `main` has no title, it is always seen. */
export interface Section {
  name: string;
  fields: Field[];
}

/** Fields that stand at the top, and groups that share a part on this page. */
const MAIN = ["vae", "strength"];
const SHARED: Record<string, string> = { Guidance: "Sampling", Picture: "Sampling", Prompt: "Sampling", Paint: "Inpaint" };
const ORDER = ["main", "Inpaint", "Soft inpainting", "Size", "Sampling", "Batch", "Seed"];
/** Parts that are open until somebody closes them. */
const OPEN = new Set(["Inpaint", "Size", "Sampling", "Seed"]);

/** Return the form's parts in the order of this page from the state's groups. */
export function sectionsOf(groups: readonly Group[]): Section[] {
  const found = new Map<string, Field[]>([["main", []]]);
  for (const group of groups) {
    const home = SHARED[group.name] ?? group.name;
    const list = found.get(home) ?? [];
    found.set(home, list);
    for (const field of group.fields) (MAIN.includes(field.name) ? found.get("main") : list)?.push(field);
  }
  const rank = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return [...found].map(([name, fields]) => ({ name, fields })).sort((a, b) => rank(a.name) - rank(b.name));
}

/** Return the part that a field stands in. */
export function homeOf(name: string, sections: readonly Section[]): string {
  if (["width", "height", "scale"].includes(name)) return "Size";
  if (["seed", "variation_seed", "variation_strength", "seed_resize_from"].includes(name)) return "Seed";
  return sections.find((section) => section.fields.some((field) => field.name === name))?.name ?? "main";
}

/** Whether a part is open. What was opened or closed by hand is kept as `name` or `!name`. */
export function isOpen(name: string): boolean {
  if (preferences.open.includes(name)) return true;
  return OPEN.has(name) && !preferences.open.includes(`!${name}`);
}

/** Open or close a part. */
export function setOpen(name: string, open: boolean): void {
  const others = preferences.open.filter((one) => one !== name && one !== `!${name}`);
  preferences.open = [...others, open ? name : `!${name}`];
}
