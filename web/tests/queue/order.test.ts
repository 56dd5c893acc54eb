import { describe, expect, it } from "vitest";
import { gapAt, placeAt, stepped } from "@/panels/queue/order";
import { jobSource, pictureCount, troubleOf } from "@/panels/queue/wording";
import type { Job } from "@/api/types";

const line = ["a", "b", "c", "d"];
const job = (request: Record<string, unknown>, error: Record<string, unknown> | null = null): Job => ({ request, error }) as Job;

describe("the place of a dragged job", () => {
  it("is said as before another, or as an end", () => {
    expect(placeAt(line, "a", 2)).toEqual({ before: "c" });
    expect(placeAt(line, "d", 0)).toEqual({ to: "front" });
    expect(placeAt(line, "b", 4)).toEqual({ to: "back" });
  });

  it("is none where the job is already, or where it is unknown", () => {
    expect(placeAt(line, "b", 1)).toBeNull();
    expect(placeAt(line, "b", 2)).toBeNull();
    expect(placeAt(line, "x", 0)).toBeNull();
  });

  it("moves one step by keys and stops at the ends", () => {
    expect(stepped(line, "c", -1)).toEqual({ before: "b" });
    expect(stepped(line, "b", -1)).toEqual({ to: "front" });
    expect(stepped(line, "b", 1)).toEqual({ before: "d" });
    expect(stepped(line, "c", 1)).toEqual({ to: "back" });
    expect(stepped(line, "a", -1)).toBeNull();
    expect(stepped(line, "d", 1)).toBeNull();
  });

  it("is the gap the pointer is in", () => {
    expect([0, 15, 100].map((y) => gapAt([10, 20, 30], y))).toEqual([0, 1, 3]);
  });
});

describe("the words for a job", () => {
  it("count its pictures", () => {
    expect(pictureCount(job({}))).toBe(1);
    expect(pictureCount(job({ batch_count: 3, batch_size: 2 }))).toBe(6);
  });

  it("find the picture it works on", () => {
    expect(jobSource(job({ images: [{ sha256: "ab" }] }))).toBe("ab");
    expect(jobSource(job({ images: [] }))).toBeNull();
    expect(jobSource(job({}))).toBeNull();
  });

  it("say what to do when memory was short, and keep the server's detail where it helps", () => {
    expect(troubleOf(job({}, { type: "OutOfMemory", detail: "x" })).next).toContain("smaller");
    expect(troubleOf(job({}, { type: "RequestError", detail: "steps: at most 150" })).what).toBe("steps: at most 150");
    expect(troubleOf(job({}, { type: "ModelError", detail: "broken.safetensors" })).what).toContain("broken.safetensors");
    expect(troubleOf(job({})).what).not.toBe("");
  });
});
