import { reactive, watch } from "vue";
import type { Field, Kind } from "@/api/types";
import { arranged, isEditModel, isForMode, SEED_EXTRA, SIZES } from "./form-groups";
import { isRecord, keep, readKept } from "./kept";
import { applyStyles, fieldOf, library } from "./library";
import { fieldErrors } from "./notices";
import { preferences } from "./preferences";
import { startPresets } from "./presets";

export { applyPreset, exportState, importState, presets, removePreset, savePreset, type Preset } from "./presets";
export { applyReadback } from "./readback";

/** What the page is used for: a tab of its own each. */
export type Mode = "img2img" | "sketch" | "inpaint" | "inpaint-sketch" | "inpaint-upload" | "batch" | "txt2img";

/** All modes, in the order of the tabs. */
export const MODES: readonly Mode[] = ["img2img", "sketch", "inpaint", "inpaint-sketch", "inpaint-upload", "batch", "txt2img"];

/** The form. `values` holds what differs from the default, by field name, shared by all modes. Kept in localStorage. */
export interface Form {
  mode: Mode;
  values: Record<string, unknown>;
  /** Names of styles that are applied when a job is made. */
  styles: string[];
  /** Resize to a size, by a factor, or leave the choice to the server. */
  sizing: "auto" | "to" | "by";
  aspectLocked: boolean;
  /** Extra seed fields are sent. */
  seedExtra: boolean;
  /** Fields from a picture's parameters that the form does not show; sent with the job, removable one by one. */
  overrides: Record<string, unknown>;
  /** File format and what is kept beside results. */
  options: { format: "png" | "jpg" | "webp" | "avif" | "tiff"; quality: number; lossless: boolean; outputs: ("mask" | "cutout")[] };
}

/** The form as it is now. */
export const form: Form = reactive({
  mode: "img2img",
  values: {},
  styles: [],
  sizing: "auto",
  aspectLocked: false,
  seedExtra: false,
  overrides: {},
  options: { format: "png", quality: 80, lossless: false, outputs: [] },
});

/** Return which kind of request a mode makes. */
export function kindOf(mode: Mode): Kind {
  return mode === "txt2img" ? "txt2img" : "img2img";
}

/** Return a field's value where nothing is set: the server's default, else the model's own, else the field's; undefined before
 * the schema is here. */
export function defaultOf(name: string): unknown {
  const kind = kindOf(form.mode);
  const told = library.defaults[kind];
  if (name in told) return told[name];
  const own = name === "model" ? {} : defaultsOfModel();
  return name in own ? own[name] : fieldOf(kind, name)?.default;
}

function defaultsOfModel(): Record<string, unknown> {
  const named = value("model");
  return library.models.find((model) => (typeof named === "string" ? model.name === named : model.default))?.defaults ?? {};
}

/** Return a field's value: what was set, else the server's default, else the field's. */
export function value(name: string): unknown {
  return name in form.values ? form.values[name] : defaultOf(name);
}

/** Set a field; undefined, or the default itself, takes it back to the default. Clears the field's error. */
export function setValue(name: string, given: unknown): void {
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a reactive record, keys are field names
  delete fieldErrors[name];
  if (given === undefined || isSame(given, defaultOf(name))) form.values = without(form.values, name);
  else form.values[name] = given;
}

function without(values: Record<string, unknown>, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => key !== name));
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Whether a field differs from its default. */
export function isSet(name: string): boolean {
  return name in form.values;
}

/** A titled part of the form with the fields that a mode shows, advanced ones only if chosen. The name is the server's English word
 * for the group. "Size" and "Seed" have fields with controls of their own (width, height, scale; seed and variation) beside these. */
export interface Group {
  name: string;
  fields: Field[];
}

/** Whether a field has its place on the form: advanced ones if they were chosen or set. */
export function isShown(field: Field): boolean {
  if (preferences.shown.includes(field.name)) return true;
  if (field.name === "image_cfg_scale") return isSet(field.name) || isEditModel(chosenModel());
  return !field.advanced || isSet(field.name);
}

function chosenModel(): (typeof library.models)[number] | undefined {
  const name = value("model");
  return library.models.find((model) => (typeof name === "string" ? model.name === name : model.default));
}

/** Return the groups of the current mode in the order of A1111's form; `all` takes advanced fields in too. */
export function groups(all = false): Group[] {
  const kind = kindOf(form.mode);
  return arranged(library.fields[kind], form.mode, kind, (field) => all || isShown(field));
}

/** Return the request's fields without its pictures, as they are sent: set values, styles applied, size as chosen, overrides.
 * Throws `ApiError` where the server cannot apply the styles. */
export async function requestFields(): Promise<Record<string, unknown>> {
  const { mode } = form;
  const kind = kindOf(mode);
  const fields: Record<string, unknown> = {};
  for (const [name, set] of Object.entries({ ...form.values, ...form.overrides })) {
    const field = fieldOf(kind, name);
    if (!field || field.kind === "picture" || !isForMode(field, mode) || !isChosen(name)) continue;
    fields[name] = plain(set);
  }
  if (form.styles.length > 0) {
    Object.assign(fields, await applyStyles([...form.styles], words("prompt"), words("negative_prompt")));
  }
  return fields;
}

/** Whether sizing and the extra seed box let a field be sent; an override always is. */
function isChosen(name: string): boolean {
  if (name in form.overrides) return true;
  if (SEED_EXTRA.has(name)) return form.seedExtra;
  if (SIZES.has(name) && kindOf(form.mode) === "txt2img") return true;
  if (SIZES.has(name)) return form.sizing === (name === "scale" ? "by" : "to");
  return true;
}

function words(name: string): string {
  const found = value(name);
  return typeof found === "string" ? found : "";
}

/** A copy without Vue's proxies, fit to be sent or stored. */
function plain(given: unknown): unknown {
  return typeof given === "object" && given !== null ? JSON.parse(JSON.stringify(given)) : given;
}

/** Take every field back to its default. */
export function resetForm(): void {
  Object.assign(form, { values: {}, styles: [], sizing: "auto", aspectLocked: false, seedExtra: false, overrides: {} });
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a reactive record, keys are field names
  for (const name of Object.keys(fieldErrors)) delete fieldErrors[name];
}

const FORMATS: readonly string[] = ["png", "jpg", "webp", "avif", "tiff"];

/** Take over what is right of a kept or imported form; the rest stays as it is. */
export function takeForm(found: unknown): void {
  if (!isRecord(found)) return;
  const { mode, values, styles, sizing, overrides, options } = found;
  if (MODES.includes(mode as Mode)) form.mode = mode as Mode;
  if (isRecord(values)) form.values = { ...values };
  if (isRecord(overrides)) form.overrides = { ...overrides };
  if (isWords(styles)) form.styles = [...styles];
  if (sizing === "auto" || sizing === "to" || sizing === "by") form.sizing = sizing;
  if (typeof found.aspectLocked === "boolean") form.aspectLocked = found.aspectLocked;
  if (typeof found.seedExtra === "boolean") form.seedExtra = found.seedExtra;
  if (isRecord(options)) takeOptions(options);
  checkNames();
}

function takeOptions({ format, quality, lossless, outputs }: Record<string, unknown>): void {
  const into = form.options;
  if (typeof format === "string" && FORMATS.includes(format)) into.format = format as typeof into.format;
  if (typeof quality === "number" && quality >= 1 && quality <= 100) into.quality = Math.round(quality);
  if (typeof lossless === "boolean") into.lossless = lossless;
  if (isWords(outputs)) into.outputs = outputs.filter((one) => one === "mask" || one === "cutout");
}

function isWords(found: unknown): found is string[] {
  return Array.isArray(found) && found.every((one) => typeof one === "string");
}

/** Drop fields nobody knows any more, values of the wrong kind, and styles that are gone; only once the schema is here. */
function checkNames(): void {
  if (!library.loaded) return;
  const right = (values: Record<string, unknown>): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(values).filter(([name, set]) => {
        const field = fieldOf("img2img", name) ?? fieldOf("txt2img", name);
        return field !== undefined && isOfKind(field, set);
      }),
    );
  form.values = right(form.values);
  form.overrides = right(form.overrides);
  form.styles = form.styles.filter((name) => library.styles.some((style) => style.name === name));
}

function isOfKind(field: Field, set: unknown): boolean {
  if (set === null) return field.optional;
  if (field.kind === "picture") return false;
  if (field.kind === "bool") return typeof set === "boolean";
  if (field.kind === "int" && typeof set === "string") return /^-?\d{1,20}$/.test(set); // a seed of 64 bits
  if (field.kind === "int" || field.kind === "float") return typeof set === "number" && Number.isFinite(set);
  if (field.kind === "size") return Array.isArray(set) && set.length === 2;
  if (typeof set !== "string") return false;
  return field.choices.length === 0 || field.choices.includes(set);
}

/** Keep the form in localStorage from now on, after reading what is there. */
export function startForm(): void {
  takeForm(readKept("form"));
  watch(() => library.loaded, checkNames, { flush: "sync" });
  keep("form", () => form);
  startPresets();
}
