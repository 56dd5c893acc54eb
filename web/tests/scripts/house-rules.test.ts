import { Linter } from "eslint";
import { describe, expect, test } from "vitest";
// @ts-expect-error: the rules are plain JavaScript, as ESLint loads them
import { house } from "../../scripts/house-rules.js";

const RULES = { "house/rooms": "error", "house/names": "error", "house/documented": "error" } as const;

/** What the house rules say about a module, as one text. */
function said(file: string, code: string): string {
  const linter = new Linter({ cwd: "/" });
  const config = { files: ["**/*.ts"], plugins: { house: house as object }, rules: RULES };
  return linter
    .verify(code, [config], { filename: `/checkout/src/${file}` })
    .map((message) => message.message)
    .join("\n");
}

describe("a module may import", () => {
  test.each([
    ["canvas/tools/brush.ts", "../types"],
    ["panels/form/a.ts", "./Field.vue"],
    ["panels/form/a.ts", "../results/index"],
    ["panels/form/a.ts", "@/panels/results"],
    ["stage/a.ts", "@/canvas/index"],
    ["stage/a.ts", "@/shared/Icon.vue"],
    ["stage/a.ts", "@/state/form"],
    ["stage/a.ts", "vue"],
    ["shell/a.ts", "@/panels/form/FormPanel.vue"],
    ["app.ts", "@/panels/form/FormPanel.vue"],
  ])("%s: %s", (file, source) => {
    expect(said(file, `import "${source}";`)).toBe("");
  });
});

describe("a module may not import", () => {
  test.each([
    ["canvas/engine.ts", "vue", "outside src/canvas"],
    ["canvas/engine.ts", "@/shared/size", "outside src/canvas"],
    ["canvas/tools/brush.ts", "../../state/form", "outside src/canvas"],
    ["stage/a.ts", "@/canvas/tools/brush", "door"],
    ["stage/a.ts", "@/shell/TopBar.vue", "through src/state"],
    ["panels/form/a.ts", "@/panels/results/Strip.vue", "through src/state"],
    ["panels/form/a.ts", "../results/Strip.vue", "through src/state"],
    ["state/form.ts", "@/panels/form/Field.vue", "lies below"],
  ])("%s: %s", (file, source, why) => {
    expect(said(file, `import "${source}";`)).toContain(why);
    expect(said(file, `void import("${source}");`)).toContain(why);
    expect(said(file, `export * from "${source}";`)).toContain(why);
  });
});

test("a module is named for what it holds", () => {
  expect(said("shared/utils.ts", "")).toContain("named for what it holds");
  expect(said("helpers/size.ts", "")).toContain("named for what it holds");
  expect(said("shared/based.ts", "")).toBe("");
});

test("an exported name has a comment that says what it is", () => {
  expect(said("shared/size.ts", "export const size = 1;")).toContain("JSDoc");
  expect(said("shared/size.ts", "// no\nexport const size = 1;")).toContain("JSDoc");
  expect(said("shared/size.ts", "/** In pixels. */\nexport const size = 1;")).toBe("");
});
