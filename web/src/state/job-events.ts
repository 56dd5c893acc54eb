import { watch } from "vue";
import { answer, api, pause } from "@/api/client";
import { lastPreview, openEvents, type EventStream, type ServerEvent } from "@/api/events";
import type { Job, Progress, Result } from "@/api/types";
import { translate } from "@/i18n";
import { isOwn, jobs, noteEnded, overIds, refreshLine } from "./jobs";
import { ApiError, dismissTitled, notify, report } from "./notices";
import { preferences } from "./preferences";
import { reportFailure } from "./report";
import { generate } from "./sending";

type OnResult = (result: Result, job: Job | null) => void;

/** Milliseconds between two updates while nobody looks at the page. */
const HIDDEN_PACE = 300;
/** Milliseconds after which a hidden page lets go of the stream, if nothing of it is at work: browsers allow few at once. */
const HIDDEN_FOR = 20_000;

/** How often a result is asked for while the server is away. */
const RESULT_TRIES = 5;

let onResult: OnResult = () => undefined;
const seen = new Set<string>();

/** What came since the last frame; only the newest counts. */
const fresh: { progress: Progress | null; preview: string | null } = { progress: null, preview: null };
let isPlanned = false;

function plan(): void {
  if (isPlanned) return;
  isPlanned = true;
  if (document.hidden) setTimeout(show, HIDDEN_PACE);
  else requestAnimationFrame(show);
}

function show(): void {
  isPlanned = false;
  if (jobs.running && fresh.progress) jobs.progress = fresh.progress;
  if (jobs.running && fresh.preview !== null) showPreview(fresh.preview);
  fresh.progress = null;
  fresh.preview = null;
}

function showPreview(image: string | null): void {
  if (jobs.preview !== null) URL.revokeObjectURL(jobs.preview);
  jobs.preview = null;
  if (image === null) return;
  const bytes = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0));
  jobs.preview = URL.createObjectURL(new Blob([bytes], { type: bytes[0] === 0xff ? "image/jpeg" : "image/webp" }));
}

function forgetRunning(): void {
  jobs.running = null;
  jobs.progress = null;
  jobs.stopping = false;
  fresh.progress = null;
  fresh.preview = null;
  showPreview(null);
}

const path = (id: string): { params: { path: { id: string } } } => ({ params: { path: { id } } });

async function read(id: string): Promise<Job | null> {
  try {
    return await answer(api.GET("/api/v1/jobs/{id}", path(id)));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return null; // gone, or lost: the stream brings what is true
  }
}

function knownJob(id: string): Job | null {
  return jobs.running?.id === id ? jobs.running : (jobs.line.find((job) => job.id === id) ?? null);
}

async function hear(event: ServerEvent): Promise<void> {
  switch (event.kind) {
    case "state":
      if (event.state === "running") await began(event.job);
      else if (event.state === "waiting" || event.state === "paused") waits(event.job);
      else await ended(event.job, event.state);
      break;
    case "progress":
      if (jobs.running?.id !== event.job) break;
      fresh.progress = progressOf(event);
      plan();
      break;
    case "preview":
      if (jobs.running?.id !== event.job || !preferences.previews || event.image === undefined) break;
      fresh.preview = event.image;
      plan();
      break;
    case "result":
      await finished(event.id, event.job);
      break;
    case "note":
      knownJob(event.job)?.notes.push(event.text);
  }
}

function progressOf({ stage, image, images, step, steps, fraction, elapsed, remaining }: Progress): Progress {
  return { stage, image, images, step, steps, fraction, elapsed, remaining };
}

async function began(id: string): Promise<void> {
  overIds.delete(id);
  const job = knownJob(id) ?? (await read(id));
  if (!job || overIds.has(id)) return;
  if (jobs.running?.id !== id) forgetRunning();
  jobs.running = { ...job, state: "running" };
  jobs.line = jobs.line.filter((one) => one.id !== id);
}

function waits(id: string): void {
  overIds.delete(id);
  if (jobs.running?.id === id) forgetRunning();
  void refreshLine();
}

async function ended(id: string, state: Job["state"]): Promise<void> {
  if (overIds.has(id)) return;
  overIds.add(id);
  const isMine = jobs.mine === id;
  const before = knownJob(id);
  if (jobs.running?.id === id) forgetRunning();
  jobs.line = jobs.line.filter((job) => job.id !== id);
  if (isMine) jobs.mine = ownJobs().at(-1)?.id ?? null;
  let job = before;
  if (state !== "done") {
    job = (await read(id)) ?? before;
    if (job) noteEnded(job);
    if (state === "failed" && job && isOwn(job)) reportFailure(job.error ?? {});
  }
  if (jobs.forever && (isMine || (job && isOwn(job)))) goOn(state);
}

function ownJobs(): Job[] {
  return [...(jobs.running ? [jobs.running] : []), ...jobs.line].filter(isOwn);
}

/** Generate forever: the next one, as soon as none of ours is left. */
function goOn(state: Job["state"]): void {
  if (state !== "done") {
    jobs.forever = false;
    notify({ title: translate("notice.forever.stopped") });
  } else if (ownJobs().length === 0 && !jobs.sending) {
    void generate(); // not awaited: events go on meanwhile
  }
}

async function finished(id: string, job: string): Promise<void> {
  if (seen.has(id)) return;
  seen.add(id);
  const by = knownJob(job);
  for (let tried = 1; ; tried += 1) {
    try {
      onResult(await answer(api.GET("/api/v1/results/{id}", path(id))), by);
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || (!error.lost && error.problem.status !== 404)) report(error);
      if (!(error instanceof ApiError) || !error.lost || tried === RESULT_TRIES) return;
      await pause(tried * 1000);
    }
  }
}

/** Take over what the server has: after the start, and after each time the stream was away. */
async function attach(): Promise<void> {
  const awaited = ownJobs().map((job) => job.id);
  try {
    await refreshLine();
    const { items } = await answer(api.GET("/api/v1/jobs", { params: { query: { state: ["running"], limit: 1 } } }));
    const [job] = items;
    if (job) await attachTo(job);
    else if (jobs.running) forgetRunning();
    jobs.mine ??= ownJobs().at(-1)?.id ?? null;
    for (const id of awaited) if (knownJob(id) === null) await lookAfter(id);
  } catch (error) {
    if (!(error instanceof ApiError) || !error.lost) report(error);
  }
}

async function attachTo(job: Job): Promise<void> {
  const isNew = jobs.running?.id !== job.id;
  await began(job.id);
  if (!jobs.running) return;
  jobs.running = job;
  if ("fraction" in job.progress) jobs.progress = progressOf(job.progress as unknown as Progress);
  if (isOwn(job)) await readResults(job.id);
  if (isNew && preferences.previews) {
    lastPreview(job.id, (image) => {
      if (jobs.running?.id === job.id && jobs.preview === null) showPreview(image);
    });
  }
}

async function readResults(job: string): Promise<void> {
  for (const { id } of await answer(api.GET("/api/v1/jobs/{id}/results", path(job)))) await finished(id, job);
}

/** See what became of a job that ended while nobody listened. */
async function lookAfter(id: string): Promise<void> {
  await readResults(id);
  const job = await read(id);
  if (job && ["done", "failed", "cancelled"].includes(job.state)) await ended(id, job.state);
}

/** Let go of the stream while the page is hidden for long and waits for nothing. */
function restWhileHidden(stream: EventStream): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const rest = (): void => {
    if (document.hidden && jobs.mine === null && !jobs.forever) stream.pause();
  };
  const look = (): void => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(rest, HIDDEN_FOR);
    else stream.resume();
  };
  document.addEventListener("visibilitychange", look);
  watch(() => jobs.mine, look);
}

/** Listen to the server from now on; the listener gets each finished result once. Returns how to stop. */
export function startJobs(listener: OnResult): () => void {
  onResult = listener;
  // One after the other: what an event asks the server must not overtake the next event.
  let queue: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): void => {
    queue = queue.then(work).catch(report);
  };
  const stream = openEvents({
    event: (event) => inTurn(() => hear(event)),
    opened: () => {
      jobs.connected = true;
      dismissTitled(translate("notice.lost.title"));
      inTurn(attach);
    },
    broken: () => {
      jobs.connected = false;
    },
  });
  restWhileHidden(stream);
  return () => stream.close();
}
