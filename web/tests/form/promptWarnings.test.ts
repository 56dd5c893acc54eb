import { createApp, h, nextTick, ref } from "vue";
import type { App } from "vue";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { i18n } from "@/i18n";
import PromptWarnings from "@/panels/form/PromptWarnings.vue";

let app: App | null = null;
const warnings = ref<string[]>([]);

function mount(): HTMLElement {
  const place = document.createElement("div");
  document.body.replaceChildren(place);
  app = createApp({ render: () => h(PromptWarnings, { warnings: warnings.value }) }).use(i18n);
  app.mount(place);
  return place;
}

function lines(place: HTMLElement): string[] {
  return [...place.querySelectorAll("[role=status] li")].map((one) => one.textContent);
}

beforeEach(() => {
  vi.useFakeTimers();
  warnings.value = [];
});

afterEach(() => {
  app?.unmount();
  vi.useRealTimers();
});

describe("what a prompt probably meant", () => {
  test("is said once typing rests, not at each key", async () => {
    const place = mount();
    for (const text of ["a", "b", "c"]) {
      warnings.value = [text];
      await nextTick();
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(lines(place)).toEqual([]);
    await vi.advanceTimersByTimeAsync(600);
    expect(lines(place)).toEqual(["c"]);
    expect(place.textContent).toContain("Perhaps meant otherwise:");
  });

  test("goes at once when it is put right", async () => {
    warnings.value = ["a", "b"];
    const place = mount();
    await vi.advanceTimersByTimeAsync(1600);
    warnings.value = ["b"];
    await nextTick();
    await nextTick();
    expect(lines(place)).toEqual(["b"]);
    warnings.value = [];
    await nextTick();
    await nextTick();
    expect(place.querySelector(".warnings")).toBeNull();
  });

  test("is cut after three", async () => {
    warnings.value = ["a", "b", "c", "d", "e"];
    const place = mount();
    await vi.advanceTimersByTimeAsync(1600);
    expect(lines(place)).toEqual(["a", "b", "c", "and 2 more"]);
  });
});
