import { reactive } from "vue";

/** Every dialog of the page. */
export type DialogName =
  | "palette" | "shortcuts" | "settings" | "blank" | "tour" | "parameters" | "extras" | "styles" | "presets" | "advanced" | "job" | "lineage" | "networks";

/** Which dialog is open, and what it is about (a job's or result's id, a File, a Readback, ...). */
export const dialog: { name: DialogName | null; about: unknown } = reactive({ name: null, about: null });

/** Open a dialog; only one is open at a time. */
export function openDialog(name: DialogName, about: unknown = null): void {
  dialog.name = name;
  dialog.about = about;
}

/** Close the open dialog. */
export function closeDialog(): void {
  dialog.name = null;
  dialog.about = null;
}
