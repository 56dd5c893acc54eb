import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Engine } from "@/canvas";
import { addBatchFiles, batchList, clearBatch, setBatchMasks, stemOf } from "@/stage/batchList";
import { brushMemory, noteColor, offeredColors, readColor, recallBrushes, rememberBrush, takeBrush } from "@/stage/brushMemory";
import { carriesFiles, followDrags, maybePicture } from "@/stage/dropping";
import { insideDocument } from "@/stage/maskShapes";
import { clock, previewBox } from "@/stage/previewPlace";
import type { Job } from "@/api/types";

const BRUSH = { size: 20, hardness: 0.5, opacity: 1, color: "#102030", pressureSize: true, pressureOpacity: false };

beforeEach(() => {
  localStorage.clear();
  recallBrushes();
  clearBatch();
  setBatchMasks([]);
});

describe("brushes", () => {
  it("are remembered for each target and over a reload", () => {
    rememberBrush({ target: "mask", brush: BRUSH } as unknown as Engine);
    rememberBrush({ target: "none", brush: { ...BRUSH, size: 1 } } as unknown as Engine);
    brushMemory.brushes = {};
    recallBrushes();
    const setBrush = vi.fn();
    takeBrush({ target: "mask", setBrush } as unknown as Engine);
    expect(setBrush).toHaveBeenCalledWith(BRUSH);
    expect(Object.keys(brushMemory.brushes)).toEqual(["mask"]);
  });

  it("begin with a size that suits the picture", () => {
    const setBrush = vi.fn();
    takeBrush({ target: "sketch", size: { width: 2400, height: 1200 }, setBrush } as unknown as Engine);
    expect(setBrush).toHaveBeenCalledWith({ size: 100 });
  });

  it("survive what somebody else wrote into the storage", () => {
    localStorage.setItem("redraw.brushes", "{no");
    recallBrushes();
    expect(offeredColors()).toHaveLength(12);
  });

  it("offer the last colors first, each once", () => {
    noteColor("#123456");
    noteColor("#abcdef");
    noteColor("#123456");
    noteColor("javascript:alert(1)");
    expect(offeredColors().slice(0, 2)).toEqual(["#123456", "#abcdef"]);
    expect(offeredColors()).toHaveLength(12);
  });

  it.each([
    ["F80", "#ff8800"],
    [" #FF8800 ", "#ff8800"],
    ["red", null],
    ["#12345", null],
  ])("read the color %s", (text, color) => {
    expect(readColor(text)).toBe(color);
  });
});

describe("drags", () => {
  const drag = (types: string[]): DragEvent => ({ dataTransfer: { types, items: [{ kind: "file" }] } }) as unknown as DragEvent;

  it("are over until every enter has its leave", () => {
    const { dragged, enter, leave } = followDrags();
    enter(drag(["Files"]));
    enter(drag(["Files"]));
    leave();
    expect(dragged).toEqual({ over: true, files: 1 });
    leave();
    expect(dragged.over).toBe(false);
  });

  it("of text are no business of the stage", () => {
    const { dragged, enter } = followDrags();
    enter(drag(["text/plain"]));
    expect(dragged.over).toBe(false);
    expect(carriesFiles(null)).toBe(false);
  });

  it("end at once when the drop happened elsewhere", () => {
    const { dragged, enter, leave, reset } = followDrags();
    enter(drag(["Files"]));
    enter(drag(["Files"]));
    reset();
    leave();
    enter(drag(["Files"]));
    leave();
    expect(dragged.over).toBe(false);
  });
});

describe("a mask by numbers", () => {
  const shape = { x: 10, y: 10, width: 20, height: 20, form: "rectangle" as const, subtract: false };

  it("is cut to whole pixels", () => {
    expect(insideDocument({ ...shape, x: 9.6, width: 20.4 }, { width: 100, height: 100 })).toEqual(shape);
  });

  it.each([{ width: 0 }, { x: 100 }, { y: -20 }, { height: Number.NaN }, { x: Infinity }])("is refused where nothing would be masked: %o", (change) => {
    expect(insideDocument({ ...shape, ...change }, { width: 100, height: 100 })).toBeNull();
  });
});

describe("previews", () => {
  const canvas = { size: { width: 300, height: 200 }, maskBounds: () => ({ x: 100, y: 50, width: 20, height: 20 }) } as unknown as Engine;
  const job = (kind: string, request: Record<string, unknown>): Job => ({ kind, request }) as unknown as Job;

  it("lie on the whole picture", () => {
    expect(previewBox(canvas, job("img2img", {}))).toEqual({ x: 0, y: 0, width: 300, height: 200 });
  });

  it("lie on the close-up where only that is redrawn", () => {
    expect(previewBox(canvas, job("img2img", { only_masked: true, padding: 10, mask_blur: 0 }))).toEqual({ x: 90, y: 40, width: 40, height: 40 });
  });

  it("have no place on the picture when it is made of words", () => {
    expect(previewBox(canvas, job("txt2img", {}))).toBeNull();
  });

  it.each([[7.6, "8 s"], [0, "0 s"], [125, "2:05"]])("say %d seconds as %s", (seconds, text) => {
    expect(clock(seconds)).toBe(text);
  });
});

describe("the list of the batch", () => {
  const file = (name: string, type = "image/png"): File => new File(["x"], name, { type, lastModified: 1 });

  it("takes pictures once and nothing else", () => {
    expect(addBatchFiles([file("a.png"), file("a.png"), file("notes.txt", "text/plain")])).toBe(2);
    expect(addBatchFiles([file("a.png")])).toBe(0);
    expect(maybePicture(file("scan.HEIC", ""))).toBe(true);
  });

  it("matches masks by name, whatever the ending", () => {
    addBatchFiles([file("A.png"), file("b.jpg")]);
    setBatchMasks([file("a.webp"), file("c.png")]);
    expect(batchList.rows.map((row) => [row.mask?.name ?? null, row.warning])).toEqual([
      ["a.webp", null],
      [null, "batch.noMask"],
    ]);
  });

  it("uses a single mask for all, and none after they are taken away", () => {
    setBatchMasks([file("mask.png")]);
    addBatchFiles([file("a.png"), file("b.png")]);
    expect(batchList.rows.every((row) => row.mask?.name === "mask.png")).toBe(true);
    setBatchMasks([]);
    expect(batchList.rows.every((row) => row.mask === null && row.warning === null)).toBe(true);
  });

  it("knows a stem", () => {
    expect(stemOf("C:\\in\\My.Photo.PNG")).toBe("my.photo");
  });
});
