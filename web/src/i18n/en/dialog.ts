/** English texts: dialogs. Each dialog has its own part. */
export const dialog = { close: "Close", cancel: "Cancel", ok: "OK" };
