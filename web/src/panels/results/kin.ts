/** What is known of a result beyond itself: its job, and its family. */
import { computed, ref, type Ref, watch } from "vue";
import { answer, api } from "@/api/client";
import { ApiError } from "@/api/problem";
import type { Job, Result } from "@/api/types";
import { lineage } from "@/state/results";

/** A result's job, ancestors and children. */
export interface Kin {
  job: Job | null;
  ancestors: Result[];
  children: Result[];
}

/** Ask the server for a result's kin; parts that are not kept any more stay empty. Throws `ApiError` where it is lost. */
async function kinOf(result: Result): Promise<Kin> {
  const [job, family] = await Promise.all([jobOf(result), lineage(result.id)]);
  return { job, ...family };
}

async function jobOf(result: Result): Promise<Job | null> {
  try {
    return await answer(api.GET("/api/v1/jobs/{id}", { params: { path: { id: result.job } } }));
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}

/** Follow a result: its kin, null until it is known. What is learned of one that was left is dropped. */
export function useKin(result: () => Result | undefined): Ref<Kin | null> {
  const kin = ref<Kin | null>(null);
  const wanted = computed(() => result()?.id);
  watch(
    wanted,
    async (id) => {
      const asked = result();
      kin.value = null;
      if (id === undefined || asked === undefined) return;
      const found = await kinOf(asked).catch(() => null);
      if (wanted.value === id) kin.value = found;
    },
    { immediate: true },
  );
  return kin;
}

/** Return the seconds one picture of a job took; null if the job is not known or did not end. */
export function secondsEach(job: Job | null, count: number): number | null {
  if (job === null || job.started === null || job.ended === null) return null;
  return (job.ended - job.started) / Math.max(count, 1);
}
