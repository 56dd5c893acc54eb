import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { form, Mode } from "@/state/form";
import { keptCanvas } from "@/state/kept-canvas";
import type { notices } from "@/state/notices";
import type { preferences } from "@/state/preferences";
import type { results } from "@/state/results";
import { HandmadeCanvas, stubBitmaps } from "./canvas";
import { HandmadeServer } from "./server";
import { pngFile, Uploads } from "./uploads";

const made = vi.hoisted((): { canvas: unknown } => ({ canvas: null }));
vi.mock("@/canvas", () => ({ createEngine: () => made.canvas }));

let canvas: HandmadeCanvas;
let uploads: Uploads;
let page: typeof import("@/state/source");

beforeEach(async () => {
  vi.resetModules();
  canvas = new HandmadeCanvas();
  made.canvas = canvas;
  uploads = new Uploads().install();
  new HandmadeServer().on("GET /pictures/*", () => ({ body: new Blob(["shown"]) })).install();
  stubBitmaps();
  page = await import("@/state/source");
});

/** The stores of the page that was loaded for this test. */
async function stores(): Promise<{ form: typeof form; notices: typeof notices; results: typeof results; preferences: typeof preferences }> {
  const { fillLibrary: fill } = await import("./schema");
  fill();
  const [a, b, c, d] = [
    await import("@/state/form"),
    await import("@/state/notices"),
    await import("@/state/results"),
    await import("@/state/preferences"),
  ];
  return { form: a.form, notices: b.notices, results: c.results, preferences: d.preferences };
}

describe("opening", () => {
  it("sends a file and shows the server's copy of it", async () => {
    expect(await page.openFile(pngFile("cat.png"))).toBe(true);
    expect(uploads.heads[0]).toHaveProperty("X-Redraw");
    expect(page.source).toMatchObject({ name: "cat.png", sha256: "sha-cat.png", width: 64, height: 48, loading: null });
    expect(page.source.infotext).toBe("info of cat.png");
    expect(canvas.calls).toEqual(["open cat.png"]);
  });

  it("refuses a huge file, a text and a picture of 30,000 pixels before anything is sent, and leaves all as it was", async () => {
    const { notices: told } = await stores();
    await page.openFile(pngFile("cat.png"));
    const huge = Object.defineProperty(pngFile("huge.png"), "size", { value: 200 * 1024 * 1024 });
    expect(await page.openFile(huge)).toBe(false);
    expect(told.at(-1)?.detail).toMatch(/200 MB.*64 MB/);
    expect(await page.openFile(new File(["just some words here"], "notes.txt"))).toBe(false);
    expect(told.at(-1)?.detail).toMatch(/“notes.txt”.*PNG, JPEG/);
    expect(await page.openFile(pngFile("wide.png", 30_000, 30_000))).toBe(false);
    expect(told.at(-1)?.detail).toContain("30000 × 30000");
    expect(uploads.names).toEqual(["cat.png"]);
    expect(canvas.calls).toEqual(["open cat.png"]);
    expect(page.source).toMatchObject({ name: "cat.png", loading: null });
  });

  it("leaves everything as it was when the server is lost while it is sent", async () => {
    const { notices: told } = await stores();
    uploads.replies = ["lost"];
    expect(await page.openFile(pngFile("cat.png"))).toBe(false);
    expect(told[0]?.detail).toMatch(/Nothing you painted is lost/);
    expect(canvas.calls).toEqual([]);
    expect(page.source).toMatchObject({ name: null, loading: null });
  });

  it("replaces an open picture so that undo brings back what the server knows of it", async () => {
    await page.openFile(pngFile("a.png"));
    await page.openFile(pngFile("a.png"));
    expect(canvas.calls).toEqual(["open a.png", "replace a.png"]);
    await page.openFile(pngFile("b.png"));
    expect(page.source).toMatchObject({ name: "b.png", sha256: "sha-b.png" });
    canvas.undo();
    canvas.undo();
    expect(page.source).toMatchObject({ name: "a.png", sha256: "sha-a.png" });
  });

  it("opens a result with its parent and takes its size over where a size is set", async () => {
    const { form: shown } = await stores();
    shown.sizing = "to";
    const result = { id: "r00001", sha256: "f00", seed: 7, format: "png", width: 64, height: 48, infotext: "x" };
    await page.openResult(result as never, "inpaint");
    expect(page.source).toMatchObject({ parent: "r00001", sha256: "f00", name: "7-r00001.png" });
    expect([shown.mode, shown.values.width]).toEqual(["inpaint", 64]);
    canvas.stroke("picture");
    expect(page.source).toMatchObject({ parent: "r00001", sha256: null });
  });

  it("pastes into an open document and loads masks", async () => {
    const { form: shown } = await stores();
    await page.pasteFile(pngFile("a.png"));
    await page.pasteFile(pngFile("b.png"));
    await page.openMask(pngFile("mask.png"));
    expect(canvas.calls).toEqual(["open a.png", "paste b.png", "mask"]);
    expect([shown.mode, page.canvasView.hasMask]).toEqual(["inpaint-upload", true]);
  });
});

describe("the pictures of a request", () => {
  const image = { images: [{ sha256: "sha-cat.png", name: "cat.png" }] };
  const mask = { mask: { sha256: "sha-mask.png", name: "mask.png" } };
  const paint = { paint: { sha256: "sha-paint.png", name: "paint.png" } };
  const wanted: Record<Mode, object> = {
    img2img: image,
    sketch: { ...image, ...paint },
    inpaint: { ...image, ...mask, ...paint },
    "inpaint-sketch": { ...image, ...paint, paint_is_mask: true },
    "inpaint-upload": { ...image, ...mask, ...paint },
    batch: image,
    txt2img: {},
  };

  it.each(Object.entries(wanted))("in %s are just what the mode uses", async (mode, fields) => {
    const { form: shown } = await stores();
    await page.openFile(pngFile("cat.png"));
    canvas.stroke("mask");
    canvas.stroke("sketch");
    shown.mode = mode as Mode;
    expect(await page.pictureFields()).toEqual(fields);
  });

  it("name the server's own file of the picture that is open now, however it came to be open", async () => {
    const named = async (): Promise<unknown> => (await page.pictureFields()).images;
    await page.openFile(pngFile("a.png"));
    await page.openFile(pngFile("b.png"));
    expect(await named()).toEqual([{ sha256: "sha-b.png", name: "b.png" }]);
    canvas.layers[0] = { ...canvas.layers[0], name: "a.png" } as never; // the layer was renamed
    canvas.emit("document");
    expect(await named()).toEqual([{ sha256: "sha-b.png", name: "b.png" }]);
    canvas.undo();
    expect(await named()).toEqual([{ sha256: "sha-a.png", name: "a.png" }]);
    canvas.stroke("picture");
    expect(await named()).toEqual([{ sha256: "sha-picture.png", name: "picture.png" }]);
    expect(uploads.names).toEqual(["a.png", "b.png", "picture.png"]);
  });

  it("are missing: the error says what to do and where", async () => {
    const { form: shown } = await stores();
    await expect(page.pictureFields()).rejects.toMatchObject({ problem: { field: "images" } });
    await page.openFile(pngFile("cat.png"));
    shown.mode = "inpaint";
    await expect(page.pictureFields()).rejects.toMatchObject({ problem: { field: "mask", detail: /Paint over/ } });
    shown.mode = "inpaint-sketch";
    await expect(page.pictureFields()).rejects.toMatchObject({ problem: { field: "paint" } });
  });

  it("are uploaded once for the same content, and the picture only if it was changed", async () => {
    const { form: shown } = await stores();
    await page.openFile(pngFile("cat.png"));
    canvas.stroke("mask");
    shown.mode = "inpaint";
    await page.pictureFields();
    await page.pictureFields();
    expect(uploads.names).toEqual(["cat.png", "mask.png"]);
    canvas.stroke("picture");
    canvas.exported = { mask: new Blob(["another"]) };
    expect(await page.pictureFields()).toMatchObject({ images: [{ sha256: "sha-picture.png" }] });
    expect(uploads.names).toEqual(["cat.png", "mask.png", "picture.png", "mask.png"]);
  });

  it("are sent again after an upload that failed", async () => {
    await page.openFile(pngFile("cat.png"));
    canvas.stroke("picture");
    uploads.replies = ["lost"];
    await expect(page.pictureFields()).rejects.toMatchObject({ lost: true });
    expect(await page.pictureFields()).toMatchObject({ images: [{ sha256: "sha-picture.png" }] });
  });
});

describe("keeping the canvas", () => {
  it("brings the canvas back after a refresh", async () => {
    await page.startSource();
    await page.openFile(pngFile("cat.png"));
    await vi.waitFor(async () => expect((await keptCanvas())?.picture?.sha256).toBe("sha-cat.png"), { timeout: 3000 });
    vi.resetModules();
    canvas = new HandmadeCanvas();
    made.canvas = canvas;
    const again = await import("@/state/source");
    await again.startSource();
    expect(canvas.calls).toEqual(["restore"]);
    expect(again.source).toMatchObject({ name: "cat.png", sha256: "sha-cat.png", width: 64 });
  });

  it("says once that nothing can be kept, and goes on", async () => {
    const { notices: told } = await stores();
    await page.startSource();
    vi.stubGlobal("indexedDB", { open: () => { throw new DOMException("full", "QuotaExceededError"); } });
    await page.openFile(pngFile("cat.png"));
    await vi.waitFor(() => expect(told.map((one) => one.title)).toContain("This browser does not keep your work"), { timeout: 3000 });
    canvas.stroke("mask");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(told).toHaveLength(1);
    vi.unstubAllGlobals();
  });
});
