import { reactive } from "vue";
import type { Field, Kind, Readback } from "@/api/types";

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
export function kindOf(_mode: Mode): Kind {
  throw new Error("being written");
}

/** Return a field's value: what was set, else the server's default, else the field's. */
export function value(_name: string): unknown {
  throw new Error("being written");
}

/** Set a field; undefined, or the default itself, takes it back to the default. Clears the field's error. */
export function setValue(_name: string, _value: unknown): void {
  throw new Error("being written");
}

/** Whether a field differs from its default. */
export function isSet(_name: string): boolean {
  throw new Error("being written");
}

/** A titled part of the form with the fields that a mode shows, advanced ones only if chosen. */
export interface Group {
  name: string;
  fields: Field[];
}

/** Return the groups of the current mode in the order of A1111's form; `all` takes advanced fields in too. */
export function groups(_all?: boolean): Group[] {
  throw new Error("being written");
}

/** Return the request's fields without its pictures, as they are sent: set values, styles applied, size as chosen, overrides. */
export async function requestFields(): Promise<Record<string, unknown>> {
  throw new Error("being written");
}

/** Fill the form from a picture's parameters; fields that are not shown become overrides. Returns the names it set. */
export function applyReadback(_readback: Readback): string[] {
  throw new Error("being written");
}

/** Take every field back to its default. */
export function resetForm(): void {
  throw new Error("being written");
}

/** Return form, preferences and presets as JSON, or take such a text over; throws `ApiError` on a text that is none. */
export function exportState(): string {
  throw new Error("being written");
}
export function importState(_text: string): void {
  throw new Error("being written");
}

/** A named set of form values. */
export interface Preset {
  name: string;
  values: Record<string, unknown>;
  styles: string[];
}

/** Presets by name, kept in localStorage. */
export const presets: Preset[] = reactive([]);
export function savePreset(_name: string): void {
  throw new Error("being written");
}
export function applyPreset(_name: string): void {
  throw new Error("being written");
}
export function removePreset(_name: string): void {
  throw new Error("being written");
}

/** Keep the form in localStorage from now on, after reading what is there. */
export function startForm(): void {
  throw new Error("being written");
}
