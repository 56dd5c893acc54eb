import { reactive } from "vue";

export { ApiError } from "@/api/problem";
export { report } from "./report";

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

/** Milliseconds until a message goes by itself; longer where there is something to press. */
export const SHOWN_FOR = 6000;
const SHOWN_WITH_ACTION = 10_000;
const MOST = 5;

let last = 0;
const timers = new Map<number, ReturnType<typeof setTimeout>>();

/** Show a message; returns its id. The same message is not shown twice at once. `stays` keeps it until it is dismissed. */
export function notify(notice: Partial<Omit<Notice, "id">> & { title: string; stays?: boolean }): number {
  const { title, kind = "info", detail = "", actions = [], stays = kind === "error" } = notice;
  const same = notices.find((one) => one.title === title && one.detail === detail && one.kind === kind);
  if (same) dismiss(same.id);
  const id = ++last;
  notices.push({ id, kind, title, detail, actions: actions.slice(0, 2) });
  if (!stays) {
    const wait = actions.length > 0 ? SHOWN_WITH_ACTION : SHOWN_FOR;
    timers.set(
      id,
      setTimeout(() => dismiss(id), wait),
    );
  }
  const oldest = notices[0];
  if (notices.length > MOST && oldest) dismiss(oldest.id);
  return id;
}

/** Take a message away. */
export function dismiss(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
  const at = notices.findIndex((one) => one.id === id);
  if (at >= 0) notices.splice(at, 1);
}

/** Take away every message of a title: what it told is over. */
export function dismissTitled(title: string): void {
  for (const one of notices.filter((notice) => notice.title === title)) dismiss(one.id);
}
