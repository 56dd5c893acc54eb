import { describe, expect, it } from "vitest";
import type { Engine } from "@/canvas";
import { layerRows, stepTo } from "@/panels/layers/layerRows";

function engineWith(hasMask: boolean): Engine {
  const kinds = ["picture", "pasted", "pasted", "sketch", "mask"] as const;
  const layers = kinds.map((kind, index) => ({ id: `${kind}-${index}`, kind, name: kind, visible: true, opacity: 1 }));
  return { layers, selected: "pasted-1", hasMask, hasPaint: false } as unknown as Engine;
}

describe("the rows of the layers", () => {
  it("go from top to bottom", () => {
    const rows = layerRows(engineWith(true), ["picture", "pasted", "sketch", "mask"]);
    expect(rows.map((row) => row.id)).toEqual(["mask-4", "sketch-3", "pasted-2", "pasted-1", "picture-0"]);
    expect(rows.find((row) => row.selected)?.id).toBe("pasted-1");
  });

  it("leave out what is empty and not used, and mark what is kept but not used", () => {
    const rows = layerRows(engineWith(true), ["picture", "pasted"]);
    expect(rows.map((row) => [row.kind, row.used])).toEqual([
      ["mask", false],
      ["pasted", true],
      ["pasted", true],
      ["picture", true],
    ]);
    expect(layerRows(engineWith(false), ["picture", "pasted"])[0]?.kind).toBe("pasted");
  });

  it("let pasted pictures change places with each other only", () => {
    const rows = layerRows(engineWith(true), ["picture", "pasted", "sketch", "mask"]);
    expect(stepTo(rows, "pasted-1", "up")).toBe(2);
    expect(stepTo(rows, "pasted-1", "down")).toBeNull();
    expect(stepTo(rows, "pasted-2", "up")).toBeNull();
    expect(stepTo(rows, "pasted-2", "down")).toBe(1);
    expect(stepTo(rows, "mask-4", "down")).toBeNull();
  });
});
