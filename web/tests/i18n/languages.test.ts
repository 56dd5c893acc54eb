import { describe, expect, test } from "vitest";
import { en } from "@/i18n/en";
import { texts as ja } from "@/i18n/ja";
import { texts as zh } from "@/i18n/zh-CN";

type Texts = Map<string, string>;

/** Texts of a language by their whole key. */
function flat(texts: object, before = ""): Texts {
  const found: Texts = new Map();
  for (const [key, value] of Object.entries(texts) as [string, unknown][]) {
    if (typeof value === "string") found.set(before + key, value);
    else if (typeof value === "object" && value !== null) flat(value, `${before}${key}.`).forEach((text, inner) => found.set(inner, text));
  }
  return found;
}

/** What the form's schema names comes from the server in English: only the other languages have it. */
function ofPage(texts: object): Texts {
  return new Map([...flat(texts)].filter(([key]) => !/^(field|group)\./.test(key)));
}

function placeholders(text: string): string[] {
  return [...new Set([...text.matchAll(/\{('?)([^}']+)/g)].map(([, , name]) => name ?? ""))].sort();
}

const english = flat(en);
const languages = [["Chinese", zh, /\p{Script=Han}/u], ["Japanese", ja, /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u]] as const;

/** Texts without a word of their own language: names that everybody writes so, signs and placeholders. */
const NAMES = [
  /^(OK|CFG|VAE|TAESD|NV|CPU|GPU|CUDA|bfloat16|Eta|px|img2img|txt2img|Apple GPU|Sigma (churn|tmin|tmax|noise)|Ctrl [+↵].*)$/,
  /^[^A-Za-z]*$/,
];

describe.each(languages)("%s", (_, texts, script) => {
  const own = flat(texts);

  test("says all that English says, and nothing that nobody shows", () => {
    const keys = [...ofPage(texts).keys()];
    expect([...english.keys()].filter((key) => !own.has(key))).toEqual([]);
    expect(keys.filter((key) => !english.has(key))).toEqual([]);
  });

  test("fills in the same values", () => {
    const wrong = [...ofPage(texts)].filter(([key, text]) => placeholders(text).join() !== placeholders(english.get(key) ?? "").join());
    expect(wrong).toEqual([]);
  });

  test("has one form for every number, or as many as English where none or one is said otherwise", () => {
    const forms = (text: string | undefined): number => (text ?? "").split("|").length;
    const wrong = [...ofPage(texts)].filter(([key, text]) => forms(text) !== 1 && forms(text) !== forms(english.get(key)));
    expect(wrong).toEqual([]);
  });

  test("leaves nothing in English", () => {
    const left = [...own].filter(([, text]) => {
      const words = text.replace(/\{[^}]*\}/g, "");
      return !script.test(words) && !NAMES.some((name) => name.test(words));
    });
    expect(left).toEqual([]);
  });

  test("has no half-width signs between its own letters", () => {
    const left = [...own].filter(([, text]) => /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}][,;:?!()]/u.test(text));
    expect(left).toEqual([]);
  });
});
