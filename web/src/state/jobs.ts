import { reactive } from "vue";
import { answer, api } from "@/api/client";
import type { Job, Progress } from "@/api/types";
import { ApiError, report } from "./notices";
import { preferences } from "./preferences";

export { startJobs } from "./job-events";
export { generate, generateBatch, rerun, type BatchEntry } from "./sending";

/** The queue as the page sees it; kept up to date by server-sent events. */
export interface Jobs {
  /** Whether the event stream is open. */
  connected: boolean;
  /** Whether the whole queue is paused. */
  held: boolean;
  running: Job | null;
  progress: Progress | null;
  /** Object URL of the latest preview, or null. */
  preview: string | null;
  /** Waiting and paused jobs in order. */
  line: Job[];
  /** Ended jobs of this visit that failed or were cancelled, the newest first. */
  ended: Job[];
  /** A job is being sent. */
  sending: boolean;
  /** Generate forever is on. */
  forever: boolean;
  /** The job this page waits for most: the last one it sent that has not ended. */
  mine: string | null;
  /** Interrupt was asked and has not happened. */
  stopping: boolean;
}

/** The queue as it is now. */
export const jobs: Jobs = reactive({
  connected: false,
  held: false,
  running: null,
  progress: null,
  preview: null,
  line: [],
  ended: [],
  sending: false,
  forever: false,
  mine: null,
  stopping: false,
});

/** Jobs that ended are remembered up to this many. */
const REMEMBERED = 50;

/** Whether a job was made on a page like this one, not by a program. */
export function isOwn(job: Job): boolean {
  return job.source === "web";
}

/** Ids of jobs that have ended, as the stream told. */
export const overIds = new Set<string>();

/** Take a job that was just sent into the queue that is shown; it may even have ended by now. */
export function noteSent(job: Job): void {
  if (overIds.has(job.id)) return;
  jobs.mine = job.id;
  if (job.state === "waiting" && jobs.running?.id !== job.id && !jobs.line.some((one) => one.id === job.id)) jobs.line.push(job);
}

/** Put a job among the ended ones, the newest first. */
export function noteEnded(job: Job): void {
  jobs.ended = [job, ...jobs.ended.filter((one) => one.id !== job.id)].slice(0, REMEMBERED);
}

let asking: Promise<void> | null = null;
let isAskedAgain = false;

/** Ask for the line anew; several calls at once make one or two requests. */
export function refreshLine(): Promise<void> {
  if (asking) {
    isAskedAgain = true;
    return asking;
  }
  asking = readLine().finally(() => {
    asking = null;
    if (isAskedAgain) {
      isAskedAgain = false;
      void refreshLine();
    }
  });
  return asking;
}

async function readLine(): Promise<void> {
  try {
    const { held, line } = await answer(api.GET("/api/v1/queue"));
    jobs.held = held;
    const waiting = line.filter((job) => job.id !== jobs.running?.id && !overIds.has(job.id));
    jobs.line = waiting.sort((a, b) => b.priority - a.priority || a.position - b.position);
  } catch (error) {
    // A lost server is told by `connected`; the stream asks again when it is back.
    if (!(error instanceof ApiError) || !error.lost) report(error);
  }
}

/** Ask something of a job; whether it was done. A refusal is reported. */
async function ask(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}

const at = (id: string): { params: { path: { id: string } } } => ({ params: { path: { id } } });

/** Stop the job at work with the picture as it is now. If the preferences say so, the first press lets the picture at work be
 * finished, and the second one stops it. */
export async function interrupt(): Promise<void> {
  const { running } = jobs;
  if (!running) return;
  const when = preferences.finishPicture && !jobs.stopping ? "after-picture" : "now";
  const params = { ...at(running.id).params, query: { when } } as const;
  jobs.stopping = true;
  if (!(await ask(() => answer(api.POST("/api/v1/jobs/{id}/interrupt", { params }))))) jobs.stopping = false;
}

/** Finish only the picture at work as it is now, and go on with the next. */
export async function skip(): Promise<void> {
  const { running } = jobs;
  if (running) await ask(() => answer(api.POST("/api/v1/jobs/{id}/skip", at(running.id))));
}

/** End a job without the picture at work. */
export async function cancel(id: string): Promise<void> {
  if (jobs.running?.id === id) jobs.stopping = true;
  const done = await ask(() => answer(api.POST("/api/v1/jobs/{id}/cancel", at(id))));
  if (done) jobs.line = jobs.line.filter((job) => job.id !== id);
  else jobs.stopping = false;
}

/** Put a waiting job at another place: at once here, and back again if the server refuses. */
export async function move(id: string, to: { before?: string; to?: "front" | "back" }): Promise<void> {
  const before = jobs.line;
  const job = before.find((one) => one.id === id);
  if (job) {
    const others = before.filter((one) => one.id !== id);
    const place = to.to === "front" ? 0 : to.to === "back" ? others.length : others.findIndex((one) => one.id === to.before);
    if (place >= 0) jobs.line = [...others.slice(0, place), job, ...others.slice(place)];
  }
  const shown = jobs.line;
  if (await ask(() => answer(api.POST("/api/v1/jobs/{id}/move", { ...at(id), body: to })))) await refreshLine();
  else if (jobs.line === shown) jobs.line = before;
  else await refreshLine();
}

/** Keep a waiting job from being run. */
export async function pause(id: string): Promise<void> {
  if (await ask(() => answer(api.POST("/api/v1/jobs/{id}/pause", at(id))))) await refreshLine();
}

/** Let a paused job wait again. */
export async function resume(id: string): Promise<void> {
  if (await ask(() => answer(api.POST("/api/v1/jobs/{id}/resume", at(id))))) await refreshLine();
}

/** Let no waiting job begin, or let them begin again. */
export async function hold(held: boolean): Promise<void> {
  const path = held ? "/api/v1/queue/pause" : "/api/v1/queue/resume";
  if (await ask(() => answer(api.POST(path)))) jobs.held = held;
}

/** Run an ended job again; pictures it has already are not made twice. */
export async function retry(id: string): Promise<void> {
  if (!(await ask(() => answer(api.POST("/api/v1/jobs/{id}/retry", at(id)))))) return;
  jobs.ended = jobs.ended.filter((job) => job.id !== id);
  overIds.delete(id);
  jobs.mine = id;
  await refreshLine();
}

/** Change fields of a waiting job; throws `ApiError` with the field where the server refuses. */
export async function edit(id: string, request: Record<string, unknown>): Promise<void> {
  await answer(api.PATCH("/api/v1/jobs/{id}", { ...at(id), body: { request } }));
  await refreshLine();
}
