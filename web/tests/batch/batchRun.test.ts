import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Readback } from "@/api/types";
import { infoFields } from "@/panels/batch/batchInfo";
import { batchRun, isReady, sendBatch } from "@/panels/batch/batchRun";
import { mayHaveParameters } from "@/panels/batch/parametersInside";
import type { BatchRow } from "@/stage";

const { generateBatch, readParameters, values } = vi.hoisted(() => {
  const kept: Record<string, unknown> = {};
  return { generateBatch: vi.fn(), readParameters: vi.fn(), values: kept };
});
vi.mock("@/state/jobs", () => ({ generateBatch, jobs: {} }));
vi.mock("@/state/results", () => ({ readParameters }));
vi.mock("@/state/form", () => ({ value: (name: string) => values[name], form: { mode: "batch" }, MODES: [] }));

function row(name: string, content = "x", warning: string | null = null): BatchRow {
  return { id: 1, file: new File([content], name, { type: "image/png" }), mask: null, fields: {}, warning, sent: false };
}

function sentFields(call: number): Record<string, unknown> {
  return (generateBatch.mock.calls[call] as [{ fields: Record<string, unknown> }[]])[0][0]?.fields ?? {};
}

beforeEach(() => {
  vi.clearAllMocks();
  generateBatch.mockResolvedValue(1);
  for (const name of Object.keys(values)) Reflect.deleteProperty(values, name);
});

describe("sending a batch", () => {
  it("draws one seed for all pictures", async () => {
    values["seed"] = -1;
    expect(await sendBatch([row("a.png"), row("b.png")], [])).toBe(2);
    expect(sentFields(0)["seed"]).toBeTypeOf("number");
    expect(sentFields(1)).toEqual(sentFields(0));
  });

  it("leaves a chosen seed to the form", async () => {
    values["seed"] = 7;
    await sendBatch([row("a.png")], []);
    expect(sentFields(0)).toEqual({});
  });

  it("marks what was refused and goes on", async () => {
    const rows = [row("a.png"), row("b.png")];
    generateBatch.mockResolvedValueOnce(0);
    expect(await sendBatch(rows, [])).toBe(1);
    expect(rows.map((one) => [one.sent, one.warning])).toEqual([
      [false, "batch.refused"],
      [true, null],
    ]);
    expect(batchRun.failed).toBe(1);
    expect(rows.map(isReady)).toEqual([true, false]);
  });

  it("gives up when nothing is taken any more", async () => {
    generateBatch.mockResolvedValue(0);
    await sendBatch(Array.from({ length: 9 }, (_, index) => row(`${index}.png`)), []);
    expect(generateBatch).toHaveBeenCalledTimes(3);
    expect(batchRun.of).toBe(0);
  });

  it("leaves out pictures whose mask is missing", async () => {
    expect(await sendBatch([row("a.png", "x", "batch.noMask")], [])).toBe(0);
  });

  it("takes parameters from pictures that carry some", async () => {
    values["prompt"] = "a house";
    readParameters.mockResolvedValue({ request: { prompt: "red", steps: 9 } });
    await sendBatch([row("a.png", "tEXtparameters\0red"), row("b.png")], ["prompt"]);
    expect(readParameters).toHaveBeenCalledTimes(1);
    expect(sentFields(0)["prompt"]).toBe("a house red");
    expect(sentFields(0)).not.toHaveProperty("steps");
    expect(sentFields(1)).not.toHaveProperty("prompt");
  });
});

describe("parameters of a picture", () => {
  const readback = { request: { prompt: "red", negative_prompt: "", seed: 0, steps: 9 } } as unknown as Readback;

  it("are added to the prompts and replace the rest", () => {
    expect(infoFields(readback, ["prompt", "negative_prompt", "seed"], (name) => (name === "prompt" ? "  " : "old"))).toEqual({ prompt: "red", seed: 0 });
  });

  it.each([
    ["PNG text", "IHDRtEXtparameters\0a"],
    ["a JPEG's comment", "UNICODE\0\0S\0t\0e\0p\0s\0:\0"],
  ])("are noticed in %s", async (_name, content) => {
    expect(await mayHaveParameters(new Blob([content]))).toBe(true);
  });

  it("are not seen where there are none", async () => {
    expect(await mayHaveParameters(new Blob(["parameter", "Step"]))).toBe(false);
  });
});
