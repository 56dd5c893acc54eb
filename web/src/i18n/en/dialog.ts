/** English texts: dialog. */
export const dialog = {};
