import { reactive } from "vue";
import type { Job, Progress, Result } from "@/api/types";

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

/** Send a job made of form and canvas; null if it was refused (reported). `front`: it comes before all others. */
export async function generate(_options?: { front?: boolean }): Promise<Job | null> {
  throw new Error("being written");
}

/** Send one job for each of several files (batch), with masks by stem if given; returns how many were accepted. */
export async function generateBatch(_entries: BatchEntry[], _told: (done: number) => void): Promise<number> {
  throw new Error("being written");
}

/** One file of a batch. */
export interface BatchEntry {
  file: File;
  mask: File | null;
  /** Fields from its own PNG info that go over those of the form. */
  fields: Record<string, unknown>;
}

/** Stop the job at work with the picture as it is now; skip only the picture at work; cancel without a picture. */
export async function interrupt(): Promise<void> {
  throw new Error("being written");
}
export async function skip(): Promise<void> {
  throw new Error("being written");
}
export async function cancel(_id: string): Promise<void> {
  throw new Error("being written");
}

/** Order and state of waiting jobs. */
export async function move(_id: string, _to: { before?: string; to?: "front" | "back" }): Promise<void> {
  throw new Error("being written");
}
export async function pause(_id: string): Promise<void> {
  throw new Error("being written");
}
export async function resume(_id: string): Promise<void> {
  throw new Error("being written");
}
export async function hold(_held: boolean): Promise<void> {
  throw new Error("being written");
}
export async function retry(_id: string): Promise<void> {
  throw new Error("being written");
}

/** Change fields of a waiting job. */
export async function edit(_id: string, _request: Record<string, unknown>): Promise<void> {
  throw new Error("being written");
}

/** Run the job a result came from again: the same request, with another seed if asked. */
export async function rerun(_result: Result, _newSeed: boolean): Promise<Job | null> {
  throw new Error("being written");
}

/** Listen to the server from now on; the listener gets each finished result once. */
export function startJobs(_onResult: (result: Result, job: Job | null) => void): void {
  throw new Error("being written");
}
