import { reactive } from "vue";
import { preferences } from "./preferences";
import type { Preferences } from "./preferences";

/** How much room the page has: three columns, two with the right one as a drawer (open or not), or one with a sheet below, whose
 * tab begins with the form at each visit. */
export const layout: { kind: "wide" | "medium" | "narrow"; drawer: boolean; sheet: Preferences["rightTab"] } = reactive({
  kind: "wide",
  drawer: false,
  sheet: "form",
});

const wide = window.matchMedia("(min-width: 1240px)");
const narrow = window.matchMedia("(max-width: 900px)");

function measure(): void {
  layout.kind = narrow.matches ? "narrow" : wide.matches ? "wide" : "medium";
}

/** Follow the window's width from now on. */
export function startLayout(): void {
  measure();
  wide.addEventListener("change", measure);
  narrow.addEventListener("change", measure);
}

/** Whether the right column is seen. */
export function rightIsOpen(): boolean {
  return layout.kind === "narrow" || (layout.kind === "wide" ? !preferences.rightHidden : layout.drawer);
}

/** Which panel of the right column, or of the sheet, is in front. */
export function shownPanel(): Preferences["rightTab"] {
  return layout.kind === "narrow" ? layout.sheet : preferences.rightTab;
}

/** Bring a panel of the right column to the front, wherever the column is. */
export function showPanel(tab: Preferences["rightTab"]): void {
  preferences.rightTab = tab;
  layout.sheet = tab;
  preferences.rightHidden = false;
  layout.drawer = true;
}

/** Show or hide the right column. */
export function toggleRight(): void {
  if (layout.kind === "wide") preferences.rightHidden = !preferences.rightHidden;
  else layout.drawer = !layout.drawer;
}
