// @vitest-environment node
import { describe, expect, test } from "vitest";
import { History } from "../../src/canvas/history";
import type { Entry } from "../../src/canvas/history";

function entry(log: string[], label: string, bytes = 1): Entry {
  return { label, bytes, undo: () => log.push(`-${label}`), redo: () => log.push(`+${label}`) };
}

describe("history", () => {
  test("steps go back and forth in order", () => {
    const log: string[] = [];
    const history = new History();
    history.push(entry(log, "a"));
    history.push(entry(log, "b"));
    expect([history.undo(), history.undo(), history.undo()]).toEqual([true, true, false]);
    expect([history.redo(), history.redoLabel]).toEqual([true, "b"]);
    expect(log).toEqual(["-b", "-a", "+a"]);
  });

  test("a new step forgets what was undone", () => {
    const history = new History();
    history.push(entry([], "a"));
    history.undo();
    history.push(entry([], "b"));
    expect(history.redo()).toBe(false);
    expect(history.bytes).toBe(1);
  });

  test("the oldest go when the budget is spent, the newest never", () => {
    const history = new History(() => undefined, 100);
    for (const label of ["a", "b", "c"]) history.push(entry([], label, 45));
    expect(history.bytes).toBe(90);
    history.push(entry([], "huge", 500));
    expect(history.bytes).toBe(500);
    expect(history.undoLabel).toBe("huge");
  });

  test("a group is one step, taken back from its end", () => {
    const log: string[] = [];
    const history = new History();
    history.group("both", () => {
      history.push(entry(log, "a", 2));
      history.group("inner", () => history.push(entry(log, "b", 3)));
    });
    expect([history.undoLabel, history.bytes]).toEqual(["both", 5]);
    history.undo();
    history.redo();
    expect(log).toEqual(["-b", "-a", "+a", "+b"]);
    expect(history.undo()).toBe(true);
    expect(history.undo()).toBe(false);
  });

  test("an empty group is no step", () => {
    const history = new History();
    history.group("nothing", () => undefined);
    expect(history.undoLabel).toBe(null);
  });

  test("it tells when it changed", () => {
    let told = 0;
    const history = new History(() => (told += 1));
    history.push(entry([], "a"));
    history.undo();
    history.undo();
    expect(told).toBe(2);
  });
});
