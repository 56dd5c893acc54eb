import type { Engine } from "./types";

/** Return a new canvas with no document. */
export function createEngine(): Engine {
  throw new Error("being written");
}
