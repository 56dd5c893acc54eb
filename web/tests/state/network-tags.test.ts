import { describe, expect, test } from "vitest";
import { putTag, putWord, stepped, tagsIn, takeSpan, weighTag, weighWord, wordIn } from "@/state/network-tags";

/** The text after the first tag got another strength. */
function weighed(text: string, weight: number): string {
  const [tag] = tagsIn(text);
  if (!tag) throw new Error("no tag");
  return weighTag(text, tag, weight);
}

/** The text without its first tag. */
function taken(text: string): string {
  const [tag] = tagsIn(text);
  if (!tag) throw new Error("no tag");
  return takeSpan(text, tag);
}

describe("tags in a prompt", () => {
  test.each([
    ["a cat <lora:ink:0.8>", "lora", "ink", 0.8, null],
    ["<lora:art/ink>", "lora", "art/ink", 1, null],
    ["<lora:ink:0.5:1>", "lora", "ink", 0.5, 1],
    ["<lora:ink:0.5:0.5>", "lora", "ink", 0.5, null],
    ["<lora:ink:unet=0.2:te=0.7>", "lora", "ink", 0.7, 0.2],
    ["<lyco:ink:much>", "lora", "ink", 1, null],
    ["<hypernet:warm:-0.3>", "hypernet", "warm", -0.3, null],
  ] as const)("are read: %s", (text, kind, name, weight, unet) => {
    expect(tagsIn(text)).toMatchObject([{ kind, name, weight, unet }]);
  });

  test.each(["<region:left>", "a < b > c", "<lora:>", "a # <lora:ink:1>", "<b:c>"])("are not seen in %j", (text) => {
    expect(tagsIn(text)).toEqual([]);
  });

  test("are found each at its own place", () => {
    const text = "x <lora:a:1>, y <lora:b:0.5>";
    expect(tagsIn(text).map(({ from, to }) => text.slice(from, to))).toEqual(["<lora:a:1>", "<lora:b:0.5>"]);
  });
});

describe("a tag", () => {
  test.each([
    ["", "<lora:a:1>"],
    ["a cat", "a cat <lora:a:1>"],
    ["a cat, ", "a cat, <lora:a:1>"],
    ["a cat # note", "a cat # note\n<lora:a:1>"],
    ["# note\na cat", "# note\na cat <lora:a:1>"],
  ])("is put behind %j", (before, after) => {
    expect(putTag(before, "<lora:a:1>")).toBe(after);
  });

  test.each([
    ["<lora:a:1>", ""],
    ["a cat <lora:a:1>", "a cat"],
    ["<lora:a:1> a cat", "a cat"],
    ["a <lora:a:1> cat", "a cat"],
    ["a cat, <lora:a:1>, a hat", "a cat, a hat"],
    ["a cat <lora:a:1>, a hat", "a cat, a hat"],
    ["<lora:a:1>, a cat", "a cat"],
    ["a cat, <lora:a:1>", "a cat"],
    ["a cat\n<lora:a:1>\na hat", "a cat\n\na hat"],
  ])("is taken out of %j with what only it needed", (before, after) => {
    expect(taken(before)).toBe(after);
  });

  test("that was put and taken leaves the prompt as it was", () => {
    for (const text of ["", "a cat", "a cat, (a hat:1.2)", "one AND two"]) expect(taken(putTag(text, "<lora:a:1>"))).toBe(text);
  });

  test.each([
    ["a <lora:ink:1> b", 0.65, "a <lora:ink:0.65> b"],
    ["<lora:ink>", 0.5, "<lora:ink:0.5>"],
    ["<lora:ink:0.5:0.5>", 0.8, "<lora:ink:0.8:0.8>"],
    ["<lora:ink:0.5:1>", 0.8, "<lora:ink:0.8:1>"],
    ["<lora:ink:te=0.5:unet=0.2>", 0.8, "<lora:ink:te=0.8:unet=0.2>"],
    ["<lora:ink:0.5:dyn=4>", 2, "<lora:ink:2:dyn=4>"],
    ["<lora:ink:dyn=4>", 2, "<lora:ink:2:dyn=4>"],
    ["<hypernet:warm:1>", 0, "<hypernet:warm:0>"],
  ] as const)("%s gets the strength %d", (before, weight, after) => {
    expect(weighed(before, weight)).toBe(after);
  });

  test("has strengths in steps of 0.05 without crumbs", () => {
    expect([0.30000000000000004, 0.349, 1.97, 0].map(stepped)).toEqual([0.3, 0.35, 1.95, 0]);
  });
});

describe("a word", () => {
  test.each([
    ["a blob, a cat", "blob", { weight: 1, from: 2, to: 6 }],
    ["a BLOB", "blob", { weight: 1, from: 2, to: 6 }],
    ["a (blob:1.3) b", "blob", { weight: 1.3, from: 2, to: 12 }],
    ["(a blob:1.3)", "blob", { weight: 1, from: 3, to: 7 }],
    ["ink  wash", "ink wash", { weight: 1, from: 0, to: 9 }],
    ["it's c++ (x)", "c++ (x)", { weight: 1, from: 5, to: 12 }],
  ])("is found in %j", (text, word, found) => {
    expect(wordIn(text, word)).toEqual(found);
  });

  test.each([["a blobby", "blob"], ["my-blob", "blob"], ["<lora:blob:1>", "blob"], ["# blob", "blob"], ["a cat", " "]])("is not found in %j", (text, word) => {
    expect(wordIn(text, word)).toBeNull();
  });

  test.each([["", "blob"], ["a cat", "a cat, blob"], ["a cat,", "a cat, blob"], ["a cat <lora:a:1>", "a cat <lora:a:1>, blob"]])("is put behind %j", (before, after) => {
    expect(putWord(before, "blob")).toBe(after);
  });

  test.each([
    ["a blob, b", 1.3, "a (blob:1.3), b"],
    ["a (blob:1.3), b", 0.5, "a (blob:0.5), b"],
    ["a (blob:1.3), b", 1, "a blob, b"],
  ])("%s is weighed %d", (before, weight, after) => {
    const used = wordIn(before, "blob");
    expect(used && weighWord(before, used, weight)).toBe(after);
  });

  test("is taken out with its weight", () => {
    const text = "a cat, (blob:1.3), a hat";
    const used = wordIn(text, "blob");
    expect(used && takeSpan(text, used)).toBe("a cat, a hat");
  });
});
