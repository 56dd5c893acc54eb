/** The canvas's only door. */
export { createEngine } from "./engine";
export type * from "./types";
