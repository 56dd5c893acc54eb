import { reactive, watch } from "vue";
import { setLocale } from "@/i18n";
import { isRecord, keep, readKept } from "./kept";

/** Colors of the page; "system" follows the browser. */
export type Theme = "system" | "light" | "dark";
/** Languages of the page. */
export type Locale = "en" | "zh-CN" | "ja";

/** How the page looks and behaves, per browser; kept in localStorage. */
export interface Preferences {
  theme: Theme;
  locale: Locale;
  /** Advanced fields that are shown beside the form. */
  shown: string[];
  /** Groups of the form that are open. */
  open: string[];
  tint: string;
  tintOpacity: number;
  tourSeen: boolean;
  rightTab: "form" | "results" | "history" | "queue" | "layers";
  leftHidden: boolean;
  rightHidden: boolean;
  /** First interrupt finishes the picture at work. */
  finishPicture: boolean;
  sendSize: boolean;
  previews: boolean;
}

/** The preferences; every change is kept. */
export const preferences: Preferences = reactive({
  theme: "system",
  locale: "en",
  shown: [],
  open: [],
  tint: "#ff3d7f",
  tintOpacity: 0.5,
  tourSeen: false,
  rightTab: "results",
  leftHidden: false,
  rightHidden: false,
  finishPicture: false,
  sendSize: true,
  previews: true,
});

const CHOICES: Partial<Record<keyof Preferences, readonly string[]>> = {
  theme: ["system", "light", "dark"],
  locale: ["en", "zh-CN", "ja"],
  rightTab: ["results", "history", "queue", "layers"],
};

/** Take over what is right of some kept or imported preferences; the rest stays as it is. */
export function takePreferences(found: unknown): void {
  if (!isRecord(found)) return;
  for (const name of Object.keys(preferences) as (keyof Preferences)[]) {
    if (fits(name, found[name])) Object.assign(preferences, { [name]: found[name] });
  }
}

function fits(name: keyof Preferences, value: unknown): boolean {
  const now = preferences[name];
  const choices = CHOICES[name];
  if (choices) return typeof value === "string" && choices.includes(value);
  if (Array.isArray(now)) return Array.isArray(value) && value.every((one) => typeof one === "string");
  if (name === "tint") return typeof value === "string" && /^#[0-9a-f]{6}$/i.test(value);
  if (name === "tintOpacity") return typeof value === "number" && value >= 0 && value <= 1;
  return typeof value === typeof now;
}

/** The language of the browser, if the page speaks it. */
function ownLocale(): Locale {
  for (const language of navigator.languages) {
    const word = language.toLowerCase();
    if (word.startsWith("en")) return "en";
    if (word.startsWith("zh")) return "zh-CN";
    if (word.startsWith("ja")) return "ja";
  }
  return "en";
}

function applyTheme(dark: boolean): void {
  const theme = preferences.theme === "system" ? (dark ? "dark" : "light") : preferences.theme;
  document.documentElement.dataset.theme = theme;
}

/** Read what was kept (language of the browser at the first visit), apply theme and language, keep changes. */
export function startPreferences(): void {
  preferences.locale = ownLocale();
  takePreferences(readKept("preferences"));
  const system = matchMedia("(prefers-color-scheme: dark)");
  watch(
    () => preferences.theme,
    () => applyTheme(system.matches),
    { immediate: true, flush: "sync" },
  );
  system.addEventListener("change", () => applyTheme(system.matches));
  watch(
    () => preferences.locale,
    (locale) => void setLocale(locale),
    { immediate: true, flush: "sync" },
  );
  keep("preferences", () => preferences);
}
