/** What a job is, and what went wrong with it, in plain words. */
import type { Job } from "@/api/types";
import { translate } from "@/i18n";

/** What happened and what to do next. */
export interface Trouble {
  what: string;
  next: string;
}

/** Return the first words of a job's prompt, or what it is without one. */
export function jobTitle(job: Job): string {
  const prompt = job.request.prompt;
  if (typeof prompt === "string" && prompt.trim() !== "") return prompt.trim();
  return translate("queue.untitled");
}

/** Return how many pictures a job makes. */
export function pictureCount(job: Job): number {
  const times = (name: string): number => {
    const value = job.request[name];
    return typeof value === "number" && value > 0 ? value : 1;
  };
  return times("batch_count") * times("batch_size");
}

/** Return the SHA-256 of the picture a job works on, or null. */
export function jobSource(job: Job): string | null {
  const images = job.request.images;
  const first: unknown = Array.isArray(images) ? images[0] : null;
  if (typeof first !== "object" || first === null || !("sha256" in first)) return null;
  return typeof first.sha256 === "string" ? first.sha256 : null;
}

/** Return why a job failed in plain words, with what to do next. */
export function troubleOf(job: Job): Trouble {
  const error = job.error ?? {};
  const detail = typeof error.detail === "string" ? error.detail : "";
  switch (error.type) {
    case "OutOfMemory":
      return { what: translate("queue.trouble.memory"), next: translate("queue.trouble.memoryNext") };
    case "UnknownName":
      return { what: detail || translate("queue.trouble.name"), next: translate("queue.trouble.nameNext") };
    case "UnsupportedModel":
    case "UnsafeFile":
    case "ModelError":
      return { what: translate("queue.trouble.model", { detail }), next: translate("queue.trouble.modelNext") };
    case "PictureError":
      return { what: translate("queue.trouble.picture", { detail }), next: translate("queue.trouble.pictureNext") };
    case "RequestError":
      return { what: detail, next: translate("queue.trouble.requestNext") };
    case "NonFinite":
      return { what: translate("queue.trouble.numbers"), next: translate("queue.trouble.numbersNext") };
    case "WorkerDied":
      return { what: translate("queue.trouble.died"), next: translate("queue.trouble.diedNext") };
    case "OutputError":
      return { what: translate("queue.trouble.output", { detail }), next: translate("queue.trouble.outputNext") };
    default:
      return { what: detail || translate("queue.trouble.other"), next: translate("queue.trouble.otherNext") };
  }
}
