import { chooseFile } from "@/shared/files";
import { translate } from "@/i18n";
import { applyReadback, form, setValue, takeForm, value } from "@/state/form";
import { notify, report } from "@/state/notices";
import { readParameters } from "@/state/results";
import { seedsOf } from "./seeds";

/** Return what a prompt says. */
export function promptText(name: "prompt" | "negative_prompt"): string {
  const now = value(name);
  return typeof now === "string" ? now : "";
}

/** Return a copy of the form that `putBack` takes, for undo. */
export function copyForm(): string {
  return JSON.stringify(form);
}

/** Put a copied form back. */
function putBack(copy: string): void {
  takeForm(JSON.parse(copy));
}

/** Say what was done to the form, with a way back to how it was. */
export function notifyUndo(title: string, copy: string): void {
  notify({ kind: "good", title, actions: [{ label: translate("form.undo"), run: () => putBack(copy) }] });
}

/** Fill the form from the parameters in a picture, a text file or a text; says what was filled, or that there is nothing. */
export async function readInto(from: File | string): Promise<void> {
  const before = copyForm();
  try {
    const text = from instanceof File && isText(from) ? await from.text() : from;
    const readback = await readParameters(text);
    if (!readback) return;
    const names = applyReadback(readback);
    if (typeof text === "string") keepDigits(names, text);
    notifyUndo(translate("form.read.done", { n: names.length }), before);
  } catch (error) {
    report(error);
  }
}

/** Seeds above 2^53 lose digits as numbers of JSON; the text itself has them all. */
function keepDigits(names: readonly string[], text: string): void {
  for (const [name, key] of [["seed", "seed"], ["variation_seed", "variation"]] as const) {
    const now = value(name);
    if (!names.includes(name) || typeof now !== "number" || Number.isSafeInteger(now)) continue;
    setValue(name, seedsOf({ seed: now, infotext: text.trimEnd() })[key] ?? now);
  }
}

function isText(file: File): boolean {
  return file.type.startsWith("text/") || /\.(txt|md|json)$/i.test(file.name);
}

/** Read parameters from the text on the clipboard. */
export async function readClipboard(): Promise<void> {
  let text: string;
  try {
    text = await navigator.clipboard.readText();
  } catch {
    // Not allowed, or no such thing on a page without https.
    notify({ kind: "warn", title: translate("form.read.noClipboard"), detail: translate("form.read.noClipboardDetail") });
    return;
  }
  if (text.trim() === "") notify({ kind: "warn", title: translate("form.read.nothing"), detail: translate("form.read.nothingDetail") });
  else await readInto(text);
}

/** Read parameters from a file that the person chooses. */
export async function readChosen(): Promise<void> {
  const file = await chooseFile("image/*,.txt,text/plain");
  if (file) await readInto(file);
}
