import { reactive } from "vue";
import type { Field, Kind, Model, Named, Style } from "@/api/types";

/** What the server offers. Empty until `loadLibrary` has answered. */
export interface Library {
  loaded: boolean;
  models: Model[];
  vaes: Named[];
  samplers: Named[];
  schedulers: Named[];
  upscalers: Named[];
  styles: Style[];
  fields: Record<Kind, Field[]>;
  /** The server's own defaults, over those of the fields. */
  defaults: Record<Kind, Record<string, unknown>>;
  /** Bytes and pixels the server takes. */
  limits: { upload: number; pixels: number };
}

export const library: Library = reactive({
  loaded: false,
  models: [],
  vaes: [],
  samplers: [],
  schedulers: [],
  upscalers: [],
  styles: [],
  fields: { img2img: [], txt2img: [] },
  defaults: { img2img: {}, txt2img: {} },
  limits: { upload: Infinity, pixels: Infinity },
});

/** Ask for everything; tries again while the server is away. */
export async function loadLibrary(): Promise<void> {
  throw new Error("being written");
}

/** Look into the models folders again. */
export async function refreshModels(): Promise<void> {
  throw new Error("being written");
}

/** Return the description of a field, or undefined if this kind of request has none of that name. */
export function fieldOf(_kind: Kind, _name: string): Field | undefined {
  throw new Error("being written");
}

/** Save a style under its name, or remove it. */
export async function saveStyle(_style: Style): Promise<void> {
  throw new Error("being written");
}
export async function removeStyle(_name: string): Promise<void> {
  throw new Error("being written");
}
