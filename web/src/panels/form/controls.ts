import type { Field } from "@/api/types";
import { choiceTitle, translate } from "@/i18n";
import { library } from "@/state/library";

/** How a field is shown. `whole` is a number of up to 64 bits. */
export type Control = "switch" | "choice" | "select" | "number" | "whole" | "color" | "text" | "none";

/** One entry of a choice; values are as they are sent, booleans as words. */
export interface Option {
  value: string;
  label: string;
}

const LISTS = ["sampler", "scheduler", "vae", "upscaler", "refiner"] as const;
const MOST_RADIOS = 4;

/** Return how a field is shown; `none` for pictures and what has a place of its own. */
export function controlOf(field: Field): Control {
  if (field.kind === "picture" || field.kind === "size" || field.many) return "none";
  if (field.kind === "bool") return field.labels.length === 2 ? "choice" : "switch";
  if ((LISTS as readonly string[]).includes(field.name)) return "select";
  if (field.choices.length > 0) return field.choices.length <= MOST_RADIOS ? "choice" : "select";
  if (field.kind === "int") return (field.maximum ?? 0) > Number.MAX_SAFE_INTEGER ? "whole" : "number";
  if (field.kind === "float") return "number";
  return /^#[0-9a-f]{6}$/i.test(String(field.default)) ? "color" : "text";
}

/** Return what a field may be. The library's lists give samplers and the like; `""` is "not said". */
export function optionsOf(field: Field): Option[] {
  if (field.kind === "bool") return [false, true].map((on) => ({ value: on ? "on" : "off", label: choiceTitle(field, on) }));
  const shelves: Record<string, { name: string; label: string }[]> = {
    sampler: library.samplers,
    scheduler: library.schedulers,
    vae: library.vaes,
    upscaler: library.upscalers,
    refiner: refiners(),
  };
  const shelf = shelves[field.name];
  const found = shelf
    ? shelf.map((one) => ({ value: one.label, label: one.label }))
    : field.choices.map((word) => ({ value: word, label: choiceTitle(field, word) }));
  return field.optional ? [{ value: "", label: translate(field.name === "refiner" ? "form.none" : "form.automatic") }, ...found] : found;
}

/** Every checkpoint can take over; those made for it come first. */
function refiners(): { name: string; label: string }[] {
  const names = library.models.map(({ name, family }) => ({ name, label: name, rank: /refiner/i.test(family) ? 0 : 1 }));
  return names.sort((a, b) => a.rank - b.rank);
}

/** Return the option that a value means, by any of its spellings; a value that is unknown here stands for itself. */
export function optionFor(field: Field, value: unknown): string {
  if (field.kind === "bool") return value === true ? "on" : "off";
  if (value === null || value === undefined) return "";
  const word = typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
  const shelf = { sampler: library.samplers, scheduler: library.schedulers, vae: library.vaes, upscaler: library.upscalers }[field.name];
  const same = shelf?.find((one) => [one.label, one.name, ...one.aliases].some((name) => name.toLowerCase() === word.toLowerCase()));
  return same?.label ?? word;
}

/** Return what an option is as the field's value; undefined takes it back to the default. */
export function valueOf(field: Field, option: string): unknown {
  if (field.kind === "bool") return option === "on";
  return option === "" && field.optional ? undefined : option;
}
