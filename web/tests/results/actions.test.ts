import { afterEach, describe, expect, it, vi } from "vitest";
import type { Result } from "@/api/types";
import { en } from "@/i18n/en";
import { go, resultActions } from "@/actions/results";
import { chosen, look, sendActions } from "@/actions/send";
import { results } from "@/state/results";

const ours = [...resultActions, ...sendActions];
const result = (id: string): Result => ({ id, job: id, seed: 1, favorite: false, infotext: "", recipe: {}, links: {}, trashed: null }) as unknown as Result;

afterEach(() => {
  results.session = [];
  results.history.items = [];
  results.selected = null;
  vi.restoreAllMocks();
});

describe("the actions of results", () => {
  it("all have a name in English", () => {
    const names = en.action as unknown as Record<string, Record<string, string>>;
    for (const { name } of ours) {
      const [area = "", verb = ""] = name.split(".");
      expect(names[area]?.[verb], name).toBeTruthy();
    }
  });

  it("take no key of the tools and no key twice", () => {
    const keys = ours.map((one) => one.shortcut).filter((key) => key !== null);
    const taken = ["B", "E", "R", "O", "L", "P", "G", "V", "I", "C", "H", "Space", "X", "[", "]", "Q", "W", "Ctrl+Z", "Ctrl+V", "Ctrl+K", "?"];
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.filter((key) => taken.includes(key))).toEqual([]);
  });

  it("cannot be done while nothing is looked at", () => {
    const possible = ours.filter((one) => one.enabled()).map((one) => one.name);
    expect(possible).toEqual([]);
  });

  it("leave the arrow keys to a slider that has the focus", () => {
    results.session = [result("a"), result("b")];
    results.selected = "a";
    const next = resultActions.find((one) => one.name === "results.next");
    expect(next?.enabled()).toBe(true);
    document.body.innerHTML = '<input type="range">';
    document.querySelector("input")?.focus();
    expect(next?.enabled()).toBe(false);
    document.body.innerHTML = "";
  });
});

describe("going through results", () => {
  it("stops at both ends of the filmstrip", () => {
    results.session = ["a", "b", "c"].map(result);
    results.selected = "b";
    go(-1);
    expect(results.selected).toBe("a");
    go(-1);
    expect(results.selected).toBe("a");
    go(99);
    expect(results.selected).toBe("c");
  });

  it("goes through the history where the shown one is only there", () => {
    results.session = [result("a")];
    results.history.items = [result("x"), result("y")];
    results.selected = "x";
    go(1);
    expect(results.selected).toBe("y");
  });

  it("keeps showing a result that the history does not list any more", () => {
    results.history.items = [result("x"), result("y")];
    const shown = results.history.items[0];
    if (shown) look(shown);
    go(1);
    results.history.items = [];
    expect(chosen()?.id).toBe("y");
  });
});
