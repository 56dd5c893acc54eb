/** A small schema, as the server would send it. */
import type { Field, Kind } from "@/api/types";
import { library } from "@/state/library";
import { HandmadeServer } from "./server";

function field(name: string, group: string, kind: string, fallback: unknown, more: Partial<Field> = {}): Field {
  return {
    name,
    group,
    kind,
    default: fallback,
    title: name,
    help: "",
    choices: [],
    labels: [],
    optional: fallback === null,
    minimum: null,
    maximum: null,
    infotext: null,
    slider: null,
    advanced: false,
    multiline: false,
    many: false,
    ...more,
  };
}

const shared = [
  field("sampler", "Picture", "str", "DPM++ 2M", { title: "Sampling method" }),
  field("scheduler", "Picture", "str", "Automatic"),
  field("eta", "Sampler", "float", null, { advanced: true }),
  field("seed", "Seed", "int", -1),
  field("variation_seed", "Seed", "int", -1),
  field("variation_strength", "Seed", "float", 0),
  field("seed_resize_from", "Seed", "size", null),
  field("rng", "Seed", "str", "nv", { advanced: true, choices: ["nv", "cpu", "gpu"] }),
  field("prompt", "Picture", "str", "", { multiline: true }),
  field("negative_prompt", "Picture", "str", "", { multiline: true }),
  field("model", "Picture", "str", null),
  field("steps", "Picture", "int", 20),
  field("cfg_scale", "Picture", "float", 7),
  field("width", "Picture", "int", null),
  field("height", "Picture", "int", null),
  field("batch_size", "Picture", "int", 1),
  field("batch_count", "Picture", "int", 1),
  field("clip_skip", "Picture", "int", 1, { advanced: true }),
];

const FIELDS: Record<Kind, Field[]> = {
  img2img: [
    field("soft", "Soft inpainting", "bool", false),
    field("paint", "Paint", "picture", null),
    field("paint_is_mask", "Paint", "bool", false),
    field("mask_transparency", "Paint", "float", 0),
    field("mask", "Inpaint", "picture", null),
    field("invert_mask", "Inpaint", "bool", false),
    field("mask_blur", "Inpaint", "int", 4),
    field("only_masked", "Inpaint", "bool", false),
    field("padding", "Inpaint", "int", 32),
    ...shared,
    field("strength", "Picture", "float", 0.75),
    field("scale", "Picture", "float", null),
    field("resize_mode", "Picture", "str", "just-resize", { choices: ["just-resize", "crop-and-resize"] }),
    field("image_cfg_scale", "Picture", "float", 1.5, { optional: true }),
  ],
  txt2img: shared,
};

const named = (label: string, ...aliases: string[]): { name: string; label: string; aliases: string[] } => ({
  name: label.toLowerCase(),
  label,
  aliases,
});

const SAMPLERS = [named("DPM++ 2M", "dpmpp_2m"), named("Euler a", "euler_ancestral")];
const SCHEDULERS = [named("Automatic"), named("Karras")];
const MODELS = [{ name: "starter", file: "starter.safetensors", family: "sd1", default: true, defaults: {} }];

/** A server that offers the library. */
export function libraryServer(): HandmadeServer {
  return new HandmadeServer()
    .on("GET /models", MODELS)
    .on("GET /vaes", [])
    .on("GET /samplers", SAMPLERS)
    .on("GET /schedulers", SCHEDULERS)
    .on("GET /upscalers", [])
    .on("GET /styles", [{ name: "ink", prompt: "{prompt}, ink", negative_prompt: "" }])
    .on("GET /request-schema", { img2img: { body: {}, fields: FIELDS.img2img }, txt2img: { body: {}, fields: FIELDS.txt2img } })
    .on("GET /settings", {
      defaults: { img2img: { steps: 12 }, txt2img: {} },
      fixed: { max_upload: 64 * 1024 * 1024, max_pixels: 64_000_000 },
    });
}

/** Fill the library without a server. */
export function fillLibrary(): void {
  Object.assign(library, {
    loaded: true,
    models: MODELS,
    samplers: SAMPLERS,
    schedulers: SCHEDULERS,
    styles: [{ name: "ink", prompt: "{prompt}, ink", negative_prompt: "" }],
    fields: FIELDS,
    defaults: { img2img: {}, txt2img: {} },
    limits: { upload: 64 * 1024 * 1024, pixels: 64_000_000 },
  });
}
