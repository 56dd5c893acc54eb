import { TooltipProvider } from "reka-ui";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createApp, h, nextTick } from "vue";
import type { App, Component } from "vue";
import type { Field } from "@/api/types";
import { i18n } from "@/i18n";
import FieldRow from "@/panels/form/FieldRow.vue";
import { controlOf, optionFor, optionsOf, valueOf } from "@/panels/form/controls";
import PromptBox from "@/panels/form/PromptBox.vue";
import SeedRow from "@/panels/form/SeedRow.vue";
import SizeSides from "@/panels/form/SizeSides.vue";
import { isOpen, sectionsOf, setOpen } from "@/panels/form/sections";
import { atBorder } from "@/panels/form/tokens";
import { form, isSet, value } from "@/state/form";
import { library } from "@/state/library";
import { fieldErrors } from "@/state/notices";
import { preferences } from "@/state/preferences";
import { results } from "@/state/results";

function field(name: string, change: Partial<Field> = {}): Field {
  return {
    name, title: name.toUpperCase(), help: `What ${name} is.`, kind: "int", group: "Picture", choices: [], labels: [], default: 20, minimum: 1, maximum: 1000,
    slider: [1, 150, 1], optional: false, advanced: false, multiline: false, many: false, infotext: null, ...change,
  };
}

const STEPS = field("steps");
const MODE = field("invert_mask", { kind: "bool", default: false, slider: null, labels: ["Inpaint masked", "Inpaint not masked"] });
const SAMPLER = field("sampler", { kind: "str", default: "Euler", slider: null });
const SEED = field("seed", { default: -1, minimum: -1, maximum: 2 ** 64, slider: null });
const WIDTH = field("width", { default: null, optional: true, maximum: 16384, slider: [64, 2048, 8] });
const ETA = field("eta", { kind: "float", default: null, optional: true, minimum: 0, maximum: 1, slider: [0, 1, 0.01] });

let app: App | null = null;

async function show(component: Component, properties: Record<string, unknown> = {}): Promise<HTMLElement> {
  const place = document.createElement("div");
  document.body.append(place);
  app = createApp({ render: () => h(TooltipProvider, null, { default: () => h(component, properties) }) });
  app.use(i18n).mount(place);
  await nextTick();
  return place;
}

function box(place: HTMLElement, id: string): HTMLInputElement {
  const found = place.querySelector<HTMLInputElement>(`#${id}`);
  if (!found) throw new Error(`no ${id} in ${place.innerHTML}`);
  return found;
}

async function type(input: HTMLInputElement, text: string, leave = true): Promise<void> {
  input.value = text;
  input.dispatchEvent(new Event("input"));
  await nextTick();
  if (leave) input.dispatchEvent(new Event("change"));
  await nextTick();
}

beforeEach(() => {
  library.fields.img2img = [STEPS, MODE, SAMPLER, SEED, WIDTH, { ...WIDTH, name: "height" }, ETA];
  library.samplers = [{ name: "euler", label: "Euler", aliases: ["k_euler"] }, { name: "ddim", label: "DDIM", aliases: [] }];
  Object.assign(form, { values: {}, mode: "img2img", aspectLocked: false });
  preferences.open = [];
});

afterEach(() => {
  app?.unmount();
  document.body.replaceChildren();
  for (const name of Object.keys(fieldErrors)) Reflect.deleteProperty(fieldErrors, name);
  results.session = [];
});

describe("the control of a field", () => {
  test("that names a refiner lists the checkpoints, those made for it first", () => {
    const refiner = field("refiner", { kind: "str", default: null, optional: true, slider: null });
    const model = (name: string, family: string) => ({ name, family, file: `${name}.safetensors`, default: false, defaults: {} });
    library.models = [model("a", "Stable Diffusion XL"), model("r", "Stable Diffusion XL refiner")];
    expect(controlOf(refiner)).toBe("select");
    expect(optionsOf(refiner)).toEqual([{ value: "", label: "None" }, { value: "r", label: "r" }, { value: "a", label: "a" }]);
    expect([valueOf(refiner, "r"), valueOf(refiner, "")]).toEqual(["r", undefined]);
    library.models = [];
  });

  test("follows from its kind", () => {
    expect([STEPS, MODE, SAMPLER, SEED, ETA].map(controlOf)).toEqual(["number", "choice", "select", "whole", "number"]);
    expect(controlOf(field("tiling", { kind: "bool" }))).toBe("switch");
    expect(controlOf(field("mask", { kind: "picture" }))).toBe("none");
    expect(controlOf(field("background", { kind: "str", default: "#ffffff" }))).toBe("color");
    expect(controlOf(field("rng", { kind: "str", choices: ["a", "b", "c", "d", "e"] }))).toBe("select");
  });

  test("of two words turns them into off and on", () => {
    expect(optionsOf(MODE).map((one) => one.label)).toEqual(["Inpaint masked", "Inpaint not masked"]);
    expect(optionFor(MODE, true)).toBe("on");
    expect(valueOf(MODE, "off")).toBe(false);
  });

  test("finds a sampler by any of its spellings", () => {
    expect(optionFor(SAMPLER, "K_EULER")).toBe("Euler");
    expect(optionFor(SAMPLER, "gone")).toBe("gone");
  });
});

describe("a number field", () => {
  test("takes what is allowed beyond the slider and stops at what is not", async () => {
    const place = await show(FieldRow, { field: STEPS });
    await type(box(place, "field-steps"), "500");
    expect(value("steps")).toBe(500);
    await type(box(place, "field-steps"), "5000");
    expect(value("steps")).toBe(1000);
    expect(box(place, "field-steps").value).toBe("1000");
  });

  test("keeps its value where the text is no number", async () => {
    const place = await show(FieldRow, { field: STEPS });
    await type(box(place, "field-steps"), "many");
    expect(value("steps")).toBe(20);
    expect(box(place, "field-steps").value).toBe("20");
  });

  test("steps by arrow keys, ten times as far with Shift", async () => {
    const place = await show(FieldRow, { field: STEPS });
    const input = box(place, "field-steps");
    input.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp" }));
    await nextTick();
    input.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", shiftKey: true }));
    expect(value("steps")).toBe(31);
  });

  test("goes back to its default by a double click on the label and by its button", async () => {
    const place = await show(FieldRow, { field: STEPS });
    await type(box(place, "field-steps"), "30");
    place.querySelector("label")?.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    await nextTick();
    expect(isSet("steps")).toBe(false);
    await type(box(place, "field-steps"), "40");
    place.querySelector<HTMLElement>(".reset")?.click();
    expect(isSet("steps")).toBe(false);
  });

  test("is empty where nothing is said, and can be emptied again", async () => {
    const place = await show(FieldRow, { field: ETA });
    expect(box(place, "field-eta").value).toBe("");
    await type(box(place, "field-eta"), "0,5");
    expect(value("eta")).toBe(0.5);
    await type(box(place, "field-eta"), "");
    expect(isSet("eta")).toBe(false);
  });

  test("shows its error where it is and says so to screen readers", async () => {
    fieldErrors.steps = "Between 1 and 1000.";
    const place = await show(FieldRow, { field: STEPS });
    const input = box(place, "field-steps");
    expect(input.getAttribute("aria-invalid")).toBe("true");
    expect(place.querySelector(`#${input.getAttribute("aria-describedby") ?? ""}`)?.textContent).toBe("Between 1 and 1000.");
  });
});

describe("a seed", () => {
  test("keeps all digits of 64 bits", async () => {
    const place = await show(SeedRow, { name: "seed", reuseLabel: "Reuse" });
    await type(box(place, "field-seed"), "18446744073709551615");
    expect(value("seed")).toBe("18446744073709551615");
    expect(box(place, "field-seed").value).toBe("18446744073709551615");
    await type(box(place, "field-seed"), "");
    expect(value("seed")).toBe(-1);
  });

  test("is taken from the newest result with all digits", async () => {
    results.session = [{ id: "r", seed: 2 ** 64, infotext: "fox\nSteps: 20, Seed: 18446744073709551613, Size: 8x8" } as (typeof results.session)[number]];
    const place = await show(SeedRow, { name: "seed", reuseLabel: "Reuse" });
    place.querySelector<HTMLElement>("button[aria-label='Reuse']")?.click();
    expect(value("seed")).toBe("18446744073709551613");
  });
});

describe("width and height", () => {
  test("are both set by typing 768x512 into one of them", async () => {
    const place = await show(SizeSides);
    await type(box(place, "field-height"), "768x512");
    expect([value("width"), value("height")]).toEqual([768, 512]);
  });

  test("keep their proportions while they are locked, and are swapped", async () => {
    form.values = { width: 768, height: 512 };
    const place = await show(SizeSides);
    form.aspectLocked = true;
    await nextTick();
    await type(box(place, "field-width"), "384");
    expect(value("height")).toBe(256);
    place.querySelector<HTMLElement>(`button[aria-label='${i18n.global.t("form.size.swap")}']`)?.click();
    expect([value("width"), value("height")]).toEqual([256, 384]);
  });
});

describe("a prompt", () => {
  test("weighs the word at the caret by Ctrl+Up", async () => {
    let text = "a red fox";
    const place = await show(PromptBox, {
      id: "field-prompt", title: "Prompt", modelValue: text, placeholder: "", rows: 3, "onUpdate:modelValue": (next: string) => (text = next),
    });
    const area = place.querySelector("textarea");
    area?.setSelectionRange(3, 3);
    area?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", ctrlKey: true }));
    expect(text).toBe("a (red:1.1) fox");
  });

  test("says which bracket has no partner", async () => {
    const place = await show(PromptBox, { id: "field-prompt", title: "Prompt", modelValue: "a (red fox", placeholder: "", rows: 3 });
    expect(place.querySelector(".lost")?.textContent).toContain("(");
  });

  test("is at the border of a chunk shortly before the next one begins", () => {
    expect(atBorder({ used: 71, limit: 75, chunks: 1 })).toBe(false);
    expect(atBorder({ used: 74, limit: 75, chunks: 1 })).toBe(true);
    expect(atBorder({ used: 80, limit: 150, chunks: 2 })).toBe(false);
  });
});

describe("parts of the form", () => {
  test("stand in the order of the page with strength at the top", () => {
    const strength = field("strength");
    const found = sectionsOf([
      { name: "Size", fields: [] },
      { name: "Sampling", fields: [SAMPLER] },
      { name: "Guidance", fields: [field("cfg_scale"), strength] },
      { name: "Inpaint", fields: [MODE] },
    ]);
    expect(found.map((one) => one.name)).toEqual(["main", "Inpaint", "Size", "Sampling"]);
    expect(found[0]?.fields).toEqual([strength]);
    expect(found[3]?.fields.map((one) => one.name)).toEqual(["sampler", "cfg_scale"]);
  });

  test("stay closed once they were closed, and open once they were opened", () => {
    expect([isOpen("Seed"), isOpen("Machine")]).toEqual([true, false]);
    setOpen("Seed", false);
    setOpen("Machine", true);
    expect([isOpen("Seed"), isOpen("Machine")]).toEqual([false, true]);
    setOpen("Seed", true);
    expect(isOpen("Seed")).toBe(true);
    expect(preferences.open).toEqual(["Machine", "Seed"]);
  });
});
