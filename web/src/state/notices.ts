import { reactive } from "vue";
import type { Problem } from "@/api/types";

/** A message to the person. `title` and `detail` are finished texts. Errors stay until closed, others go after some seconds. */
export interface Notice {
  id: number;
  kind: "info" | "good" | "warn" | "error";
  title: string;
  detail: string;
  /** What to do next; at most two. */
  actions: { label: string; run: () => void }[];
}

/** The messages that are shown, the newest last. */
export const notices: Notice[] = reactive([]);

/** Errors of form fields by field name, shown where the field is. */
export const fieldErrors: Record<string, string> = reactive({});

/** Show a message; returns its id. */
export function notify(_notice: Partial<Omit<Notice, "id">> & { title: string }): number {
  throw new Error("being written");
}

/** Take a message away. */
export function dismiss(_id: number): void {
  throw new Error("being written");
}

/** An error of the server: RFC 9457 problem data, or what went wrong on the way (`lost` = it did not answer). */
export class ApiError extends Error {
  constructor(
    readonly problem: Problem,
    readonly lost = false,
  ) {
    super(problem.detail);
  }
}

/** Show an error so that the person knows what to do next: by its status and title (too large, queue full, unknown model, server lost,
 * ...), with the field marked where there is one. */
export function report(_error: unknown, _doing?: string): void {
  throw new Error("being written");
}
