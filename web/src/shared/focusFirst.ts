import { watch } from "vue";
import type { Ref } from "vue";

/** Give the focus to an element as soon as it is there, before a dialog gives it to its first button. */
export function useFirstFocus(element: Ref<HTMLElement | null>): void {
  watch(
    element,
    (found) => {
      if (found) setTimeout(() => found.focus(), 0);
    },
    { flush: "post" },
  );
}
