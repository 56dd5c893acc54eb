import { expect, test } from "vitest";
import { shownShortcut } from "@/shared/shortcut";

test.each([
  ["Ctrl+Enter", "Ctrl+↵"],
  ["ArrowLeft", "←"],
  ["+", "+"],
  ["Ctrl+Shift+Z", "Ctrl+Shift+Z"],
  [null, ""],
])("the shortcut %s is shown as %s", (shortcut, shown) => {
  expect(shownShortcut(shortcut)).toBe(shown);
});
