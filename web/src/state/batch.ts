/** How the batch panel, while it is shown, begins to send; set by the panel. */
export const batch: { start: (() => Promise<void>) | null } = { start: null };
