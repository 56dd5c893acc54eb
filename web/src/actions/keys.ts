import { popupOpen } from "@/shared/picture/zoom";
import { dialog } from "@/state/dialogs";
import type { Action } from "./types";

/** Groups whose keys act while a text is written: the others change what is on the canvas. */
const WHILE_TYPING = new Set(["generate", "file", "help"]);
const TEXT_INPUTS = new Set(["text", "search", "number", "email", "url", "password", "tel"]);

/** Return whether typing goes into this element. */
export function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  return target instanceof HTMLInputElement && TEXT_INPUTS.has(target.type);
}

/** Return whether an element needs a bare key itself: menus find entries by letters, sliders and groups move by arrows. */
function usesKeys(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest("[role=menu], [role=listbox], select") !== null) return true;
  const moves = key.startsWith("Arrow") || key === "Home" || key === "End" || key === " " || key === "Enter";
  return moves && target.closest("input, [role=slider], [role=radiogroup], [role=tablist], [role=tree], button, summary") !== null;
}

/** Return a key event in the form that shortcuts are written in: "Ctrl+Shift+Z", "B", "?". Ctrl is also Cmd. */
function spelled(event: KeyboardEvent): string {
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const letter = /^[A-Z]$/.test(key) || event.key.length > 1 || key === "Space";
  const parts: string[] = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && letter) parts.push("Shift");
  parts.push(key);
  return parts.join("+");
}

/** Return the first action that can be done with this key now, or undefined; keys that type or that a dialog uses are left alone. */
export function actionFor(event: KeyboardEvent, actions: readonly Action[]): Action | undefined {
  if (event.isComposing) return undefined;
  const key = spelled(event);
  if (key === "Escape" && popupOpen()) return undefined; // it closes what hangs open, and nothing else
  const bare = !event.ctrlKey && !event.metaKey && !event.altKey;
  // Some controls take every Enter for themselves, also Ctrl+Enter that only the page means something by.
  if (event.defaultPrevented && (bare || event.key !== "Enter")) return undefined;
  if (bare && key !== "Escape" && usesKeys(event.target, event.key)) return undefined;
  if (bare && takesText(event.target) && key !== "Escape") return undefined;
  const found = actions.find((one) => one.shortcut === key && one.enabled());
  if (found === undefined) return undefined;
  if (event.repeat && found.group === "generate") return undefined; // a key that is held is one press
  if (takesText(event.target) && !WHILE_TYPING.has(found.group) && key !== "Escape") return undefined;
  if (dialog.name !== null && found.name !== "help.palette") return undefined;
  return found;
}
