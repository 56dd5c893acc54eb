import { API } from "./client";
import type { Job, Progress } from "./types";

/** Something that happened to a job. Ids grow over all jobs. */
export type ServerEvent = { event: number; job: string; at: number } & (
  | { kind: "state"; state: Job["state"] }
  | ({ kind: "progress" } & Progress)
  | { kind: "preview"; image?: string }
  | { kind: "result"; id: string; index: number }
  | { kind: "note"; text: string }
);

const KINDS = ["state", "progress", "preview", "result", "note"] as const;

/** Milliseconds until the first new try after a broken connection, and the longest wait. */
export const FIRST_WAIT = 500;
/** See `FIRST_WAIT`. */
const LONGEST_WAIT = 15_000;

/** A stream of every job's events that goes on where it broke off. */
export interface EventStream {
  /** Let go of the connection until `resume`; what happens meanwhile comes then. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** Who listens: `opened` hears of each new connection, `broken` of each one that was lost. */
export interface EventListener {
  event(event: ServerEvent): void;
  opened(): void;
  broken(): void;
}

/** Listen to the server. No event is missed after the first one, and none comes twice. */
export function openEvents(listener: EventListener): EventStream {
  let last: number | null = null;
  let wait = FIRST_WAIT;
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const leave = (): void => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const take = (kind: (typeof KINDS)[number], message: MessageEvent<string>): void => {
    const id = Number(message.lastEventId);
    if (last !== null && id <= last) return;
    last = id;
    listener.event({ ...(JSON.parse(message.data) as object), kind, event: id } as ServerEvent);
  };
  const connect = (): void => {
    leave();
    const made = new EventSource(`${API}/events${last === null ? "" : `?after=${last}`}`);
    source = made;
    made.onopen = () => {
      wait = FIRST_WAIT;
      listener.opened();
    };
    // The browser would try again by itself, but not after every kind of failure, and without a growing wait.
    made.onerror = () => {
      if (source !== made) return;
      leave();
      listener.broken();
      timer = setTimeout(connect, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
    for (const kind of KINDS) made.addEventListener(kind, (message: MessageEvent<string>) => take(kind, message));
  };
  connect();
  return {
    pause: leave,
    resume: () => {
      if (source === null) connect();
    },
    close: leave,
  };
}

/** Ask once for the newest preview of a job at work; returns how to stop asking. */
export function lastPreview(job: string, told: (image: string) => void): () => void {
  const source = new EventSource(`${API}/jobs/${job}/events`);
  const stop = (): void => source.close();
  source.addEventListener("preview", (message: MessageEvent<string>) => {
    stop();
    const { image } = JSON.parse(message.data) as { image?: string };
    if (image !== undefined) told(image);
  });
  source.addEventListener("end", stop);
  source.onerror = stop;
  setTimeout(stop, 3000);
  return stop;
}
