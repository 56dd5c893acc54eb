import type { Zoom } from "./zoom";

/** The stage on which a result is looked at, while it is there: for actions that zoom it. */
export const onStage: { zoom: ((what: Zoom) => void) | null } = { zoom: null };
