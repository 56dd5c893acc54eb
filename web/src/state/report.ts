import { ApiError } from "@/api/problem";
import type { Problem } from "@/api/types";
import { fieldTitle, translate } from "@/i18n";
import { setValue } from "./form";
import { fieldOf, library, refreshModels } from "./library";
import { fieldErrors, notify, type Notice } from "./notices";
import { showPanel } from "./layout";

type Message = Pick<Notice, "title" | "detail"> & Partial<Pick<Notice, "actions" | "kind">>;

const MIB = 1024 * 1024;

/** Show an error so that the person knows what to do next: by its status and title (too large, queue full, unknown model, server lost,
 * ...), with the field marked where there is one. `doing` says what was tried, as a finished text. */
export function report(error: unknown, doing?: string): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  const message = error instanceof ApiError ? messageOf(error) : unexpected(error);
  const detail = doing === undefined ? message.detail : `${doing}: ${message.detail}`;
  notify({ kind: "error", ...message, detail });
}

/** Show what ended a job, in the same words; `problem` is what the job remembers. */
export function reportFailure(problem: Record<string, unknown>): void {
  const text = (name: string): string => (typeof problem[name] === "string" ? problem[name] : "");
  const field = text("field");
  const type = text("type");
  const actions: Notice["actions"] = [];
  let title = text("title") || translate("notice.failed.title");
  let next = translate("notice.failed.next");
  if (type === "OutOfMemory") next = translate("notice.memory.next");
  if (type === "OutputError") next = translate("notice.storage.next");
  if (["ModelError", "UnsupportedModel", "UnsafeFile"].includes(type) || field === "model") {
    if (type === "UnknownName") title = translate("notice.model.title");
    next = translate("notice.model.next");
    actions.push(refresh());
  }
  const detail = forPage(text("detail"));
  const allowed = forPage(text("allowed"));
  if (field !== "") fieldErrors[field] = sentence(detail, detail.includes(allowed) ? "" : allowed);
  notify({ kind: "error", title, detail: sentence(detail, next), actions });
}

function unexpected(error: unknown): Message {
  const detail = error instanceof Error ? error.message : String(error);
  return { title: translate("notice.unexpected.title"), detail };
}

function messageOf(error: ApiError): Message {
  if (error.lost) return { title: translate("notice.lost.title"), detail: translate("notice.lost.next") };
  const { problem } = error;
  if (problem.status === 0) markFields(problem);
  const make = BY_STATUS[problem.status];
  return make ? make(problem) : plain(problem);
}

/** A problem in the server's own words, with what to do next if that is known. */
function plain(problem: Problem, next = ""): Message {
  return { title: capital(problem.title), detail: sentence(forPage(problem.detail), next) };
}

const BY_STATUS: Partial<Record<number, (problem: Problem) => Message>> = {
  401: () => ({
    title: translate("notice.login.title"),
    detail: translate("notice.login.next"),
    actions: [{ label: translate("notice.login.again"), run: () => location.reload() }],
  }),
  403: (problem) => plain(problem, translate("notice.foreign.next")),
  404: gone,
  409: () => ({ kind: "warn", title: translate("notice.changed.title"), detail: translate("notice.changed.next") }),
  413: tooLarge,
  415: noPicture,
  422: refused,
  429: tooMany,
  500: (problem) => ({ title: translate("notice.internal.title"), detail: sentence(problem.detail, translate("notice.internal.next")) }),
  503: () => ({ title: translate("notice.busy.title"), detail: translate("notice.busy.next") }),
  507: (problem) =>
    problem.title === "out of memory"
      ? { title: translate("notice.memory.title"), detail: translate("notice.memory.next") }
      : { title: translate("notice.storage.title"), detail: sentence(problem.detail, translate("notice.storage.next")) },
};

function tooLarge(problem: Problem): Message {
  const { upload, pixels } = library.limits;
  const known = Number.isFinite(upload) && Number.isFinite(pixels);
  const next = known
    ? translate("notice.large.limits", { size: Math.floor(upload / MIB), pixels: Math.floor(pixels / 1e6) })
    : translate("notice.large.next");
  return { title: translate("notice.large.title"), detail: sentence(problem.detail, next) };
}

function noPicture(problem: Problem): Message {
  return { title: translate("notice.picture.title"), detail: sentence(problem.detail, translate("notice.picture.next")) };
}

function gone(problem: Problem): Message {
  if (problem.field === "model" || /model|checkpoint/i.test(problem.detail)) return modelGone(problem);
  return { kind: "warn", title: translate("notice.gone.title"), detail: sentence(problem.detail, translate("notice.gone.next")) };
}

function modelGone(problem: Problem): Message {
  markFields(problem);
  return {
    title: translate("notice.model.title"),
    detail: sentence(forPage(problem.detail), translate("notice.model.next")),
    actions: [...nearest(problem), refresh()],
  };
}

function tooMany(problem: Problem): Message {
  if (problem.title !== "the queue is full") return plain(problem, translate("notice.failures.next"));
  const show = (): void => showPanel("queue");
  return {
    title: translate("notice.full.title"),
    detail: translate("notice.full.next"),
    actions: [{ label: translate("notice.full.show"), run: show }],
  };
}

function refused(problem: Problem): Message {
  if (problem.title === "no usable picture" && isTooManyPixels(problem)) return tooLarge(problem);
  if (["no usable picture", "too slow"].includes(problem.title)) return noPicture(problem);
  if (problem.title === "model cannot be used") return modelGone(problem);
  if (problem.field === "model") return modelGone(problem);
  markFields(problem);
  if (!problem.field) return plain(problem);
  const field = fieldOf("img2img", problem.field) ?? fieldOf("txt2img", problem.field);
  const title = translate("notice.field.title", { field: field ? fieldTitle(field) : problem.field });
  return { title, detail: fieldText(problem), actions: nearest(problem) };
}

function isTooManyPixels(problem: Problem): boolean {
  return /pixels/.test(problem.detail) && /limit|more than|larger/.test(problem.detail);
}

function markFields(problem: Problem): void {
  for (const entry of problem.errors ?? []) {
    const { field, detail, allowed } = entry;
    if (typeof field === "string" && field !== "" && typeof detail === "string") {
      fieldErrors[field] = sentence(detail, typeof allowed === "string" ? allowed : "");
    }
  }
  if (problem.field) fieldErrors[problem.field] = fieldText(problem);
}

function fieldText(problem: Problem): string {
  const near = problem.near ?? [];
  const hint = near.length > 0 ? translate("notice.field.near", { names: near.slice(0, 3).join(", ") }) : (problem.allowed ?? "");
  const detail = forPage(problem.detail);
  const isRange = near.length === 0 && hint.startsWith("it is ");
  if (isRange && detail.includes("Input should")) return capital(hint); // a schema's words, said better by the range
  return sentence(detail, detail.includes(forPage(hint)) ? "" : forPage(hint));
}

/** A button that takes the nearest right name. */
function nearest(problem: Problem): Notice["actions"] {
  const [name] = problem.near ?? [];
  const { field } = problem;
  if (name === undefined || !field) return [];
  return [{ label: translate("notice.field.use", { name }), run: () => setValue(field, name) }];
}

function refresh(): Notice["actions"][number] {
  return { label: translate("notice.model.refresh"), run: () => void refreshModels().catch(report) };
}

/** The server's words without what they say of the command line. */
function forPage(text: string): string {
  return text.replace(/:?\s*`redraw [^`]*`[^.;]*/g, "");
}

/** Begin with a capital letter, unless it begins with the name of a file. */
function capital(text: string): string {
  return /^\S+\.\w+:/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
}

/** Join two statements as sentences; the second may be empty. */
function sentence(first: string, second: string): string {
  const begun = capital(first.trim());
  if (second === "") return begun;
  const ended = begun === "" || /[.!?。！？]$/.test(begun) ? begun : `${begun}.`;
  return `${ended} ${capital(second.trim())}`.trim();
}
