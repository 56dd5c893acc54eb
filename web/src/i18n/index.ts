import { createI18n } from "vue-i18n";
import type { Field } from "@/api/types";
import type { Locale } from "@/state/preferences";
import { en } from "./en";

interface Texts {
  [key: string]: string | Texts;
}

/** The page's texts; other languages are loaded when they are chosen. */
export const i18n = createI18n<[Texts], Locale, false>({
  legacy: false, // eslint-disable-line @typescript-eslint/no-deprecated -- the default until vue-i18n 12
  locale: "en",
  fallbackLocale: "en",
  messages: { en, "zh-CN": {}, ja: {} },
});

/** Return a text outside of components; `count` chooses among plural forms, and is what `{count}` and `{n}` stand for unless `values` says. */
export function translate(key: string, values: Record<string, unknown> = {}, count?: number): string {
  return count === undefined ? i18n.global.t(key, values) : i18n.global.t(key, values, count);
}

const loaders: Record<Exclude<Locale, "en">, () => Promise<{ texts: Texts }>> = {
  "zh-CN": () => import("./zh-CN"),
  ja: () => import("./ja"),
};

const loaded = new Set<Locale>(["en"]);
let wanted: Locale = "en";

/** Change the language; its texts are fetched at the first time. Throws when they cannot be, and the language stays as it was. */
export async function setLocale(locale: Locale): Promise<void> {
  wanted = locale;
  if (locale !== "en" && !loaded.has(locale)) {
    i18n.global.setLocaleMessage(locale, (await loaders[locale]()).texts);
    loaded.add(locale);
  }
  // Another one may have been chosen while this one was on its way.
  if (wanted !== locale) return;
  i18n.global.locale.value = locale;
  document.documentElement.lang = locale;
}

function known(key: string, otherwise: string): string {
  return i18n.global.te(key) ? i18n.global.t(key) : otherwise;
}

/** Return the label of a request field in the chosen language; the server's own where there is no translation. */
export function fieldTitle(field: Field): string {
  return known(`field.${field.name}.title`, field.title);
}

/** Return the help of a request field in the chosen language. */
export function fieldHelp(field: Field): string {
  return known(`field.${field.name}.help`, field.help);
}

/** Return the label of one value of a field in the chosen language: one of its choices, or true and false of a field with two labels. */
export function choiceTitle(field: Field, value: string | boolean): string {
  const word = String(value);
  const own = field.labels[typeof value === "boolean" ? Number(value) : field.choices.indexOf(word)];
  return known(`field.${field.name}.choices.${word}`, own ?? word);
}

/** Return the title of a group of fields in the chosen language, by the server's name for it. */
export function groupTitle(name: string): string {
  return known(`group.${name.replaceAll(" ", "_")}`, name);
}
