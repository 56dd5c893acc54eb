import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { localError, lostError, problemOf } from "@/api/problem";
import { form, resetForm } from "@/state/form";
import { dismiss, dismissTitled, fieldErrors, notices, notify, report, SHOWN_FOR } from "@/state/notices";
import { preferences } from "@/state/preferences";
import { reportFailure } from "@/state/report";
import { fillLibrary } from "./schema";
import { problem } from "./server";

beforeEach(() => {
  vi.useFakeTimers();
  notices.splice(0);
  resetForm();
  fillLibrary();
});
afterEach(() => {
  vi.useRealTimers();
});

const refusal = (status: number, title: string, detail: string, more: object = {}): void =>
  report(problemOf(status, problem(status, title, detail, more)));

describe("notices", () => {
  it("go after some seconds, but errors stay until they are closed", () => {
    notify({ title: "done" });
    const id = notify({ kind: "error", title: "bad" });
    vi.advanceTimersByTime(SHOWN_FOR);
    expect(notices.map((one) => one.title)).toEqual(["bad"]);
    dismiss(id);
    expect(notices).toEqual([]);
  });

  it("are not shown twice at once", () => {
    report(lostError("x"));
    report(lostError("y"));
    expect(notices).toHaveLength(1);
  });
});

describe("report", () => {
  it("says of a lost server that nothing painted is lost", () => {
    report(lostError("x"));
    expect(notices[0]?.detail).toMatch(/Nothing you painted is lost/);
  });

  it("says how large a picture may be", () => {
    refusal(413, "too large", "the file is larger than the limit");
    expect(notices[0]?.detail).toContain("64 MB and 64 megapixels");
  });

  it("says which kinds of pictures work", () => {
    for (const [status, title] of [[415, "unsupported type"], [422, "no usable picture"]] as const) {
      notices.splice(0);
      refusal(status, title, "it is text");
      expect(notices[0]?.detail).toContain("PNG, JPEG, WebP");
    }
  });

  it("marks the field and offers the nearest name", () => {
    refusal(422, "unknown name", "there is no sampler Eular", { field: "sampler", near: ["Euler a"] });
    expect(fieldErrors.sampler).toContain("Euler a");
    expect(notices[0]?.title).toContain("Sampling method");
    notices[0]?.actions[0]?.run();
    expect(form.values.sampler).toBe("Euler a");
    expect(fieldErrors).not.toHaveProperty("sampler");
  });

  it("marks every field of a body that was refused", () => {
    const errors = [{ field: "steps", detail: "too many", allowed: "1 to 150" }, { field: "strength", detail: "too much", allowed: "" }];
    refusal(422, "not allowed", "steps: too many", { field: "steps", allowed: "1 to 150", errors });
    expect(fieldErrors.steps).toBe("Steps: too many. 1 to 150");
    expect(fieldErrors.strength).toBe("Too much");
  });

  it("leads to the queue when it is full and to the models when one is gone", () => {
    preferences.rightTab = "results";
    preferences.rightHidden = true;
    refusal(429, "the queue is full", "1000 jobs wait");
    notices[0]?.actions[0]?.run();
    expect([preferences.rightTab, preferences.rightHidden]).toEqual(["queue", false]);
    refusal(422, "unknown name", "there is no model x", { field: "model", near: ["starter"] });
    expect(notices.at(-1)?.actions.map((one) => one.label)).toEqual(["Use starter", "Refresh models"]);
  });

  it("has something to say for every status the server has", () => {
    for (const status of [400, 401, 403, 404, 405, 408, 409, 413, 415, 421, 422, 429, 500, 503, 507]) {
      notices.splice(0);
      refusal(status, "title", "detail of it");
      expect(notices[0]?.title).toBeTruthy();
      expect(notices[0]?.title).not.toContain("notice.");
      expect(notices[0]?.detail).not.toContain("notice.");
    }
    report(localError("Here", "and there"));
    expect(notices.at(-1)?.title).toBe("Here");
    report(new DOMException("stopped", "AbortError"));
    expect(notices.at(-1)?.title).toBe("Here");
  });
});

describe("failures of jobs", () => {
  it("say what to do about a model that is gone, without words of the command line", () => {
    const allowed = "`redraw models` lists them";
    reportFailure({ type: "UnknownName", title: "Nobody knows this name", detail: `unknown model 'old': ${allowed}`, field: "model", allowed });
    expect(notices[0]?.title).toBe("The model cannot be used");
    expect(notices[0]?.detail).toBe("Unknown model 'old'. Choose another model, or look into the models folders again.");
    expect(notices[0]?.actions.map((one) => one.label)).toEqual(["Refresh models"]);
    expect(fieldErrors.model).toBe("Unknown model 'old'");
  });

  it("keep the names of files as they are written", () => {
    refusal(422, "no usable picture", "half.png: the PNG file is damaged");
    expect(notices[0]?.detail).toMatch(/^half\.png: /);
  });

  it("can be taken back by their title", () => {
    notify({ kind: "error", title: "lost" });
    notify({ kind: "error", title: "other" });
    dismissTitled("lost");
    expect(notices.map((one) => one.title)).toEqual(["other"]);
  });
});
