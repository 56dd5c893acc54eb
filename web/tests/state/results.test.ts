import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Result } from "@/api/types";
import { notices } from "@/state/notices";
import { addResult, copyPicture, copyText, lineage, moreHistory, pictureUrl, readParameters, remove } from "@/state/results";
import { restore, results, searchHistory, select, sourceUrl, toggleFavorite } from "@/state/results";
import { fillLibrary } from "./schema";
import { HandmadeServer, problem } from "./server";
import { pngFile, Uploads } from "./uploads";

vi.mock("@/canvas", () => ({ createEngine: () => null }));

const result = (id: string, more: Partial<Result> = {}): Result =>
  ({ id, job: "a", index: 0, seed: 5, sha256: `sha-${id}`, format: "png", favorite: false, sources: [], ...more }) as unknown as Result;

let server: HandmadeServer;

beforeEach(() => {
  fillLibrary();
  notices.splice(0);
  results.session = [];
  results.selected = null;
  Object.assign(results.history, { items: [], next: null, loading: false, text: "", favorites: false, trashed: false });
  server = new HandmadeServer().install();
});

const refused = (): { status: number; body: object } => ({ status: 404, body: problem(404, "no such result", "gone") });
const ids = (list: Result[]): string[] => list.map((one) => one.id);

it("a new result is the first of the filmstrip, once, and shown only if it is waited for", () => {
  addResult(result("r1"), false);
  addResult(result("r2"), true);
  addResult(result("r1"), false);
  expect([ids(results.session), results.selected]).toEqual([["r2", "r1"], "r2"]);
  select(null);
  expect(results.viewer).toBe(false);
});

it("knows the addresses of pictures", () => {
  expect(pictureUrl(result("r1"))).toBe("/api/v1/results/r1/picture");
  expect(sourceUrl(result("r1"))).toBeNull();
  expect(sourceUrl(result("r1", { sources: ["abc"] }))).toBe("/api/v1/pictures/abc/view");
});

describe("a favorite", () => {
  it("is marked at once and unmarked again if the server refuses", async () => {
    addResult(result("r1"), false);
    const [one] = results.session;
    server.on("PATCH /results/r1", {});
    await toggleFavorite(one as Result);
    expect(one?.favorite).toBe(true);
    expect(server.sent[0]?.body).toEqual({ favorite: true });
    server.on("PATCH /results/r1", refused);
    await toggleFavorite(one as Result);
    expect(one?.favorite).toBe(true);
    expect(notices).toHaveLength(1);
  });
});

describe("removing", () => {
  it("shows the next result and can be undone at its place", async () => {
    for (const id of ["r3", "r2", "r1"]) addResult(result(id), id === "r2");
    server.on("DELETE /results/r2", () => ({ status: 204 })).on("POST /results/r2/restore", {});
    await remove(result("r2"));
    expect([ids(results.session), results.selected]).toEqual([["r1", "r3"], "r3"]);
    notices[0]?.actions[0]?.run();
    await vi.waitFor(() => expect(ids(results.session)).toEqual(["r1", "r2", "r3"]));
    expect([results.selected, notices.length]).toEqual(["r2", 0]);
  });

  it("takes the result back if the server refuses", async () => {
    addResult(result("r1"), true);
    server.on("DELETE /results/r1", refused);
    await remove(result("r1"));
    expect([ids(results.session), results.selected]).toEqual([["r1"], "r1"]);
  });
});

describe("the history", () => {
  it("is searched from its beginning and goes on where it ended", async () => {
    results.history.text = " fox ";
    results.history.favorites = true;
    server.on("GET /results", ({ query }: { query: URLSearchParams }) => ({
      body: query.get("after") ? { items: [result("r2"), result("r1")], next: null } : { items: [result("r3"), result("r2")], next: "r2" },
    }));
    await searchHistory();
    expect(Object.fromEntries(server.sent[0]?.query ?? [])).toMatchObject({ text: "fox", favorite: "true", trashed: "false" });
    await moreHistory();
    expect([ids(results.history.items), results.history.next]).toEqual([["r3", "r2", "r1"], null]);
    await moreHistory();
    expect(server.sent).toHaveLength(2);
  });

  it("shows only the newest search when answers overtake each other", async () => {
    let release: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (release = resolve));
    server.on("GET /results", async ({ query }: { query: URLSearchParams }) => {
      if (query.get("text") === "old") await first;
      return { body: { items: [result(query.get("text") ?? "")], next: null } };
    });
    results.history.text = "old";
    const old = searchHistory();
    results.history.text = "new";
    await searchHistory();
    release();
    await old;
    expect([ids(results.history.items), results.history.loading]).toEqual([["new"], false]);
  });

  it("of the trash loses what is restored", async () => {
    results.history.trashed = true;
    results.history.items = [result("r1"), result("r2")];
    server.on("POST /results/r1/restore", {});
    await restore("r1");
    expect(ids(results.history.items)).toEqual(["r2"]);
  });

  it("tells where a result comes from", async () => {
    server.on("GET /results/r2/lineage", { ancestors: [result("r1")], children: [] });
    expect(ids((await lineage("r2")).ancestors)).toEqual(["r1"]);
  });
});

describe("parameters", () => {
  it("are read from a text, a result or a file, and it is said when there are none", async () => {
    new Uploads().install();
    const found = { kind: "img2img", request: { steps: 9 }, unknown: {}, notes: [] };
    server.on("POST /parameters", found);
    expect((await readParameters("steps: 9"))?.request).toEqual({ steps: 9 });
    await readParameters(result("r1"));
    await readParameters(pngFile("a.png"));
    expect(server.sent.map((one) => one.body)).toEqual([{ text: "steps: 9" }, { sha256: "sha-r1" }, { sha256: "sha-a.png" }]);
    server.on("POST /parameters", { ...found, request: {} });
    expect(await readParameters(result("r1"))).toBeNull();
    expect(notices[0]?.title).toBe("This picture carries no parameters");
  });
});

describe("copying", () => {
  it("gives the clipboard a PNG, and says so where the browser forbids it", async () => {
    const write = vi.fn(async () => undefined);
    vi.stubGlobal("ClipboardItem", class { constructor(readonly data: object) {} });
    vi.spyOn(navigator, "clipboard", "get").mockReturnValue({ write, writeText: async () => Promise.reject(new Error("no")) } as never);
    server.on("GET /results/r1/picture", () => ({ body: new Blob(["png"]) }));
    await copyPicture(result("r1"));
    expect(write).toHaveBeenCalledOnce();
    expect(notices.at(-1)?.kind).toBe("good");
    await copyText("words");
    expect(notices.at(-1)?.kind).toBe("warn");
  });
});
