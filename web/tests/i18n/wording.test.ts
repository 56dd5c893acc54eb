import { afterEach, describe, expect, test } from "vitest";
import type { Field } from "@/api/types";
import { choiceTitle, fieldHelp, fieldTitle, groupTitle, i18n, setLocale, translate } from "@/i18n";
import { en } from "@/i18n/en";

function field(name: string, more: Partial<Field> = {}): Field {
  return {
    name, title: "Own title", help: "Own help", kind: "str", group: "Picture", choices: [], labels: [], default: null, minimum: null, maximum: null,
    slider: null, optional: false, advanced: false, multiline: false, many: false, infotext: null, ...more,
  };
}

const MODE = field("invert_mask", { kind: "bool", labels: ["Inpaint masked", "Inpaint not masked"] });
const RULE = field("size_rule", { choices: ["exact", "floor-8"], labels: ["As asked for", "Cut to multiples of 8"] });
const ORDER = field("unipc_skip_type", { choices: ["time_uniform"], labels: ["Uniform in time"] });

afterEach(() => setLocale("en"));

describe("a field", () => {
  test("has the server's own words in English", () => {
    expect([fieldTitle(MODE), fieldHelp(MODE)]).toEqual(["Own title", "Own help"]);
    expect([choiceTitle(MODE, false), choiceTitle(MODE, true), choiceTitle(RULE, "floor-8")]).toEqual(["Inpaint masked", "Inpaint not masked", "Cut to multiples of 8"]);
    expect(groupTitle("Soft inpainting")).toBe("Soft inpainting");
  });

  test("has its name, help and choices in another language", async () => {
    await setLocale("zh-CN");
    expect([fieldTitle(MODE), fieldHelp(MODE)]).toEqual(["蒙版模式", "重绘蒙版以外的部分。"]);
    expect([choiceTitle(MODE, false), choiceTitle(MODE, true)]).toEqual(["重绘蒙版内容", "重绘非蒙版内容"]);
    expect([choiceTitle(RULE, "exact"), choiceTitle(RULE, "floor-8"), choiceTitle(ORDER, "time_uniform")]).toEqual(["按要求", "取 8 的倍数", "时间均匀"]);
    expect(groupTitle("Soft inpainting")).toBe("柔和重绘");
  });

  test("that nobody translated keeps the server's words, and so does a choice", async () => {
    await setLocale("ja");
    const fresh = field("fresh", { choices: ["a", "b"], labels: ["A", "B"] });
    expect([fieldTitle(fresh), fieldHelp(fresh), choiceTitle(fresh, "b"), choiceTitle(fresh, "c"), groupTitle("New")]).toEqual(["Own title", "Own help", "B", "c", "New"]);
  });
});

describe("a text outside of components", () => {
  test("has the form of its number", () => {
    expect([0, 1, 2].map((count) => translate("form.presets.fields", {}, count))).toEqual(["default values", "1 field", "2 fields"]);
  });

  test("is the same for all numbers where a language has one form", async () => {
    await setLocale("ja");
    expect([0, 1, 2].map((count) => translate("batch.count", {}, count))).toEqual(["画像 0 枚", "画像 1 枚", "画像 2 枚"]);
  });

  test("keeps its braces where they are to be seen", async () => {
    await setLocale("zh-CN");
    expect(translate("form.styles.description")).toContain("{prompt}");
  });
});

describe("the language", () => {
  test("that was chosen last is the one that is shown", async () => {
    await Promise.all([setLocale("ja"), setLocale("zh-CN"), setLocale("ja")]);
    expect([i18n.global.locale.value, document.documentElement.lang]).toEqual(["ja", "ja"]);
    const late = setLocale("zh-CN");
    await setLocale("en");
    await late;
    expect([i18n.global.locale.value, document.documentElement.lang]).toEqual(["en", "en"]);
  });

  test.each(["en", "zh-CN", "ja"] as const)("%s can write every one of its texts", async (locale) => {
    await setLocale(locale);
    const keys: string[] = [];
    const walk = (texts: object, before: string): void => {
      for (const [key, value] of Object.entries(texts) as [string, unknown][]) {
        if (typeof value === "string") keys.push(before + key);
        else if (typeof value === "object" && value !== null) walk(value, `${before}${key}.`);
      }
    };
    walk(en, "");
    const bad = keys.map((key) => [key, translate(key)] as const).filter(([key, text]) => text === key || text === "");
    expect(bad).toEqual([]);
  });
});
