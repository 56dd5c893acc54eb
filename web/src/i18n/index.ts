import { createI18n } from "vue-i18n";
import type { Field } from "@/api/types";
import type { Locale } from "@/state/preferences";
import { en } from "./en";

interface Texts {
  [key: string]: string | Texts;
}

/** The page's texts; other languages are loaded when they are chosen. */
export const i18n = createI18n<[Texts], Locale, false>({
  legacy: false,
  locale: "en",
  fallbackLocale: "en",
  messages: { en, "zh-CN": {}, ja: {} },
});

/** Return a text outside of components. */
export function translate(key: string, values: Record<string, unknown> = {}): string {
  return i18n.global.t(key, values);
}

const loaders: Record<Exclude<Locale, "en">, () => Promise<Texts>> = {
  "zh-CN": () => Promise.resolve({}),
  ja: () => Promise.resolve({}),
};

const loaded = new Set<Locale>();

/** Change the language; its texts are fetched at the first time. */
export async function setLocale(locale: Locale): Promise<void> {
  if (locale !== "en" && !loaded.has(locale)) {
    loaded.add(locale);
    i18n.global.setLocaleMessage(locale, await loaders[locale]());
  }
  i18n.global.locale.value = locale;
  document.documentElement.lang = locale;
}

/** Return the label of a request field in the chosen language; the server's own where there is no translation. */
export function fieldTitle(field: Field): string {
  const key = `field.${field.name}.title`;
  return i18n.global.te(key) ? i18n.global.t(key) : field.title;
}

/** Return the help of a request field in the chosen language. */
export function fieldHelp(field: Field): string {
  const key = `field.${field.name}.help`;
  return i18n.global.te(key) ? i18n.global.t(key) : field.help;
}
