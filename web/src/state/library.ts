import { reactive } from "vue";
import { answer, api, pause } from "@/api/client";
import { ApiError } from "@/api/problem";
import type { Field, Kind, Model, Named, Style } from "@/api/types";
import { translate } from "@/i18n";
import { dismiss, notify, report } from "./notices";

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

/** What the server offers, as far as it has answered. */
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

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;

/** Ask for everything; tries again while the server is away. */
export async function loadLibrary(): Promise<void> {
  let told: number | null = null;
  for (let wait = FIRST_WAIT; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      await loadOnce();
      if (told !== null) dismiss(told);
      return;
    } catch (error) {
      if (!isAway(error)) {
        report(error);
        return;
      }
      if (wait > FIRST_WAIT) told ??= notify({ kind: "info", title: translate("notice.starting.title"), stays: true });
    }
    await pause(wait);
  }
}

function isAway(error: unknown): boolean {
  return error instanceof ApiError && (error.lost || error.problem.status >= 500);
}

async function loadOnce(): Promise<void> {
  const [models, vaes, samplers, schedulers, upscalers, kinds, settings, styles] = await Promise.all([
    answer(api.GET("/api/v1/models")),
    answer(api.GET("/api/v1/vaes")),
    answer(api.GET("/api/v1/samplers")),
    answer(api.GET("/api/v1/schedulers")),
    answer(api.GET("/api/v1/upscalers")),
    answer(api.GET("/api/v1/request-schema")),
    answer(api.GET("/api/v1/settings")),
    answer(api.GET("/api/v1/styles")),
  ]);
  const fields = { img2img: kinds.img2img?.fields ?? [], txt2img: kinds.txt2img?.fields ?? [] };
  const defaults = { img2img: settings.defaults.img2img ?? {}, txt2img: settings.defaults.txt2img ?? {} };
  const limits = { upload: limit(settings.fixed.max_upload), pixels: limit(settings.fixed.max_pixels) };
  Object.assign(library, { models, vaes, samplers, schedulers, upscalers, styles, fields, defaults, limits });
  library.loaded = true;
}

function limit(value: unknown): number {
  return typeof value === "number" ? value : Infinity;
}

/** Look into the models folders again. */
export async function refreshModels(): Promise<void> {
  library.models = await answer(api.POST("/api/v1/models/refresh"));
  library.vaes = await answer(api.GET("/api/v1/vaes"));
}

/** Return the description of a field, or undefined if this kind of request has none of that name. */
export function fieldOf(kind: Kind, name: string): Field | undefined {
  return library.fields[kind].find((field) => field.name === name);
}

/** Save a style under its name; one of that name is replaced. */
export async function saveStyle({ name, prompt, negative_prompt }: Style): Promise<void> {
  const params = { path: { name } };
  await changeStyles(() => answer(api.PUT("/api/v1/styles/{name}", { params, body: { prompt, negative_prompt } })));
}

/** Remove a style. */
export async function removeStyle(name: string): Promise<void> {
  await changeStyles(() => answer(api.DELETE("/api/v1/styles/{name}", { params: { path: { name } } })));
}

async function changeStyles(change: () => Promise<unknown>): Promise<void> {
  try {
    await change();
    library.styles = await answer(api.GET("/api/v1/styles"));
  } catch (error) {
    report(error);
  }
}

/** Return prompt and negative prompt with styles put in, as the server does it; throws `ApiError`. */
export async function applyStyles(
  names: string[],
  prompt: string,
  negativePrompt: string,
): Promise<{ prompt: string; negative_prompt: string }> {
  const body = { names, prompt, negative_prompt: negativePrompt };
  const styled = await answer(api.POST("/api/v1/styles/apply", { body }));
  return { prompt: styled.prompt, negative_prompt: styled.negative_prompt };
}
