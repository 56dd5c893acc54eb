import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [vue()],
  define: {
    __VUE_OPTIONS_API__: "false",
    __VUE_PROD_DEVTOOLS__: "false",
    __VUE_I18N_LEGACY_API__: "false",
    __VUE_I18N_FULL_INSTALL__: "false",
    __INTLIFY_PROD_DEVTOOLS__: "false",
  },
  resolve: { alias: { "@": here("./src"), "@starter": here("../src/redraw/starter") } },
  build: {
    outDir: here("../src/redraw/server/static"),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    license: { fileName: "licenses.md" },
  },
  server: {
    proxy: { "/api": "http://127.0.0.1:7860", "/sdapi": "http://127.0.0.1:7860" },
    fs: { allow: [here(".."), here(".")] },
  },
});
