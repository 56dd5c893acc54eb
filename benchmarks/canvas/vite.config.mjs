// Bundles the raster engine alone, without the page around it, and Konva for comparison. `--outDir` says where to.
export default {
  configFile: false,
  root: new URL("../../web", import.meta.url).pathname,
  publicDir: false,
  logLevel: "error",
  build: {
    target: "es2022",
    emptyOutDir: true,
    minify: true,
    rollupOptions: {
      preserveEntrySignatures: "strict",
      input: {
        canvas: new URL("../../web/src/canvas/index.ts", import.meta.url).pathname,
        konva: new URL("../../web/node_modules/konva/lib/index.js", import.meta.url).pathname,
      },
      output: { format: "es", entryFileNames: "[name].js", chunkFileNames: "[name].js" },
    },
  },
};
