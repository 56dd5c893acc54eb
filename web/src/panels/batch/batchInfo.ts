import type { Readback } from "@/api/types";

/** A part of a picture's parameters that the batch can take over, by the request's field. */
export interface InfoPart {
  field: string;
  /** An i18n key. */
  label: string;
}

/** What can be taken from each picture, as A1111 offers it. */
export const INFO_PARTS: readonly InfoPart[] = [
  { field: "prompt", label: "batch.info.prompt" },
  { field: "negative_prompt", label: "batch.info.negative" },
  { field: "seed", label: "batch.info.seed" },
  { field: "cfg_scale", label: "batch.info.cfg" },
  { field: "sampler", label: "batch.info.sampler" },
  { field: "steps", label: "batch.info.steps" },
];

const PROMPTS = new Set(["prompt", "negative_prompt"]);

/** Return the fields of a job for a picture with these parameters: prompts come behind those of the form, others replace them. */
export function infoFields(readback: Readback, chosen: readonly string[], ofForm: (name: string) => unknown): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const name of chosen) {
    const found = readback.request[name];
    if (found === undefined || found === null || found === "") continue;
    fields[name] = PROMPTS.has(name) ? joined(ofForm(name), found) : found;
  }
  return fields;
}

function joined(before: unknown, after: unknown): string {
  return [before, after].filter((text) => typeof text === "string" && text.trim() !== "").join(" ");
}
