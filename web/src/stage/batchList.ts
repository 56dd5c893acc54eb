import { reactive } from "vue";
import type { BatchEntry } from "@/state/jobs";
import { maybePicture } from "./dropping";

/** A file of the batch on its way. `fields` comes from its PNG info. */
export interface BatchRow extends BatchEntry {
  id: number;
  /** An i18n key of what is wrong with it, or null. */
  warning: string | null;
  /** It was sent. */
  sent: boolean;
}

/** The batch: its files, and the mask files that are matched to them by name. */
export const batchList: { rows: BatchRow[]; masks: File[] } = reactive({ rows: [], masks: [] });

let made = 0;

/** Add files; those that are no pictures are left out, as are files that are there already. Returns how many were added. */
export function addBatchFiles(files: readonly File[]): number {
  const known = new Set(batchList.rows.map((row) => signature(row.file)));
  const fresh = files.filter((file) => maybePicture(file) && !known.has(signature(file)));
  for (const file of fresh) {
    made += 1;
    batchList.rows.push({ id: made, file, mask: null, fields: {}, warning: null, sent: false });
  }
  matchMasks();
  return fresh.length;
}

/** Take the mask files; null takes them away. One file is the mask of all; else each serves the picture of its name. */
export function setBatchMasks(files: readonly File[]): void {
  batchList.masks = files.filter(maybePicture);
  matchMasks();
}

/** Take a row out. */
export function removeBatchRow(id: number): void {
  batchList.rows = batchList.rows.filter((row) => row.id !== id);
}

/** Empty the batch. */
export function clearBatch(): void {
  batchList.rows = [];
}

function matchMasks(): void {
  const { masks } = batchList;
  const byStem = new Map(masks.map((file) => [stemOf(file.name), file]));
  for (const row of batchList.rows) {
    row.mask = (masks.length === 1 ? masks[0] : byStem.get(stemOf(row.file.name))) ?? null;
    row.warning = masks.length > 0 && !row.mask ? "batch.noMask" : null;
  }
}

/** The name of a file without folder and ending, in small letters. */
export function stemOf(name: string): string {
  return name.replace(/^.*[\\/]/, "").replace(/\.[^.]+$/, "").toLowerCase();
}

function signature(file: File): string {
  return `${file.webkitRelativePath || file.name}:${file.size}:${file.lastModified}`;
}
