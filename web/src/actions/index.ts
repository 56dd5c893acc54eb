import type { Action } from "./types";

export type { Action } from "./types";

/** Every action of the page. */
export const actions: readonly Action[] = [];

/** Return an action by name; throws if there is none. */
export function action(_name: string): Action {
  throw new Error("being written");
}
