import { reactive } from "vue";

export type Theme = "system" | "light" | "dark";
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
  rightTab: "results" | "history" | "queue" | "layers";
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

/** Read what was kept (language of the browser at the first visit), apply theme and language, keep changes. */
export function startPreferences(): void {
  throw new Error("being written");
}
