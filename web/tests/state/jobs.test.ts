import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Job, Result } from "@/api/types";
import { form, resetForm, setValue, type Mode } from "@/state/form";
import { cancel, generate, generateBatch, interrupt, jobs, move, rerun, startJobs, overIds } from "@/state/jobs";
import { fieldErrors, notices } from "@/state/notices";
import { preferences } from "@/state/preferences";
import { closePicture, openFile, openResult } from "@/state/source";
import { HandmadeEvents } from "../api/handmade-events";
import { HandmadeCanvas, stubBitmaps } from "./canvas";
import { fillLibrary } from "./schema";
import { HandmadeServer, problem } from "./server";
import { pngFile, Uploads } from "./uploads";

const made = vi.hoisted((): { canvas: unknown } => ({ canvas: null }));
vi.mock("@/canvas", () => ({ createEngine: () => made.canvas }));

const canvas = new HandmadeCanvas();
made.canvas = canvas;

let server: HandmadeServer;
let number = 0;
let stop = (): void => undefined;
const heard: string[] = [];

function job(id: string, more: Partial<Job> = {}): Job {
  const state = { state: "waiting", wish: "", progress: {}, error: null, notes: [], request: {}, options: {}, parent: null } as const;
  const rest = { kind: "img2img", source: "web", priority: 0, position: 1, created: 1, started: null, ended: null, attempts: 0 };
  return { id, ...state, ...rest, favorite: false, links: {}, ...more } as unknown as Job;
}

const result = (id: string): Result => ({ id, job: "a", index: 0, seed: 5, sha256: `sha-${id}`, format: "png", width: 64, height: 48, infotext: "" }) as unknown as Result;

async function start(): Promise<HandmadeEvents> {
  stop = startJobs((one) => heard.push(one.id));
  const events = HandmadeEvents.newest();
  events.open();
  await vi.waitFor(() => expect(server.to("GET /jobs").length).toBeGreaterThan(0));
  await settled();
  return events;
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 40));

beforeEach(() => {
  Object.assign(jobs, { running: null, progress: null, preview: null, line: [], ended: [], forever: false, mine: null, stopping: false });
  overIds.clear();
  heard.length = 0;
  notices.splice(0);
  fillLibrary();
  resetForm();
  form.mode = "txt2img";
  preferences.finishPicture = false;
  canvas.hasMask = false;
  canvas.hasPaint = false;
  closePicture();
  new Uploads().install();
  stubBitmaps();
  HandmadeEvents.install();
  server = new HandmadeServer()
    .on("POST /jobs", ({ body }: { body: unknown }) => ({ status: 201, body: job(`j${++number}`, { request: (body as Job).request }) }))
    .on("GET /queue", { held: false, line: [] })
    .on("GET /jobs", { items: [], next: null })
    .on("GET /results/{id}", ({ path }: { path: string }) => ({ body: result(path.split("/").at(-1) ?? "") }))
    .on("GET /jobs/{id}/results", [])
    .on("GET /pictures/*", () => ({ body: new Blob(["shown"]) }))
    .install();
});
afterEach(() => {
  stop();
});

describe("generate", () => {
  const image = { sha256: "sha-cat.png", name: "cat.png" };
  const cases: Record<Mode, string[]> = {
    img2img: ["images"],
    sketch: ["images", "paint"],
    inpaint: ["images", "mask", "paint"],
    "inpaint-sketch": ["images", "paint", "paint_is_mask"],
    "inpaint-upload": ["images", "mask", "paint"],
    batch: ["images"],
    txt2img: [],
  };

  it.each(Object.entries(cases))("sends in %s what the mode needs", async (mode, pictures) => {
    await openFile(pngFile("cat.png"));
    canvas.stroke("mask");
    canvas.stroke("sketch");
    form.mode = mode as Mode;
    setValue("prompt", "a fox");
    expect(await generate()).not.toBeNull();
    const body = server.to("POST /jobs")[0]?.body as { kind: string; source: string; request: Record<string, unknown>; options: object };
    expect(Object.keys(body.request).sort()).toEqual([...pictures, "prompt"].sort());
    if (pictures.length > 0) expect(body.request.images).toEqual([image]);
    expect([body.kind, body.source]).toEqual([mode === "txt2img" ? "txt2img" : "img2img", "web"]);
    expect(body.options).toEqual({ format: "png", quality: 80, lossless: false, outputs: [] });
  });

  it("asks again under the same key when the answer was lost, and never more than three times", async () => {
    let calls = 0;
    server.on("POST /jobs", () => (++calls < 3 ? "lost" : { body: job("a") }));
    expect((await generate())?.id).toBe("a");
    const keys = server.to("POST /jobs").map((one) => one.headers.get("Idempotency-Key"));
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    server.on("POST /jobs", () => "lost");
    expect(await generate()).toBeNull();
    const all = server.to("POST /jobs").map((one) => one.headers.get("Idempotency-Key"));
    expect([all.length, new Set(all).size]).toEqual([6, 2]);
    expect(notices.at(-1)?.detail).toMatch(/Nothing you painted is lost/);
    expect(jobs.sending).toBe(false);
  });

  it("does not send a refused job again, and marks the field", async () => {
    server.on("POST /jobs", () => ({ status: 422, body: problem(422, "not allowed", "steps: too many", { field: "steps" }) }));
    expect(await generate()).toBeNull();
    expect(server.to("POST /jobs")).toHaveLength(1);
    expect(fieldErrors.steps).toContain("too many");
  });

  it("names the result it is made from, and goes on without one that is gone", async () => {
    await openResult(result("r7"), "img2img");
    server.on("POST /jobs", ({ body }: { body: unknown }) =>
      (body as Job).parent === null ? { body: job("a") } : { status: 422, body: problem(422, "not allowed", "gone", { field: "parent" }) },
    );
    expect((await generate())?.id).toBe("a");
    expect(server.to("POST /jobs").map((one) => (one.body as Job).parent)).toEqual(["r7", null]);
  });

  it("sends files again that the server has lost", async () => {
    await openFile(pngFile("cat.png"));
    let calls = 0;
    server.on("POST /jobs", () =>
      ++calls > 1 ? { body: job("a") } : { status: 422, body: problem(422, "not allowed", "no file with this SHA-256 is kept", { field: "images" }) },
    );
    expect((await generate())?.id).toBe("a");
    expect((server.to("POST /jobs")[1]?.body as Job).request.images).toEqual([{ sha256: "sha-picture.png", name: "picture.png" }]);
  });

  it("puts a job in front of those that wait", async () => {
    jobs.line = [job("b"), job("c")];
    server.on("POST /jobs/{id}/move", {});
    const sent = await generate({ front: true });
    expect(server.to(`POST /jobs/${sent?.id ?? ""}/move`)[0]?.body).toEqual({ to: "front" });
  });
});

describe("the stream", () => {
  it("attaches to the job at work after a refresh, with progress, results and the last preview", async () => {
    const running = job("a", { state: "running", progress: { stage: "sample", step: 3, steps: 9, fraction: 0.3, image: 0, images: 2, elapsed: 1, remaining: 2 } });
    server.on("GET /jobs", { items: [running], next: null }).on("GET /jobs/a", running).on("GET /jobs/a/results", [result("r1")]);
    server.on("GET /queue", { held: true, line: [job("b")] });
    await start();
    expect([jobs.running?.id, jobs.progress?.step, jobs.held, jobs.connected]).toEqual(["a", 3, true, true]);
    expect([heard, jobs.mine]).toEqual([["r1"], "b"]);
    expect(HandmadeEvents.newest().url).toBe("/api/v1/jobs/a/events");
    HandmadeEvents.newest().tell(3, "preview", { job: "a", at: 1, image: btoa("\xff\xd8jpeg") });
    expect(jobs.preview).toMatch(/^blob:/);
  });

  it("follows a job to its end and tells each result once", async () => {
    server.on("GET /jobs/a", job("a"));
    const events = await start();
    jobs.mine = "a";
    events.tell(1, "state", { job: "a", at: 1, state: "running" });
    events.tell(2, "progress", { job: "a", at: 1, stage: "sample", step: 5, steps: 9, fraction: 0.5 });
    events.tell(3, "preview", { job: "a", at: 1, image: btoa("\xff\xd8jpeg") });
    await vi.waitFor(() => expect(jobs.progress?.step).toBe(5));
    const revoked = vi.spyOn(URL, "revokeObjectURL");
    expect(jobs.preview).toMatch(/^blob:/);
    events.tell(4, "result", { job: "a", at: 2, id: "r2", index: 0 });
    events.tell(5, "result", { job: "a", at: 2, id: "r2", index: 0 });
    events.tell(6, "state", { job: "a", at: 3, state: "done" });
    await vi.waitFor(() => expect(jobs.running).toBeNull());
    expect([heard, jobs.mine, jobs.preview, jobs.progress]).toEqual([["r2"], null, null, null]);
    expect(revoked).toHaveBeenCalledOnce();
  });

  it("sees what became of a job that ended while the server was away", async () => {
    const running = job("a", { state: "running" });
    server.on("GET /jobs", { items: [running], next: null }).on("GET /jobs/a", running);
    await start();
    expect(jobs.running?.id).toBe("a");
    const main = HandmadeEvents.all[0];
    main?.fail();
    expect(jobs.connected).toBe(false);
    server.on("GET /jobs", { items: [], next: null }).on("GET /jobs/a/results", [result("r3")]);
    server.on("GET /jobs/a", job("a", { state: "failed", error: { type: "OutOfMemory", title: "The memory does not suffice", detail: "12 GB" } }));
    await vi.waitFor(() => expect(HandmadeEvents.newest()).not.toBe(main), { timeout: 2000 });
    HandmadeEvents.all.at(-1)?.open();
    await vi.waitFor(() => expect(jobs.ended.map((one) => one.id)).toEqual(["a"]));
    expect([heard, jobs.running, jobs.mine]).toEqual([["r3"], null, null]);
    expect(notices.at(-1)?.detail).toMatch(/smaller size/);
  });

  it("says nothing of other people's failures", async () => {
    server.on("GET /jobs/x", job("x", { source: "api", state: "failed", error: { title: "Bad", detail: "bad" } }));
    const events = await start();
    events.tell(1, "state", { job: "x", at: 1, state: "failed" });
    await vi.waitFor(() => expect(jobs.ended).toHaveLength(1));
    expect(notices).toEqual([]);
  });
});

describe("forever", () => {
  it("sends the next one when the last has ended well, and stops at an error", async () => {
    const events = await start();
    jobs.forever = true;
    const first = await generate();
    const id = first?.id ?? "";
    server.on("GET /jobs/{id}", ({ path }: { path: string }) => ({ body: job(path.split("/").at(-1) ?? "", { state: "failed", error: {} }) }));
    events.tell(1, "state", { job: id, at: 1, state: "running" });
    events.tell(2, "state", { job: id, at: 1, state: "done" });
    await vi.waitFor(() => expect(server.to("POST /jobs")).toHaveLength(2));
    await vi.waitFor(() => expect(jobs.mine).not.toBe(null));
    events.tell(3, "state", { job: jobs.mine ?? "", at: 1, state: "failed" });
    await vi.waitFor(() => expect(jobs.forever).toBe(false));
    await settled();
    expect(server.to("POST /jobs")).toHaveLength(2);
    expect(notices.map((one) => one.title)).toContain("Generate forever has stopped");
  });

  it("stops when a job is refused", async () => {
    jobs.forever = true;
    server.on("POST /jobs", () => ({ status: 429, body: problem(429, "the queue is full", "1000 jobs wait") }));
    await generate();
    expect(jobs.forever).toBe(false);
    expect(notices.at(-1)?.actions[0]?.label).toBe("Show the queue");
  });
});

describe("steering", () => {
  it("moves at once and back again if the server refuses", async () => {
    jobs.line = [job("a"), job("b"), job("c")];
    let refuse: () => void = () => undefined;
    const refused = new Promise<void>((resolve) => (refuse = resolve));
    server.on("POST /jobs/{id}/move", async () => {
      await refused;
      return { status: 409, body: problem(409, "not in this state", "it runs") };
    });
    const moving = move("c", { before: "a" });
    expect(jobs.line.map((one) => one.id)).toEqual(["c", "a", "b"]);
    refuse();
    await moving;
    expect(jobs.line.map((one) => one.id)).toEqual(["a", "b", "c"]);
    expect(notices).toHaveLength(1);
  });

  it("lets the picture be finished at the first press if that is wanted, and stops at the second", async () => {
    preferences.finishPicture = true;
    jobs.running = job("a", { state: "running" });
    server.on("POST /jobs/{id}/interrupt", {});
    await interrupt();
    await interrupt();
    expect(server.to("POST /jobs/a/interrupt").map((one) => one.query.get("when"))).toEqual(["after-picture", "now"]);
    expect(jobs.stopping).toBe(true);
  });

  it("takes a cancelled job out of the line", async () => {
    jobs.line = [job("a"), job("b")];
    server.on("POST /jobs/{id}/cancel", {});
    await cancel("a");
    expect(jobs.line.map((one) => one.id)).toEqual(["b"]);
  });

  it("runs a job again as it was, or with another seed", async () => {
    server.on("GET /jobs/a", job("a", { request: { prompt: "x", seed: 5 }, parent: "r0" }));
    await rerun(result("r1"), false);
    await rerun(result("r1"), true);
    const sent = server.to("POST /jobs").map((one) => one.body as Job);
    expect(sent[0]).toMatchObject({ request: { prompt: "x", seed: 5 }, parent: "r0" });
    expect(sent[1]).toMatchObject({ request: { prompt: "x", seed: -1 } });
  });
});

describe("a batch", () => {
  it("sends a job for each file with its mask and its own fields, and reports bad files together", async () => {
    form.mode = "batch";
    setValue("prompt", "all");
    setValue("only_masked", true);
    const done: number[] = [];
    const entries = [
      { file: pngFile("a.png"), mask: pngFile("a-mask.png"), fields: { prompt: "own", images: "never" } },
      { file: new File(["no picture, only words"], "b.png"), mask: null, fields: {} },
      { file: pngFile("c.png"), mask: null, fields: {} },
    ];
    expect(await generateBatch(entries, (count) => done.push(count))).toBe(2);
    const requests = server.to("POST /jobs").map((one) => (one.body as Job).request);
    expect(requests).toContainEqual({ prompt: "all", images: [{ sha256: "sha-c.png", name: "c.png" }] });
    expect(requests).toContainEqual({
      ...{ prompt: "own", only_masked: true, images: [{ sha256: "sha-a.png", name: "a.png" }] },
      mask: { sha256: "sha-a-mask.png", name: "a-mask.png" },
    });
    expect(done).toEqual([1, 2, 3]);
    expect(notices).toHaveLength(1);
    expect(notices[0]?.detail).toContain("b.png");
  });

  it("stops when the queue is full", async () => {
    form.mode = "batch";
    server.on("POST /jobs", () => ({ status: 429, body: problem(429, "the queue is full", "1000 jobs wait") }));
    const entries = Array.from({ length: 9 }, (_, at) => ({ file: pngFile(`${at}.png`), mask: null, fields: {} }));
    expect(await generateBatch(entries, () => undefined)).toBe(0);
    expect(server.to("POST /jobs").length).toBeLessThanOrEqual(3);
    expect(notices[0]?.title).toBe("The queue is full");
  });
});
