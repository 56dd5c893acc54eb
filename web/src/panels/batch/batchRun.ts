import { reactive } from "vue";
import { value } from "@/state/form";
import { generateBatch } from "@/state/jobs";
import { readParameters } from "@/state/results";
import type { BatchRow } from "@/stage";
import { infoFields } from "./batchInfo";
import { mayHaveParameters } from "./parametersInside";

/** After so many refusals one after another the rest is not tried: the queue is full, or the server is away. */
const ENOUGH = 3;
const SEEDS = 2 ** 32;

/** How far sending is. */
export const batchRun: { at: number; of: number; failed: number; stopping: boolean } = reactive({ at: 0, of: 0, failed: 0, stopping: false });

/** Send what is ready, one job each, all with one seed; `parts` are fields to take from each picture's own parameters. Returns how many were sent. */
export async function sendBatch(rows: readonly BatchRow[], parts: readonly string[]): Promise<number> {
  const ready = rows.filter(isReady);
  const seed = fixedSeed();
  Object.assign(batchRun, { at: 0, of: ready.length, failed: 0, stopping: false });
  let sent = 0;
  let refused = 0;
  for (const row of ready) {
    if (batchRun.stopping || refused >= ENOUGH) break;
    const fields = { ...seed, ...(await ownFields(row, parts)) };
    const accepted = await generateBatch([{ file: row.file, mask: row.mask, fields }], () => undefined);
    row.sent = accepted > 0;
    row.warning = accepted > 0 ? null : "batch.refused";
    refused = accepted > 0 ? 0 : refused + 1;
    sent += accepted;
    batchRun.failed += accepted > 0 ? 0 : 1;
    batchRun.at += 1;
  }
  batchRun.of = 0;
  return sent;
}

/** Whether a row is to be sent: not yet sent, and with its mask where there are masks. */
export function isReady(row: BatchRow): boolean {
  return !row.sent && row.warning !== "batch.noMask";
}

async function ownFields(row: BatchRow, parts: readonly string[]): Promise<Record<string, unknown>> {
  if (parts.length === 0 || !(await mayHaveParameters(row.file))) return {};
  const readback = await readParameters(row.file);
  return readback ? infoFields(readback, parts, value) : {};
}

/** A random seed is drawn once for the whole batch. */
function fixedSeed(): Record<string, unknown> {
  const seed = value("seed");
  return typeof seed === "number" && seed >= 0 ? {} : { seed: Math.floor(Math.random() * SEEDS) };
}
