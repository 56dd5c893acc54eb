import { defineConfig, mergeConfig } from "vitest/config";
import page from "./vite.config.ts";

// Apart from the page's own configuration: the page is built where vitest is not installed.
export default mergeConfig(
  page,
  defineConfig({ test: { include: ["tests/**/*.test.ts"], environment: "happy-dom" } }),
);
