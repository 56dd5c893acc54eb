import { watch } from "vue";
import { jobs } from "./jobs";
import { results } from "./results";
import { engine } from "./source";

let waits = true;

/** Whether the person waits for the next result: since Generate was pressed nothing was painted and no other picture was looked at.
 * Then it comes on the stage; else it only joins the strip. */
export function waitsForResult(): boolean {
  return waits;
}

/** Notice from now on what the person turns to. */
export function startAttention(): void {
  engine().on("pixels", () => (waits = false));
  watch(
    () => jobs.sending,
    (sending) => (waits ||= sending),
  );
  watch(
    () => results.selected,
    (id) => {
      if (jobs.running !== null) waits = id !== null && id === results.session[0]?.id;
    },
  );
}
