import type { Field, Readback } from "@/api/types";
import { translate } from "@/i18n";
import { fieldOf, library } from "./library";
import { notify } from "./notices";
import { PICTURES, SEED_EXTRA, SIZES } from "./form-groups";
import { defaultOf, form, isShown, kindOf, setValue, type Form } from "./form";

/** Fill the form from a picture's parameters; fields that are not shown become overrides. Returns the names it set. */
export function applyReadback(readback: Readback): string[] {
  const set: string[] = [];
  const unknown = Object.keys(readback.unknown);
  const kind = kindOf(form.mode);
  form.overrides = {};
  for (const [name, value] of Object.entries(readback.request)) {
    if (PICTURES.has(name) || value === undefined || value === null) continue;
    const field = fieldOf(kind, name);
    if (!field) {
      // A field of the other kind of request (strength in txt2img) is no mistake of the picture.
      if (!fieldOf(kind === "img2img" ? "txt2img" : "img2img", name)) unknown.push(name);
    } else if (!isKnownName(name, value)) {
      unknown.push(`${field.title} ${JSON.stringify(value)}`);
    } else if (take(field, value)) {
      set.push(name);
    }
  }
  switchSections(set);
  tell(unknown, readback.notes);
  return set;
}

/** Set a field where it is shown, else make it an override; false where it says nothing that is not so anyway. */
function take(field: Field, value: unknown): boolean {
  const { name } = field;
  if (isShown(field) || SIZES.has(name) || SEED_EXTRA.has(name)) {
    setValue(name, value);
    return true;
  }
  setValue(name, undefined);
  if (same(value, defaultOf(name))) return false;
  form.overrides[name] = value;
  return true;
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function switchSections(set: readonly string[]): void {
  const sizing: Form["sizing"] | null = set.includes("scale") ? "by" : set.includes("width") || set.includes("height") ? "to" : null;
  if (sizing !== null) form.sizing = sizing;
  form.seedExtra = [...SEED_EXTRA].some((name) => set.includes(name) && !same(form.values[name] ?? null, null));
  if (set.includes("prompt") || set.includes("negative_prompt")) form.styles = [];
}

/** Whether a sampler, scheduler, upscaler or model of that name is here; other fields have no list. */
function isKnownName(name: string, value: unknown): boolean {
  if (typeof value !== "string") return true;
  const wanted = value.toLowerCase();
  const lists = { sampler: library.samplers, scheduler: library.schedulers, upscaler: library.upscalers };
  if (name === "sampler" || name === "scheduler" || name === "upscaler") {
    return lists[name].some((one) => [one.name, one.label, ...one.aliases].some((word) => word.toLowerCase() === wanted));
  }
  if (name === "model") {
    const stem = wanted.replace(/\s*\[.*\]$/, "");
    return library.models.some((one) => [one.name, one.file, one.file.replace(/\.\w+$/, "")].some((word) => word.toLowerCase() === stem));
  }
  return true;
}

function tell(unknown: readonly string[], notes: readonly string[]): void {
  const names = unknown.length > 0 ? [translate("notice.readback.names", { names: unknown.join(", ") })] : [];
  if (names.length + notes.length === 0) return;
  notify({ kind: "warn", title: translate("notice.readback.unknown"), detail: [...names, ...notes].join(" ") });
}
