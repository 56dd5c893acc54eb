import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { form, setValue, value } from "@/state/form";
import { arranged, UNSHOWN } from "@/state/form-groups";
import { hasWords, toggleNetwork, toggleWords, usedNetworks, weighNetwork } from "@/state/network-use";
import { networkOf, networks, previewOf } from "@/state/networks";
import type { Network } from "@/state/networks";

function network(kind: Network["kind"], name: string, change: Partial<Network> = {}): Network {
  const prompt = { lora: `<lora:${name}:1>`, hypernetwork: `<hypernet:${name}:1>`, embedding: name }[kind];
  const empty = { alias: "", family: "", title: "", description: "", negative: "", notes: "", base: "" };
  return { kind, name, prompt, ...empty, fits: null, triggers: [], weight: 0, vectors: 0, preview: false, ...change };
}

const INK = network("lora", "art/ink", { alias: "Ink by me", weight: 0.7 });
const PEN = network("lora", "pen");
const WARM = network("hypernetwork", "pen");
const HANDS = network("embedding", "bad-hands");

/** What the prompts call: name, side and strength. */
function used(): unknown[] {
  return usedNetworks().map((one) => [one.network.kind, one.network.name, one.side, one.weight]);
}

/** The network as the reactive list has it. */
function listed(one: Network): Network {
  const found = networks.list.find(({ kind, name }) => kind === one.kind && name === one.name);
  if (!found) throw new Error(`${one.name} is not listed`);
  return found;
}

beforeEach(() => {
  networks.list = [INK, PEN, WARM, HANDS];
  form.values = {};
});

afterEach(() => {
  networks.list = [];
  form.values = {};
});

describe("a network", () => {
  test.each(["art/ink", "ART/INK", "Ink by me", "ink"])("is meant by %s", (name) => {
    expect(networkOf("lora", name)?.name).toBe("art/ink");
  });

  test("is told from another kind's namesake", () => {
    expect([networkOf("lora", "pen")?.kind, networkOf("hypernetwork", "pen")?.kind, networkOf("lora", "no")]).toEqual(["lora", "hypernetwork", undefined]);
  });

  test("whose own name is another's last part is not taken for it", () => {
    networks.list = [network("lora", "art/pen"), PEN];
    expect(networkOf("lora", "pen")?.name).toBe("pen");
  });

  test("has the address of its picture, with every sign of its name kept", () => {
    expect(previewOf(network("lora", "a b/c?#%"))).toBe("/api/v1/networks/lora/a%20b/c%3F%23%25/preview");
  });
});

describe("the prompts", () => {
  test("call networks in the order of the text, then embeddings on both sides", () => {
    setValue("prompt", "(bad-hands:1.2) <hypernet:pen:0.3> <lora:ink:0.5> <lora:unknown:1>");
    setValue("negative_prompt", "bad-hands <lora:pen:1>");
    expect(used()).toEqual([
      ["hypernetwork", "pen", "prompt", 0.3], ["lora", "art/ink", "prompt", 0.5],
      ["embedding", "bad-hands", "prompt", 1.2], ["embedding", "bad-hands", "negative_prompt", 1],
    ]);
  });

  test("get a LoRA with its recommended strength, another one, and lose it again", () => {
    setValue("prompt", "a cat");
    toggleNetwork(listed(INK), "prompt");
    expect(value("prompt")).toBe("a cat <lora:art/ink:0.7>");
    weighNetwork({ network: listed(INK), side: "prompt" }, 0.35);
    expect(value("prompt")).toBe("a cat <lora:art/ink:0.35>");
    toggleNetwork(listed(INK), "prompt");
    expect(value("prompt")).toBe("a cat");
  });

  test("get an embedding on the side that was asked for", () => {
    toggleNetwork(listed(HANDS), "negative_prompt");
    weighNetwork({ network: listed(HANDS), side: "negative_prompt" }, 1.2);
    expect([value("prompt") ?? "", value("negative_prompt")]).toEqual(["", "(bad-hands:1.2)"]);
    toggleNetwork(listed(HANDS), "negative_prompt");
    expect(value("negative_prompt")).toBe("");
  });

  test("get words, and lose them", () => {
    toggleWords("rice paper", "prompt");
    expect([value("prompt"), hasWords("rice paper", "prompt")]).toEqual(["rice paper", true]);
    toggleWords("rice paper", "prompt");
    expect([value("prompt"), hasWords("rice paper", "prompt")]).toEqual(["", false]);
  });
});

test("what only programs write is not in the form", () => {
  const field = { title: "", help: "", group: "Prompt", kind: "str", choices: [], labels: [], default: null, minimum: null, maximum: null, slider: null, optional: true, advanced: false, multiline: false, many: true, infotext: null };
  const fields = [...UNSHOWN, "emphasis"].map((name) => ({ ...field, name }));
  const names = arranged(fields, "img2img", "img2img", () => true).flatMap((group) => group.fields.map((one) => one.name));
  expect(names).toEqual(["emphasis"]);
});
