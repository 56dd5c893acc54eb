import { report } from "@/state/notices";

/** Do something that may fail; `name` says what was being done when it did. */
export function attempt(doing: () => unknown, name?: string): void {
  void (async () => {
    try {
      await doing();
    } catch (error) {
      report(error, name);
    }
  })();
}
