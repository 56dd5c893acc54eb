/** Whether the stage shows the picture that is being made instead of a finished one. */
import { computed, reactive, watch } from "vue";
import { jobs } from "@/state/jobs";
import { results } from "@/state/results";

const wish = reactive({ hidden: false, asked: false });

/** Whether a job that this page sent is at work and a preview of it is here. */
const coming = computed(() => jobs.running !== null && jobs.preview !== null && jobs.running.id === jobs.mine);

/** Whether the live preview is on the stage: the newest result was looked at, or the person asked for it. */
export const live = computed(() => {
  if (jobs.running === null || jobs.preview === null) return false;
  if (wish.asked) return true;
  return coming.value && !wish.hidden && results.selected !== null && results.selected === results.session[0]?.id;
});

/** Show the picture that is being made on the stage. */
export function showLive(): void {
  wish.asked = true;
  wish.hidden = false;
}

/** Show what was on the stage before; the next job is shown again. */
export function hideLive(): void {
  wish.asked = false;
  wish.hidden = true;
}

watch(
  () => jobs.running?.id,
  () => Object.assign(wish, { hidden: false, asked: false }),
);
watch(
  () => results.selected,
  () => (wish.asked = false),
);
