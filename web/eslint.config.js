import tseslint from "typescript-eslint";
import vue from "eslint-plugin-vue";
import { house } from "./scripts/house-rules.js";

const lines = (max) => ({ max, skipBlankLines: true, skipComments: true });

// How a template is laid out is its author's business; what it means is not.
const LAYOUT = [
  "first-attribute-linebreak",
  "html-closing-bracket-newline",
  "html-indent",
  "html-self-closing",
  "max-attributes-per-line",
  "multi-word-component-names",
  "multiline-html-element-content-newline",
  "singleline-html-element-content-newline",
];

// ESLint sees an imported .vue file as an error type; vue-tsc knows its true one and checks these.
const UNSAFE = ["argument", "assignment", "call", "member-access", "return"];

export default tseslint.config(
  { ignores: ["node_modules/**", "src/api/schema.d.ts", "coverage/**"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  tseslint.configs.strictTypeChecked,
  vue.configs["flat/recommended"],
  {
    files: ["**/*.{js,ts,vue}"],
    plugins: { house },
    languageOptions: {
      parserOptions: {
        parser: tseslint.parser,
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: [".vue"],
      },
    },
    rules: {
      eqeqeq: ["error", "always"],
      "no-console": "error",
      "max-lines": ["error", lines(300)],
      "max-lines-per-function": ["error", lines(60)],
      "house/names": "error",
      "house/rooms": "error",
      // The types say it already: numbers and booleans in a template string print as one expects.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/require-await": "off",
      ...Object.fromEntries(UNSAFE.map((name) => [`@typescript-eslint/no-unsafe-${name}`, "off"])),
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["**/*.d.ts"],
    rules: {
      "house/documented": "error",
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
    },
  },
  {
    files: ["**/*.vue"],
    rules: {
      ...Object.fromEntries(LAYOUT.map((name) => [`vue/${name}`, "off"])),
      "max-lines": ["error", lines(250)],
      "vue/block-lang": ["error", { script: { lang: "ts" } }],
      "vue/component-api-style": ["error", ["script-setup"]],
      "vue/enforce-style-attribute": ["error", { allow: ["scoped"] }],
      "vue/no-bare-strings-in-template": "error",
      "vue/no-static-inline-styles": "error",
      "vue/no-v-html": "error",
    },
  },
  {
    // What opens in a portal is not inside its component, so scoped styles miss it.
    files: ["src/shared/**/*.vue"],
    rules: { "vue/enforce-style-attribute": ["error", { allow: ["scoped", "plain"] }] },
  },
  {
    files: ["tests/**/*.ts"],
    rules: { "max-lines-per-function": "off", "max-lines": ["error", lines(400)] },
  },
  {
    files: ["**/*.js"],
    extends: [tseslint.configs.disableTypeChecked],
  },
);
