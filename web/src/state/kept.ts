import { watch } from "vue";

/** The one key of localStorage; its number changes when what is kept is no longer understood. */
export const KEY = "redraw/1";

/** Milliseconds after a change until it is kept. */
export const KEEP_AFTER = 200;

type Part = "form" | "preferences" | "presets";

function everything(): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return isRecord(found) ? found : {};
  } catch {
    return {};
  }
}

/** Whether a value is a plain object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Return what was kept of a part; undefined where there is nothing that can be read. */
export function readKept(part: Part): unknown {
  return everything()[part];
}

/** Keep a part; a browser that forbids it, or is full, goes without. */
function writeKept(part: Part, value: unknown): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...everything(), [part]: value }));
  } catch {
    // Private windows and full stores: the page works on, only forgetful.
  }
}

/** Keep a part from now on, a moment after each change and at once when the page goes. Returns how to stop. */
export function keep(part: Part, value: () => unknown): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = (): void => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    writeKept(part, value());
  };
  const stop = watch(
    value,
    () => {
      clearTimeout(timer);
      timer = setTimeout(write, KEEP_AFTER);
    },
    { deep: true, flush: "sync" },
  );
  addEventListener("pagehide", write);
  return () => {
    write();
    stop();
    removeEventListener("pagehide", write);
  };
}
