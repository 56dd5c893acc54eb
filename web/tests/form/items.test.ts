import { describe, expect, test } from "vitest";
import { moveItem } from "@/panels/form/items";
import { edited } from "@/panels/form/textedit";

function press(marks: string, direction: 1 | -1): string | null {
  const caret = marks.indexOf("^");
  const text = marks.replace(/[\^«»]/g, "");
  const [start, end] = caret >= 0 ? [caret, caret] : [marks.indexOf("«"), marks.indexOf("»") - 1];
  const edit = moveItem(text, start, end, direction);
  if (!edit) return null;
  const after = edited(text, edit);
  if (edit.start === edit.end) return `${after.slice(0, edit.start)}^${after.slice(edit.start)}`;
  return `${after.slice(0, edit.start)}«${after.slice(edit.start, edit.end)}»${after.slice(edit.end)}`;
}

describe("Alt+Left and Alt+Right", () => {
  test.each([
    ["a, b^, c", -1, "b^, a, c"],
    ["a, b^, c", 1, "a, c, b^"],
    ["red cat,  bl^ue sky", -1, "bl^ue sky,  red cat"],
    ["a^,b,c", 1, "b,a^,c"],
    ["a, «b, c», d", 1, "a, d, «b, c»"],
    ["a, «b, c», d", -1, "«b, c», a, d"],
    ["a,\nb^", -1, "b^,\na"],
    ["a^\nb", 1, "b\na^"],
    ["a^,, b", 1, "b,, a^"],
  ] as const)("move the item: %s by %i is %s", (before, direction, after) => {
    expect(press(before, direction)).toBe(after);
  });

  test.each([
    ["x, (a, b^:1.2), y", -1, "x, (b^, a:1.2), y"],
    ["x, (a, b:1.2)^, y", 1, "x, y, (a, b:1.2)^"],
    ["x, (b^:1.2), y", 1, "x, y, (b^:1.2)"],
    ["[a, b^:c:0.5], d", -1, "[b^:c, a:0.5], d"],
    ["\\(a, b^", -1, "b^, \\(a"],
  ] as const)("mind the brackets: %s by %i is %s", (before, direction, after) => {
    expect(press(before, direction)).toBe(after);
  });

  test.each([["a^, b", -1], ["a, b^", 1], ["a^", 1], ["^", -1]] as const)("stop at the ends: %s by %i", (before, direction) => {
    expect(press(before, direction)).toBeNull();
  });
});
