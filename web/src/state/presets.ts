import { reactive } from "vue";
import { localError } from "@/api/problem";
import { translate } from "@/i18n";
import { form, takeForm } from "./form";
import { isRecord, keep, readKept } from "./kept";
import { preferences, takePreferences } from "./preferences";

/** A named set of form values. */
export interface Preset {
  name: string;
  values: Record<string, unknown>;
  styles: string[];
}

/** Presets by name, kept in localStorage. */
export const presets: Preset[] = reactive([]);

const copied = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** Keep the form's values under a name; one of that name is replaced. */
export function savePreset(name: string): void {
  const preset = { name, values: copied(form.values), styles: [...form.styles] };
  const at = presets.findIndex((one) => one.name === name);
  if (at >= 0) presets.splice(at, 1, preset);
  else presets.push(preset);
}

/** Set the form to a preset; its own prompts stay where the preset has none. */
export function applyPreset(name: string): void {
  const preset = presets.find((one) => one.name === name);
  if (!preset) return;
  const values = copied(preset.values);
  for (const prompt of ["prompt", "negative_prompt"]) {
    if (!(prompt in values) && prompt in form.values) values[prompt] = form.values[prompt];
  }
  form.values = values;
  form.styles = [...preset.styles];
  if ("scale" in values) form.sizing = "by";
  if ("width" in values || "height" in values) form.sizing = "to";
}

/** Forget a preset. */
export function removePreset(name: string): void {
  const at = presets.findIndex((one) => one.name === name);
  if (at >= 0) presets.splice(at, 1);
}

/** Take over what is right of some kept or imported presets. */
function takePresets(found: unknown): void {
  if (!Array.isArray(found)) return;
  const right = found.filter(isPreset);
  presets.splice(0, presets.length, ...right.map(({ name, values, styles }) => ({ name, values, styles })));
}

function isPreset(value: unknown): value is Preset {
  if (!isRecord(value)) return false;
  const { name, values, styles } = value;
  return typeof name === "string" && name !== "" && isRecord(values) && Array.isArray(styles) && styles.every((one) => typeof one === "string");
}

/** Keep the presets in localStorage from now on, after reading what is there. */
export function startPresets(): void {
  takePresets(readKept("presets"));
  keep("presets", () => presets);
}

/** Number of the format of exported settings. */
const FORMAT = 1;

/** Return form, preferences and presets as JSON. */
export function exportState(): string {
  return JSON.stringify({ redraw: FORMAT, form, preferences, presets }, null, 2);
}

/** Take over form, preferences and presets from such a text; throws `ApiError` on a text that is none, and changes nothing then. */
export function importState(text: string): void {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    found = null;
  }
  if (!isRecord(found) || found.redraw !== FORMAT || !isRecord(found.form)) {
    throw localError(translate("notice.state.unreadable"), translate("notice.state.next"));
  }
  takeForm(found.form);
  takePreferences(found.preferences);
  takePresets(found.presets);
}
