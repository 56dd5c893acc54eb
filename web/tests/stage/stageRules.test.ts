import { describe, expect, it } from "vitest";
import type { Engine, LayerKind, Target, ToolName } from "@/canvas";
import { closeUpBox, guideOf } from "@/stage/closeUp";
import { enterMode, MODE_RULES, usesMask } from "@/stage/modeRules";
import { TOOLS } from "@/stage/toolTable";
import { fitInto } from "@/stage/zooming";
import { MODES } from "@/state/form";

interface Entered {
  target: Target;
  tool: ToolName;
  shown: readonly LayerKind[];
}

function enter(mode: (typeof MODES)[number], target: Target, tool: ToolName): Entered {
  const state: Entered = { target, tool, shown: [] };
  const canvas = {
    get target() {
      return state.target;
    },
    get tool() {
      return state.tool;
    },
    setTarget: (now: Target) => (state.target = now),
    setTool: (now: ToolName) => (state.tool = now),
    setShown: (now: readonly LayerKind[]) => (state.shown = now),
  };
  enterMode(canvas as unknown as Engine, mode);
  return state;
}

describe("modes", () => {
  it("coming to paint takes the brush", () => {
    expect(enter("inpaint", "none", "hand")).toMatchObject({ target: "mask", tool: "brush" });
    expect(enter("sketch", "none", "move")).toMatchObject({ target: "sketch", tool: "brush" });
  });

  it("a tool that goes on working stays", () => {
    expect(enter("inpaint-sketch", "mask", "lasso").tool).toBe("lasso");
    expect(enter("img2img", "none", "region").tool).toBe("region");
  });

  it("a tool that the mode has not is put down", () => {
    expect(enter("inpaint", "sketch", "picker").tool).toBe("brush");
    expect(enter("img2img", "mask", "eraser").tool).toBe("hand");
  });

  it("only the mask modes draw the mask, and img2img not even the sketch", () => {
    const withMask = MODES.filter((mode) => MODE_RULES[mode].shown.includes("mask"));
    expect(withMask).toEqual(["inpaint", "inpaint-upload"]);
    expect(MODES.filter(usesMask)).toEqual(withMask);
    expect(enter("img2img", "mask", "brush").shown).toEqual(["picture", "pasted"]);
  });

  it("every tool has a key of its own, and is used by some mode", () => {
    expect(new Set(TOOLS.map((tool) => tool.shortcut)).size).toBe(TOOLS.length);
    for (const tool of TOOLS) expect(MODES.some((mode) => MODE_RULES[mode].tools.includes(tool.name))).toBe(true);
  });
});

describe("the guide", () => {
  const values: Record<string, unknown> = { only_masked: true, padding: 12, mask_blur: 3, width: 768, height: 512 };

  it("follows the form in the modes that redraw a part", () => {
    expect(guideOf("inpaint", (name) => values[name])).toEqual({ padding: 12, blur: 3, aspect: 1.5 });
    expect(guideOf("inpaint-sketch", (name) => values[name])).not.toBeNull();
  });

  it("is not shown elsewhere, nor for the whole picture", () => {
    expect(guideOf("img2img", (name) => values[name])).toBeNull();
    expect(guideOf("inpaint", (name) => ({ ...values, only_masked: false })[name])).toBeNull();
  });

  it("is square while no size is set", () => {
    expect(guideOf("inpaint", (name) => ({ only_masked: true })[name])?.aspect).toBe(1);
  });
});

describe("the close-up", () => {
  const size = { width: 400, height: 300 };

  it("is padded and grown to the aspect", () => {
    expect(closeUpBox({ x: 100, y: 100, width: 40, height: 20 }, { padding: 10, blur: 0, aspect: 1 }, size)).toEqual({ x: 90, y: 80, width: 60, height: 60 });
  });

  it("is moved, not cut, at the edge", () => {
    expect(closeUpBox({ x: 0, y: 0, width: 80, height: 20 }, { padding: 0, blur: 0, aspect: 1 }, size)).toEqual({ x: 0, y: 0, width: 80, height: 80 });
    expect(closeUpBox({ x: 320, y: 280, width: 80, height: 20 }, { padding: 0, blur: 0, aspect: 1 }, size)).toEqual({ x: 320, y: 220, width: 80, height: 80 });
  });

  it("never leaves the document", () => {
    expect(closeUpBox({ x: 0, y: 0, width: 400, height: 10 }, { padding: 50, blur: 4, aspect: 1 }, size)).toEqual({ x: 0, y: 0, width: 400, height: 300 });
  });
});

describe("fitting", () => {
  const room = { width: 800, height: 600, left: 64, top: 64, right: 24, bottom: 64 };

  it("keeps the document clear of the bars", () => {
    const { zoom, x, y } = fitInto(room, { width: 2000, height: 500 });
    expect(x).toBeGreaterThanOrEqual(64);
    expect(y).toBeGreaterThanOrEqual(64);
    expect(x + 2000 * zoom).toBeLessThanOrEqual(776.001);
  });

  it("does not blow small pictures up without end", () => {
    expect(fitInto(room, { width: 4, height: 4 }).zoom).toBe(8);
  });

  it("works in a room that is smaller than its bars", () => {
    expect(fitInto({ ...room, width: 40, height: 40 }, { width: 100, height: 100 }).zoom).toBeGreaterThan(0);
  });
});
