import { beforeEach, describe, expect, it, vi } from "vitest";
import { applyPreset, applyReadback, exportState, form, groups, importState, isSet, presets } from "@/state/form";
import { removePreset, requestFields, resetForm, savePreset, setValue, startForm, value } from "@/state/form";
import { KEEP_AFTER, KEY } from "@/state/kept";
import { library } from "@/state/library";
import { ApiError, fieldErrors, notices } from "@/state/notices";
import { preferences } from "@/state/preferences";
import { fillLibrary } from "./schema";
import { HandmadeServer } from "./server";

const readback = (request: Record<string, unknown>, unknown: Record<string, unknown> = {}): Parameters<typeof applyReadback>[0] => ({
  kind: "img2img",
  request,
  unknown,
  notes: [],
});

beforeEach(() => {
  localStorage.clear();
  resetForm();
  form.mode = "img2img";
  preferences.shown = [];
  notices.splice(0);
  presets.splice(0);
  fillLibrary();
});

describe("values", () => {
  it("are the server's default, then the field's, until they are set", () => {
    expect(value("steps")).toBe(20);
    library.defaults.img2img = { steps: 12 };
    expect(value("steps")).toBe(12);
    setValue("steps", 30);
    expect([value("steps"), isSet("steps")]).toEqual([30, true]);
    setValue("steps", 12);
    expect(isSet("steps")).toBe(false);
  });

  it("take the error of their field away when they are set", () => {
    fieldErrors.steps = "too many";
    setValue("steps", 30);
    expect(fieldErrors).not.toHaveProperty("steps");
  });
});

describe("groups", () => {
  const names = (): string[] => groups().map((group) => group.name);
  const fieldNames = (): string[] => groups().flatMap((group) => group.fields.map((field) => field.name));

  it("come in the order of A1111's form", () => {
    form.mode = "inpaint";
    expect(names()).toEqual(["Size", "Inpaint", "Sampling", "Batch", "Guidance", "Seed", "Soft inpainting"]);
    expect(fieldNames().slice(0, 3)).toEqual(["resize_mode", "mask_blur", "invert_mask"]);
  });

  it("show mask settings only where there is a mask, and mask transparency only where paint is one", () => {
    expect(fieldNames()).not.toContain("mask_blur");
    form.mode = "inpaint";
    expect(fieldNames()).not.toContain("mask_transparency");
    form.mode = "inpaint-sketch";
    expect(fieldNames()).toContain("mask_transparency");
  });

  it("show an advanced field if it was chosen, and image CFG with an edit model", () => {
    expect(fieldNames()).not.toContain("clip_skip");
    preferences.shown = ["clip_skip"];
    expect(fieldNames()).toContain("clip_skip");
    expect(fieldNames()).not.toContain("image_cfg_scale");
    library.models = [{ name: "p2p", file: "p2p.safetensors", family: "sd1-edit", default: true, defaults: {} }];
    expect(fieldNames()).toContain("image_cfg_scale");
  });

  it("show a model's own default, which is not sent", async () => {
    library.models = [
      { name: "starter", file: "starter.safetensors", family: "sd1", default: true, defaults: { cfg_scale: 2 } },
      { name: "other", file: "other.safetensors", family: "sd1", default: false, defaults: {} },
    ];
    expect(value("cfg_scale")).toBe(2);
    setValue("cfg_scale", 2);
    expect(await requestFields()).not.toHaveProperty("cfg_scale");
    setValue("model", "other");
    expect(value("cfg_scale")).toBe(7);
  });

  it("never hold pictures, prompts or sizes", () => {
    const all = groups(true).flatMap((group) => group.fields.map((field) => field.name));
    for (const name of ["prompt", "mask", "paint", "width", "seed", "model"]) expect(all).not.toContain(name);
    expect(all).toContain("eta");
  });
});

describe("requestFields", () => {
  it("sends only what was set and belongs to the mode", async () => {
    setValue("prompt", "a fox");
    setValue("mask_blur", 9);
    setValue("only_masked", true);
    expect(await requestFields()).toEqual({ prompt: "a fox" });
    form.mode = "inpaint";
    expect(await requestFields()).toEqual({ prompt: "a fox", mask_blur: 9, only_masked: true });
    form.mode = "txt2img";
    expect(await requestFields()).toEqual({ prompt: "a fox" });
  });

  it("sends the size that sizing asks for", async () => {
    setValue("width", 640);
    setValue("height", 512);
    setValue("scale", 1.5);
    expect(await requestFields()).toEqual({});
    form.sizing = "to";
    expect(await requestFields()).toEqual({ width: 640, height: 512 });
    form.sizing = "by";
    expect(await requestFields()).toEqual({ scale: 1.5 });
  });

  it("sends extra seed fields only when the box is ticked, and overrides last", async () => {
    setValue("variation_strength", 0.3);
    setValue("steps", 30);
    form.overrides = { clip_skip: 2, steps: 8 };
    expect(await requestFields()).toEqual({ steps: 8, clip_skip: 2 });
    form.seedExtra = true;
    expect(await requestFields()).toHaveProperty("variation_strength", 0.3);
  });

  it("has the server put the styles in", async () => {
    const applied = { prompt: "a fox, ink", negative_prompt: "blur" };
    const server = new HandmadeServer().on("POST /styles/apply", { ...applied, missing: [] }).install();
    setValue("prompt", "a fox");
    form.styles = ["ink"];
    expect(await requestFields()).toEqual(applied);
    expect(server.sent[0]?.body).toEqual({ names: ["ink"], prompt: "a fox", negative_prompt: "" });
    expect(server.sent[0]?.headers.get("X-Redraw")).toBe("1");
  });
});

describe("parameters read back", () => {
  it("fill shown fields, switch sizing, and make overrides of the rest", () => {
    form.overrides = { eta: 1 };
    const set = applyReadback(
      readback({ prompt: "a cat", steps: 33, sampler: "Euler a", width: 640, height: 480, clip_skip: 2, variation_strength: 0.2 }),
    );
    expect(set).toEqual(["prompt", "steps", "sampler", "width", "height", "clip_skip", "variation_strength"]);
    expect([value("steps"), form.sizing, form.seedExtra]).toEqual([33, "to", true]);
    expect(form.overrides).toEqual({ clip_skip: 2 });
    expect(notices).toEqual([]);
  });

  it("leave out what is not known here and say so", () => {
    applyReadback(readback({ sampler: "Warp 9", scheduler: "karras" }, { "Hires upscale": "2" }));
    expect([isSet("sampler"), value("scheduler")]).toEqual([false, "karras"]);
    expect(notices[0]?.detail).toContain("Warp 9");
    expect(notices[0]?.detail).toContain("Hires upscale");
  });

  it("make no override of what is the default anyway", () => {
    applyReadback(readback({ clip_skip: 1 }));
    expect(form.overrides).toEqual({});
  });
});

describe("keeping", () => {
  it("survives broken JSON, unknown fields and values of a wrong kind", () => {
    localStorage.setItem(KEY, "{broken");
    expect(() => startForm()).not.toThrow();
    const values = { steps: 33, nonsense: 1, cfg_scale: "high", resize_mode: "melt", prompt: "kept" };
    const kept = { mode: "flying", values, sizing: "sideways", styles: ["ink", "gone"], options: { format: "exe", quality: 50 } };
    localStorage.setItem(KEY, JSON.stringify({ form: kept }));
    startForm();
    expect(form.values).toEqual({ steps: 33, prompt: "kept" });
    expect([form.mode, form.sizing, form.styles, form.options.format]).toEqual(["img2img", "auto", ["ink"], "png"]);
    expect(form.options.quality).toBe(50);
  });

  it("writes each change under one key, a moment later", () => {
    vi.useFakeTimers();
    startForm();
    setValue("prompt", "a fox");
    vi.advanceTimersByTime(KEEP_AFTER);
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "") as { form: { values: object } };
    expect(kept.form.values).toEqual({ prompt: "a fox" });
    vi.useRealTimers();
  });
});

describe("presets and export", () => {
  it("a preset brings its values back and keeps the prompt where it has none", () => {
    setValue("steps", 40);
    savePreset("slow");
    setValue("steps", 5);
    setValue("prompt", "mine");
    applyPreset("slow");
    expect(form.values).toEqual({ steps: 40, prompt: "mine" });
    removePreset("slow");
    expect(presets).toEqual([]);
  });

  it("an export comes back whole; a foreign text changes nothing", () => {
    setValue("steps", 40);
    savePreset("slow");
    preferences.tint = "#00ff00";
    const text = exportState();
    resetForm();
    presets.splice(0);
    preferences.tint = "#ff3d7f";
    for (const foreign of ["", "[]", "{}", '{"redraw": 99, "form": {}}']) {
      expect(() => importState(foreign)).toThrow(ApiError);
    }
    expect(form.values).toEqual({});
    importState(text);
    expect([form.values, presets.length, preferences.tint]).toEqual([{ steps: 40 }, 1, "#00ff00"]);
  });
});
