import { editActions } from "./edit";
import { fileActions } from "./file";
import { generateActions } from "./generate";
import { helpActions } from "./help";
import { maskActions } from "./mask";
import { resultActions } from "./results";
import { sendActions } from "./send";
import { toolActions } from "./tools";
import type { Action } from "./types";
import { viewActions } from "./view";

export type { Action } from "./types";

/** Every action of the page. Where two share a key the first that can be done is done: what lies on top comes first. */
export const actions: readonly Action[] = [
  ...resultActions,
  ...sendActions,
  ...fileActions,
  ...editActions,
  ...toolActions,
  ...maskActions,
  ...viewActions,
  ...generateActions,
  ...helpActions,
];

/** Return an action by name; throws if there is none. */
export function action(name: string): Action {
  const found = actions.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no action is called ${name}`);
  return found;
}
