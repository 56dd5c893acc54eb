/** What a readback says, as rows of a table. */
import type { Field, Readback, Result } from "@/api/types";
import { choiceTitle, fieldTitle } from "@/i18n";
import { fieldOf } from "@/state/library";

/** One setting: the field's name, its label, its value as text. */
export interface Row {
  name: string;
  title: string;
  text: string;
}

/** Return the settings of a readback in its own order, prompts first; pictures are left out. */
export function rowsOf(readback: Readback): Row[] {
  const rows: Row[] = [];
  const { prompt, negative_prompt, ...others } = readback.request;
  for (const [name, value] of Object.entries({ prompt, negative_prompt, ...others })) {
    const field = fieldOf(readback.kind, name);
    if (value === null || value === undefined || value === "" || field?.kind === "picture" || name === "images" || name === "mask") continue;
    rows.push({ name, title: field ? fieldTitle(field) : name, text: worded(value, field) });
  }
  return rows;
}

/** Return a value in words: a choice by its label. */
function worded(value: unknown, field: Field | undefined): string {
  if (field && field.labels.length > 0 && (typeof value === "boolean" || typeof value === "string")) return choiceTitle(field, value);
  if (Array.isArray(value)) return value.map((one) => (typeof one === "object" ? JSON.stringify(one) : String(one))).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Whether something is a result of the server. */
export function isResult(about: unknown): about is Result {
  return typeof about === "object" && about !== null && "infotext" in about && "sha256" in about && "job" in about;
}

/** Whether something is what was read from a picture. */
export function isReadback(about: unknown): about is Readback {
  return typeof about === "object" && about !== null && "request" in about && "unknown" in about;
}
