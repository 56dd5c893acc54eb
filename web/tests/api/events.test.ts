import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FIRST_WAIT, openEvents, type ServerEvent } from "@/api/events";
import { HandmadeEvents } from "./handmade-events";

const heard: (ServerEvent | string)[] = [];
const listener = {
  event: (event: ServerEvent): unknown => heard.push(event),
  opened: (): unknown => heard.push("opened"),
  broken: (): unknown => heard.push("broken"),
};

beforeEach(() => {
  vi.useFakeTimers();
  heard.length = 0;
  HandmadeEvents.install();
});
afterEach(() => {
  vi.useRealTimers();
});

const seen = (): unknown[] => heard.map((one) => (typeof one === "string" ? one : one.event));

it("goes on after the last event when the connection broke, with a growing wait", () => {
  const stream = openEvents(listener);
  const first = HandmadeEvents.newest();
  expect(first.url).toBe("/api/v1/events");
  first.open();
  first.tell(41, "state", { job: "a", at: 1, state: "running" });
  first.fail();
  expect(first.closed).toBe(true);
  vi.advanceTimersByTime(FIRST_WAIT);
  expect(HandmadeEvents.newest().url).toBe("/api/v1/events?after=41");
  HandmadeEvents.newest().fail();
  vi.advanceTimersByTime(FIRST_WAIT);
  expect(HandmadeEvents.all).toHaveLength(2);
  vi.advanceTimersByTime(FIRST_WAIT);
  const third = HandmadeEvents.newest();
  third.open();
  third.tell(41, "state", { job: "a", at: 1, state: "running" });
  third.tell(42, "note", { job: "a", at: 2, text: "hello" });
  expect(seen()).toEqual(["opened", 41, "broken", "broken", "opened", 42]);
  expect(heard.at(-1)).toEqual({ event: 42, kind: "note", job: "a", at: 2, text: "hello" });
  stream.close();
});

it("lets go of the connection while it is paused, and misses nothing", () => {
  const stream = openEvents(listener);
  HandmadeEvents.newest().tell(7, "note", { job: "a", at: 1, text: "x" });
  stream.pause();
  expect(HandmadeEvents.newest().closed).toBe(true);
  vi.advanceTimersByTime(60_000);
  expect(HandmadeEvents.all).toHaveLength(1);
  stream.resume();
  stream.resume();
  expect(HandmadeEvents.all).toHaveLength(2);
  expect(HandmadeEvents.newest().url).toContain("after=7");
  stream.close();
});

it("keeps the id of a result apart from the event's", () => {
  const stream = openEvents(listener);
  HandmadeEvents.newest().tell(9, "result", { job: "a", at: 1, id: "r1", index: 0 });
  expect(heard[0]).toMatchObject({ event: 9, id: "r1", kind: "result" });
  stream.close();
});
