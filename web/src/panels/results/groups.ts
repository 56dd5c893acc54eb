/** Results in groups: those of one job that lie side by side belong together. */
import type { Result } from "@/api/types";

/** The results of one job, in the order in which they are shown. */
export interface Batch {
  job: string;
  items: Result[];
}

/** Group neighbours that come from the same job. */
export function inBatches(items: readonly Result[]): Batch[] {
  const batches: Batch[] = [];
  for (const item of items) {
    const last = batches.at(-1);
    if (last?.job === item.job) last.items.push(item);
    else batches.push({ job: item.job, items: [item] });
  }
  return batches;
}

/** Return the width of a thumbnail that is `height` high, neither a sliver nor a ribbon. CSS pixels. */
export function thumbnailWidth(item: { width: number; height: number }, height: number): number {
  const ratio = item.height > 0 ? item.width / item.height : 1;
  return Math.round(height * Math.min(Math.max(ratio, 0.6), 1.8));
}
