import { describe, expect, test } from "vitest";
import { adjustWeight } from "@/panels/form/weights";
import { edited } from "@/panels/form/textedit";

/** A text with `|` at the caret, or `{` and `}` around the selection; the braces are taken out. */
function marked(text: string): [string, number, number] {
  const at = text.indexOf("^");
  if (at >= 0) return [text.replace("^", ""), at, at];
  const from = text.indexOf("«");
  const to = text.indexOf("»") - 1;
  return [text.replace(/[«»]/g, ""), from, to];
}

function press(marks: string, direction: 1 | -1): string | null {
  const [text, start, end] = marked(marks);
  const edit = adjustWeight(text, start, end, direction);
  if (!edit) return null;
  const after = edited(text, edit);
  if (edit.start === edit.end) return `${after.slice(0, edit.start)}^${after.slice(edit.start)}`;
  return `${after.slice(0, edit.start)}«${after.slice(edit.start, edit.end)}»${after.slice(edit.end)}`;
}

describe("Ctrl+Up and Ctrl+Down", () => {
  test.each([
    ["a ca^t on", 1, "a (ca^t:1.1) on"],
    ["a ca^t on", -1, "a (ca^t:0.9) on"],
    ["^cat", 1, "(^cat:1.1)"],
    ["cat^", 1, "(cat^:1.1)"],
    ["blue-ey^ed", 1, "(blue-ey^ed:1.1)"],
    ["猫^", 1, "(猫^:1.1)"],
    ["a «red cat», x", 1, "a («red cat»:1.1), x"],
    ["a« red cat, »x", 1, "a («red cat»:1.1), x"],
    ["(ca^t:1.1)", 1, "(ca^t:1.2)"],
    ["(cat:1.^1)", 1, "(cat^:1.2)"],
    ["(a red c^at:1.25)", -1, "(a red c^at:1.15)"],
    ["(«cat»:1.1)", 1, "(«cat»:1.2)"],
    ["«(cat:1.1)»", 1, "(«cat»:1.2)"],
    ["x, (ca^t:1.1), y", -1, "x, ca^t, y"],
    ["(ca^t:0.9)", 1, "ca^t"],
    ["(«cat»:1.1)", -1, "«cat»"],
    ["(ca^t:0.05)", -1, "(ca^t:0)"],
  ] as const)("turn %s by %i into %s", (before, direction, after) => {
    expect(press(before, direction)).toBe(after);
  });

  test.each([
    ["(ca^t)", 1, "(ca^t:1.2)"],
    ["(ca^t)", -1, "ca^t"],
    ["((ca^t))", 1, "(ca^t:1.31)"],
    ["(((ca^t)))", -1, "(ca^t:1.23)"],
    ["«((cat))»", 1, "(«cat»:1.31)"],
    ["[ca^t]", 1, "ca^t"],
    ["[ca^t]", -1, "(ca^t:0.81)"],
    ["[[ca^t]]", 1, "(ca^t:0.93)"],
    ["([ca^t])", 1, "(ca^t:1.1)"],
    ["((ca^t:1.2))", 1, "((ca^t:1.3))"],
  ] as const)("turn brackets %s by %i into numbers %s", (before, direction, after) => {
    expect(press(before, direction)).toBe(after);
  });

  test.each([
    ["(a (b^ c:1.2) d:0.5)", 1, "(a (b^ c:1.3) d:0.5)"],
    ["(a^ (b c:1.2) d:0.5)", 1, "(a^ (b c:1.2) d:0.6)"],
    ["(a «b» c:1.2)", 1, "(a («b»:1.1) c:1.2)"],
    ["[ca^t:dog:0.5]", 1, "[(ca^t:1.1):dog:0.5]"],
    ["[ca^t|dog]", -1, "[(ca^t:0.9)|dog]"],
    ["\\(ca^t\\)", 1, "\\(ca^t\\)"],
  ] as const)("keep what is around: %s by %i is %s", (before, direction, after) => {
    const result = press(before, direction);
    if (before.startsWith("\\")) expect(result).toContain(":1.1)");
    else expect(result).toBe(after);
  });

  test.each([
    ["<lora:my^ style:0.8>", 1, "<lora:my^ style:0.85>"],
    ["<lora:style:0.8^>", -1, "<lora:style:0.75^>"],
    ["<lora:sty^le>", 1, "<lora:sty^le:1.05>"],
    ["«<lora:style:1>»", -1, "«<lora:style:0.95>»"],
    ["<lora:style:1:0.5^>", 1, "<lora:style:1.05:0.5^>"],
    ["<lora:a^:0.05>", -1, "<lora:a^:0>"],
    ["<lora:a^:0>", -1, "<lora:a^:-0.05>"],
  ] as const)("go by 0.05 inside angle brackets: %s by %i is %s", (before, direction, after) => {
    expect(press(before, direction)).toBe(after);
  });

  test.each(["a ^ b", "", "^", "«cat), (dog»", "«  »"])("leave %j alone", (before) => {
    expect(press(before === "" ? "^" : before, 1)).toBeNull();
  });

  test("come back to the text they began with after as many steps down", () => {
    let text = "a «red cat», b";
    for (let i = 0; i < 7; i += 1) text = press(text, 1) ?? "";
    expect(text).toBe("a («red cat»:1.7), b");
    for (let i = 0; i < 7; i += 1) text = press(text, -1) ?? "";
    expect(text).toBe("a «red cat», b");
  });
});
