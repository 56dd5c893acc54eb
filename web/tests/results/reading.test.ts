import { describe, expect, it } from "vitest";
import { comparedSize, drawDifference } from "@/panels/results/difference";
import { inBatches, thumbnailWidth } from "@/panels/results/groups";
import { movedTo, NOTHING, ranged, remaining, toggled } from "@/panels/results/selection";
import { enlargedSize, extrasBody, pictureOf } from "@/dialogs/enlarging";
import { takeApart } from "@/shared/picture/infotext";
import type { Result } from "@/api/types";

describe("an infotext", () => {
  it("is taken apart into prompt, negative prompt and settings in order", () => {
    const told = takeApart('a fox,\nin snow\nNegative prompt: blurry,\nugly\nSteps: 8, Sampler: DPM++ 2M, Lora hashes: "a: 1, b: 2", Size: 64x48');
    expect(told.prompt).toBe("a fox,\nin snow");
    expect(told.negative).toBe("blurry,\nugly");
    expect(told.settings).toEqual([["Steps", "8"], ["Sampler", "DPM++ 2M"], ["Lora hashes", "a: 1, b: 2"], ["Size", "64x48"]]);
  });

  it("that is only a prompt stays one, colons and all", () => {
    expect(takeApart("a (fox:1.2), snow")).toEqual({ prompt: "a (fox:1.2), snow", negative: "", settings: [] });
  });

  it("with an unfinished quotation does not loop or throw", () => {
    expect(takeApart('x\nSteps: 1, A: "b, C: 2, D: 3').prompt).toBe("x");
  });
});

describe("the difference of two pictures", () => {
  const pixels = (...values: number[]): Uint8ClampedArray => new Uint8ClampedArray(values);

  it("is black and says zero where they are the same", () => {
    const out = pixels(9, 9, 9, 9);
    expect(drawDifference(pixels(5, 6, 7, 255), pixels(5, 6, 7, 255), out, 16)).toEqual({ changed: 0, largest: 0 });
    expect([...out]).toEqual([0, 0, 0, 255]);
  });

  it("is amplified, and its figures are not", () => {
    const out = pixels(0, 0, 0, 0, 0, 0, 0, 0);
    const found = drawDifference(pixels(10, 0, 0, 255, 1, 1, 1, 255), pixels(0, 0, 3, 255, 1, 1, 1, 255), out, 4);
    expect([...out]).toEqual([40, 0, 12, 255, 0, 0, 0, 255]);
    expect(found).toEqual({ changed: 0.5, largest: 10 });
  });

  it("does not count color that is wholly transparent on both sides", () => {
    expect(drawDifference(pixels(200, 0, 0, 0), pixels(0, 0, 0, 0), pixels(0, 0, 0, 0), 1).changed).toBe(0);
  });

  it("is computed at no more than 2048 pixels a side", () => {
    expect(comparedSize({ width: 4096, height: 1024 })).toEqual({ width: 2048, height: 512 });
    expect(comparedSize({ width: 640, height: 480 })).toEqual({ width: 640, height: 480 });
  });
});

describe("groups of the filmstrip", () => {
  it("keep neighbours of one job together and others apart", () => {
    const items = ["a", "a", "b", "a"].map((job, at) => ({ id: String(at), job }) as Result);
    expect(inBatches(items).map((batch) => [batch.job, batch.items.length])).toEqual([["a", 2], ["b", 1], ["a", 1]]);
  });

  it("show neither slivers nor ribbons", () => {
    expect(thumbnailWidth({ width: 100, height: 1000 }, 100)).toBe(60);
    expect(thumbnailWidth({ width: 1000, height: 100 }, 100)).toBe(180);
    expect(thumbnailWidth({ width: 64, height: 48 }, 90)).toBe(120);
  });
});

describe("choosing several", () => {
  const ids = ["a", "b", "c", "d", "e", "f"];

  it("takes a range from where it began, both ways", () => {
    const start = toggled(NOTHING, "c");
    expect(ranged(start, ids, "e").chosen).toEqual(["c", "d", "e"]);
    expect(ranged(ranged(start, ids, "e"), ids, "a").chosen).toEqual(["a", "b", "c"]);
  });

  it("takes back what is chosen twice, and forgets what is gone", () => {
    expect(toggled(toggled(NOTHING, "a"), "a").chosen).toEqual([]);
    const left = remaining({ chosen: ["a", "b"], focus: "b", anchor: "a" }, ["a", "c"]);
    expect(left).toEqual({ chosen: ["a"], focus: null, anchor: "a" });
  });

  it("moves through a grid and stops at its ends", () => {
    expect(movedTo("ArrowDown", 1, 6, 3)).toBe(4);
    expect(movedTo("ArrowDown", 4, 6, 3)).toBe(4);
    expect(movedTo("ArrowLeft", 0, 6, 3)).toBe(0);
    expect(movedTo("End", 0, 6, 3)).toBe(5);
    expect(movedTo("Home", 5, 6, 3)).toBe(0);
    expect(movedTo("x", 0, 6, 3)).toBeNull();
    expect(movedTo("ArrowRight", 0, 0, 3)).toBeNull();
  });
});

describe("enlarging", () => {
  const choice = { upscaler: "Lanczos", second: "", visibility: 0.5, by: true, scale: 2, width: 300, height: 200, crop: true };

  it("by a factor makes sides that are multiples of eight", () => {
    expect(enlargedSize({ ...choice, scale: 1.5 }, { width: 101, height: 64 })).toEqual({ width: 144, height: 96 });
  });

  it("to a size is exactly that when it is cropped, and covers it when it is not", () => {
    expect(enlargedSize({ ...choice, by: false }, { width: 100, height: 100 })).toEqual({ width: 300, height: 200 });
    expect(enlargedSize({ ...choice, by: false, crop: false }, { width: 100, height: 100 })).toEqual({ width: 296, height: 296 });
  });

  it("sends no second upscaler where none is chosen or it is not visible", () => {
    expect(extrasBody(choice, "x")).toMatchObject({ resize_mode: 0, upscaler_1: "Lanczos", upscaler_2: "None", extras_upscaler_2_visibility: 0 });
    expect(extrasBody({ ...choice, second: "Nearest" }, "x")).toMatchObject({ upscaler_2: "Nearest", extras_upscaler_2_visibility: 0.5 });
    expect(extrasBody({ ...choice, second: "Nearest", visibility: 0 }, "x")).toMatchObject({ upscaler_2: "None" });
  });

  it("knows the kind of file that comes back", async () => {
    expect(pictureOf(btoa("\x89PNG")).type).toBe("image/png");
    expect(pictureOf("/9j/AAAA").type).toBe("image/jpeg");
    expect(pictureOf(btoa("abc")).size).toBe(3);
  });
});
